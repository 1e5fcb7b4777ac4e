//! `xdock nodes` in a large cluster's tables.

use std::path::Path;
use std::time::Duration;

use process::Command;

use super::machine::Timed;
use super::row::{Reach, Row};
use super::samples::Duel;
use crate::cluster::programs;
use crate::engine::Failure;

const ROUNDS: &str = "15";

/// xCAT's tables (Schema.pm) with 100,000 nodes.
const NODELIST: &str = "
CREATE TABLE nodelist (node VARCHAR(128), groups TEXT, status TEXT, statustime TEXT, appstatus TEXT, appstatustime TEXT,
  primarysn TEXT, hidden TEXT, updatestatus TEXT, updatestatustime TEXT, zonename TEXT, comments TEXT, disable TEXT,
  PRIMARY KEY (node));
WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM count WHERE n<100000)
INSERT INTO nodelist (node, groups, status, statustime)
  SELECT 'n'||n, 'rack'||(n/50)||',compute,all', 'booted', '11-22-2026 16:00:00' FROM count;";

const NODEHM: &str = "
CREATE TABLE nodehm (node VARCHAR(128), power TEXT, mgt TEXT, cons TEXT, comments TEXT, disable TEXT, PRIMARY KEY (node));
INSERT INTO nodehm (node, mgt) VALUES ('compute', 'ipmi');";

const NODEGROUP: &str = "
CREATE TABLE nodegroup (groupname VARCHAR(128), grouptype TEXT, members TEXT, membergroups TEXT, wherevals TEXT,
  comments TEXT, disable TEXT, PRIMARY KEY (groupname));";

pub(super) async fn nodes() -> Result<Vec<Row>, Failure> {
    let tables = tempfile::tempdir()?;
    for (name, sql) in [("nodelist", NODELIST), ("nodehm", NODEHM), ("nodegroup", NODEGROUP)] {
        rusqlite::Connection::open(tables.path().join(format!("{name}.sqlite")))?.execute_batch(sql)?;
    }
    let bench = std::env::current_exe()?;
    let table = tables.path().join("nodelist.sqlite");
    let ours = timed(&bench, &xdock(tables.path())?).await?;
    let peer = timed(&bench, &words(&[&bench, Path::new("select"), &table])).await?;
    let memory = Duel { ours: vec![megabytes(&ours)], peer: vec![megabytes(&peer)] };
    let times = Duel { ours: ours.ms, peer: peer.ms };
    let peer = "SQLite reading the table";
    Ok(vec![
        Row::against("nodes-time", &times, "ms", peer, Reach::AtMost(150.0)),
        Row::against("nodes-memory", &memory, "MB", peer, Reach::AtMost(150.0)),
    ])
}

fn xdock(tables: &Path) -> Result<Vec<String>, Failure> {
    let program = programs()?.join("xdock").display().to_string();
    let inventory = format!("xcat://{}", tables.display());
    Ok([&*program, "--inventory", &*inventory, "nodes", "n[1-1000]"].map(str::to_owned).into())
}

fn words(paths: &[&Path]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// By a small process of its own, so that the memory is nobody else's.
async fn timed(bench: &Path, argv: &[String]) -> Result<Timed, Failure> {
    let command = Command::new(&bench.display().to_string(), Duration::from_secs(120));
    let ran = command.args(["time", ROUNDS, "--"]).args(argv).execute().await?;
    Ok(serde_json::from_slice(&ran.stdout)?)
}

fn megabytes(timed: &Timed) -> f64 {
    timed.peak_kb as f64 / 1024.0
}
