//! How long a key takes to a container's terminal and back, beside `docker attach` at the same engine's socket.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use serde_json::json;

use super::Stage;
use super::row::{Reach, Row};
use super::samples::{Duel, median, ms_since};
use super::stage::ON_HOST;
use crate::cluster::{Cluster, programs};
use crate::engine::Failure;

const ROUNDS: usize = 15;
/// Keys of a round; the terminal holds 4096 in a line.
const KEYS: usize = 300;
/// The first ones meet what is still cold.
const WARM_UPS: usize = 20;
/// How long a program may take to make its terminal raw.
const READY: Duration = Duration::from_secs(20);

const TABLES: &str = "# <xCAT data object stanza file>\n\nhost1:\n    objtype=node\n    mgt=ipmi\n\n\
    echo1:\n    objtype=node\n    mgt=docker\n    vmhost=host1\n    provmethod=busybox\n";

pub(super) async fn echo(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    let body = json!({
        "Image": "busybox", "Cmd": ["cat"], "Tty": true, "OpenStdin": true, "HostConfig": {"NetworkMode": "none"},
        // xdock opens consoles only of containers with the labels of its own
        "Labels": {"xdock.node": "echo1", "xdock.spec": ""},
    });
    let engine = cluster.engine("host1")?;
    engine.call("POST", "/containers/create?name=echo1", Some(&body)).await?;
    cluster.lab.put("host1", &programs()?.join("xdock"), "/root/xdock").await?;
    cluster.write("host1", "/root/echo.toml", "[engines]\nhost1 = \"unix:///run/docker.sock\"\n").await?;
    cluster.write("host1", "/root/echo.stanza", TABLES).await?;
    let mut found = Duel::default();
    for round in 0..=ROUNDS {
        // a terminal of its own each round: the keys of the last one are still in its line
        engine.call("POST", "/containers/echo1/restart?t=0", None).await?;
        let ours = "/root/xdock --config /root/echo.toml --inventory file:/root/echo.stanza cons echo1";
        let mine = typed(cluster, ours).await?;
        engine.call("POST", "/containers/echo1/restart?t=0", None).await?;
        let theirs = typed(cluster, "docker attach echo1").await?;
        found.add(round, 1, mine, theirs);
    }
    engine.call("DELETE", "/containers/echo1?force=true", None).await?;
    let reach = Reach::RatioAtMost(1.0);
    Ok(stage.report(Row::against("console-echo", &found, "ms", "docker attach", reach), &found))
}

async fn typed(cluster: &Cluster, words: &str) -> Result<f64, Failure> {
    Ok(cluster.sh("host1", &format!("{ON_HOST} type -- {words}")).await?.parse()?)
}

/// Runs a program at a terminal and types: the median time in ms until a key is echoed.
pub(super) fn keys(argv: &[String]) -> Result<f64, Failure> {
    let [program, words @ ..] = argv else { return Err("no program was named".into()) };
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None)?;
    let end = |slave: &OwnedFd| slave.try_clone();
    let child = Command::new(program)
        .args(words)
        .stdin(end(&pty.slave)?)
        .stdout(end(&pty.slave)?)
        .stderr(end(&pty.slave)?)
        .spawn()?;
    let mut child = Killed(child);
    // before that the terminal itself would echo
    let begun = Instant::now();
    while tcgetattr(&pty.master)?.local_flags.contains(LocalFlags::ECHO) {
        if begun.elapsed() > READY || child.0.try_wait()?.is_some() {
            return Err(format!("{program} did not make its terminal raw").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut terminal = File::from(pty.master);
    let times = (0..KEYS).map(|_| key(&mut terminal)).collect::<Result<Vec<f64>, Failure>>()?;
    Ok(median(times.get(WARM_UPS..).unwrap_or_default()))
}

fn key(terminal: &mut File) -> Result<f64, Failure> {
    let begun = Instant::now();
    terminal.write_all(b"~")?;
    let mut bytes = [0; 4096];
    loop {
        let read = terminal.read(&mut bytes)?;
        // neither program says this of its own
        if bytes.get(..read).unwrap_or_default().contains(&b'~') {
            return Ok(ms_since(begun));
        }
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
