//! What a host costs: from bare to serving containers, a run with nothing to do, and the pings that are lost while its NIC moves.
//!
//! A lab of its own with four bare hosts: one is deployed, one gets the engine by apt alone, and two move their NIC.

use std::time::{Duration, Instant};

use lab::{LabName, Spec};
use tokio::sync::OnceCell;

use super::machine::Timed;
use super::row::{Reach, Row};
use super::samples::{Duel, median, ms_since};
use super::stage::{ON_HOST, Stage};
use crate::cluster::{Cluster, programs};
use crate::engine::Failure;
use crate::tables::Tables;

/// Runs of which the middle one counts.
const ROUNDS: usize = 15;
/// As the promise counts: ten pings a second.
const PING: Duration = Duration::from_millis(100);

/// Hosts as Debian's installer leaves them.
#[derive(Debug, Default)]
pub(super) struct Bare(OnceCell<Cluster>);

impl Bare {
    /// The lab, made when it is needed first.
    async fn cluster(&self, name: &LabName) -> Result<&Cluster, Failure> {
        let provision = || async {
            // a switch in user space passes on what has its checksums, as frames of a real card do
            let spec = Spec { checksums: true, ..Spec::new(name.clone(), 4) };
            Cluster::bare(&spec, &tables(), &|line| eprintln!("  {line}")).await
        };
        self.0.get_or_try_init(provision).await
    }

    /// Removes what was made.
    pub(super) async fn down(&self) -> Result<(), Failure> {
        match self.0.get() {
            Some(cluster) => Ok(cluster.lab.down().await?),
            None => Ok(()),
        }
    }
}

/// `host4` is switched by Open vSwitch, the others bridged.
fn tables() -> Tables {
    let br0 = [
        ("nictypes.br0", "bridge_ovs"),
        ("nicdevices.br0", "eth0"),
        ("nicnetworks.br0", "mynet0"),
        ("nicextraparams.br0", "datapath_type=netdev"),
    ];
    let tables =
        Tables::of_lab_with(3, &[("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0")]);
    let usual =
        [("groups", "all"), ("ip", "10.99.0.14"), ("mgt", "ipmi"), ("os", "debian12"), ("arch", "x86_64")];
    let more = [("profile", "compute"), ("xcatmaster", "10.99.0.1")];
    let attributes: Vec<_> = usual.into_iter().chain(more).chain(br0).collect();
    tables.object("host4", "node", &attributes)
}

/// A whole run on a bare host, beside the same packages by apt.
pub(super) async fn whole(stage: &Stage) -> Result<Row, Failure> {
    let cluster = stage.bare.cluster(&stage.beside("bare")?).await?;
    let begun = Instant::now();
    cluster.updatenode(&["host1"], "xdock unsigned=yes").await?;
    let ours = ms_since(begun) / 1e3;
    let apt = "printf 'deb [trusted=yes] http://10.99.0.1/install/post/otherpkgs/debian12/x86_64 ./\\n' > /etc/apt/sources.list; \
               apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends docker.io iptables";
    let begun = Instant::now();
    cluster.lab.exec("host2", &["sh", "-ec", apt], Duration::from_secs(300)).await?;
    let duel = Duel { ours: vec![ours], peer: vec![ms_since(begun) / 1e3] };
    Ok(Row::against("deploy", &duel, "s", "apt-get install docker.io", Reach::RatioAtMost(1.3)))
}

/// The host that Open vSwitch switches.
pub(super) const SWITCHED: &str = "host4";

/// Pings lost while the install NIC moves.
pub(super) async fn moved(stage: &Stage, into_ovs: bool) -> Result<Row, Failure> {
    let cluster = stage.bare.cluster(&stage.beside("bare")?).await?;
    let (host, name, limit) =
        if into_ovs { (SWITCHED, "move-ovs", 3.0) } else { ("host3", "move-bridge", 1.0) };
    if into_ovs {
        cluster.updatenode(&[host], "xdock docker unsigned=yes").await?;
    }
    let watch = cluster.lab.watch_ping(host, PING)?;
    cluster.updatenode(&[host], "xdock network").await?;
    // a manager that takes the network over may do so a little later
    tokio::time::sleep(Duration::from_secs(3)).await;
    let pings = watch.stop().await?;
    stage.note(&format!("{name}: longest silence {} ms", pings.longest_silence.as_millis()));
    Ok(Row::alone(name, f64::from(pings.lost), "pings", limit))
}

/// The lab, whose [`SWITCHED`] host has its bridge.
pub(super) async fn switched(stage: &Stage) -> Result<&Cluster, Failure> {
    let cluster = stage.bare.cluster(&stage.beside("bare")?).await?;
    cluster.updatenode(&[SWITCHED], "xdock docker unsigned=yes").await?;
    cluster.updatenode(&[SWITCHED], "xdock network").await?;
    Ok(cluster)
}

/// A run of a step, or of all of them, that has nothing to do.
pub(super) async fn rerun(stage: &Stage, step: Option<&str>) -> Result<Row, Failure> {
    let cluster = stage.cluster().await?;
    let (name, words, limit) = match step {
        Some(step) => ("rerun-network", step.to_owned(), 30.0),
        None => ("rerun-all", "unsigned=yes".to_owned(), 150.0),
    };
    let first = cluster.xdockhost(&cluster.tables, "host1", &words).await?;
    if first.code != 0 {
        return Err(format!("xdockhost {words}: {first:?}").into());
    }
    let line = format!("{ON_HOST} time {ROUNDS} -- /opt/xdock/bin/xdockhost {words}");
    let timed: Timed = serde_json::from_str(&cluster.sh("host1", &Cluster::exported(&line)).await?)?;
    Ok(Row::alone(name, median(&timed.ms), "ms", limit))
}

/// What every host fetches: static and stripped, of the profile `dist`.
pub(super) fn size() -> Result<Row, Failure> {
    let bytes = std::fs::metadata(programs()?.with_file_name("dist").join("xdockhost"))?.len();
    Ok(Row::alone("xdockhost-size", bytes as f64 / 1e6, "MB", 6.0))
}
