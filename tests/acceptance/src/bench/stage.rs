//! Where figures are measured: a lab of three docker hosts, made when the first figure needs it.

use std::sync::atomic::{AtomicBool, Ordering};

use lab::{Lab, LabName};
use tokio::sync::OnceCell;

use super::deploy::Bare;
use super::fleet::Fleet;
use super::row::Row;
use super::samples::Duel;
use crate::cluster::{Cluster, programs};
use crate::engine::Failure;
use crate::tables::Tables;

/// Containers of the power figures.
pub(super) const POWERED: u8 = 50;
/// Containers that start at once.
pub(super) const CROWD: u8 = 30;
/// Nodes that are each started once: a node that had its address lately is not probed again.
pub(super) const PROBED: u8 = 18;

/// The host for what is measured beside a swarm. No other figure is measured there: an engine that takes part in a swarm runs
/// without live-restore, and a swarm that was left leaves networks behind.
pub(super) const OF_SWARM: &str = "host3";

/// Where the bench's own program is on hosts.
pub(super) const ON_HOST: &str = "/root/bench";

/// The stage.
#[derive(Debug)]
pub struct Stage {
    name: LabName,
    begun: AtomicBool,
    cluster: OnceCell<Cluster>,
    powered: OnceCell<()>,
    /// Hosts that are not docker hosts yet.
    pub(super) bare: Bare,
    /// Five docker hosts that are spoken to by TLS.
    pub(super) fleet: Fleet,
}

impl Stage {
    /// An empty one; the lab will have that name.
    pub fn new(name: LabName) -> Self {
        Self {
            name,
            begun: AtomicBool::new(false),
            cluster: OnceCell::new(),
            powered: OnceCell::new(),
            bare: Bare::default(),
            fleet: Fleet::default(),
        }
    }

    /// The name of a second lab.
    pub(super) fn beside(&self, what: &str) -> Result<LabName, Failure> {
        Ok(format!("{}{what}", self.name).parse()?)
    }

    /// Tells something beside the table.
    pub(super) fn note(&self, text: &str) {
        eprintln!("  {text}");
    }

    /// Notes how sure the row of a duel is.
    pub(super) fn report(&self, row: Row, duel: &Duel) -> Row {
        self.note(&format!("{}: {}", row.name(), duel.spread()));
        row
    }

    /// The lab, with netd's probe off.
    pub(super) async fn cluster(&self) -> Result<&Cluster, Failure> {
        self.cluster.get_or_try_init(|| self.provision()).await
    }

    async fn provision(&self) -> Result<Cluster, Failure> {
        self.begun.store(true, Ordering::Relaxed);
        Lab::remove(&self.name).await?;
        let cluster = Cluster::provision(&self.name, 3, &tables(), &|line| self.note(line)).await?;
        // makes the networks on all hosts
        cluster.xdock_done("mk start1,spare1,overlay1").await?;
        let bench = programs()?.join("bench");
        for machine in ["mn", "host1", "host2"] {
            cluster.lab.put(machine, &bench, ON_HOST).await?;
        }
        probe(&cluster, "host1", Some(0)).await?;
        probe(&cluster, "host2", Some(0)).await?;
        probe(&cluster, OF_SWARM, Some(0)).await?;
        Ok(cluster)
    }

    /// The containers of the power figures, made and running.
    pub(super) async fn powered(&self) -> Result<(), Failure> {
        let make = || async {
            self.note("making 50 containers");
            self.cluster().await?.xdock_done("mk powered --start").await.map(drop)
        };
        self.powered.get_or_try_init(make).await.copied()
    }

    /// Removes what was made.
    ///
    /// # Errors
    /// What stays.
    pub async fn down(&self) -> Result<(), Failure> {
        self.bare.down().await?;
        self.fleet.down().await?;
        if self.begun.load(Ordering::Relaxed) {
            Lab::remove(&self.name).await?;
        }
        Ok(())
    }
}

/// Sets the window of netd's probe in ms; `None`: what netd has by default.
pub(super) async fn probe(cluster: &Cluster, host: &str, window: Option<u32>) -> Result<(), Failure> {
    let setting = window.map(|ms| format!("NETD_PROBE_MS={ms}\n")).unwrap_or_default();
    cluster.write(host, "/etc/xdock/netd.env", &setting).await?;
    cluster.sh(host, "systemctl restart netd").await.map(drop)
}

/// The table's address of the `number`th node of a figure.
pub(super) fn address(figure: u8, number: u8) -> String {
    format!("10.99.{figure}.{number}")
}

/// The nodes of a figure: their name without the number, the third byte of their addresses, host, how many.
const NODES: [(&str, u8, &str, u8); 13] = [
    ("start", 1, "host1", 1),
    ("probe", 2, "host1", PROBED),
    ("crowd", 3, "host1", CROWD),
    ("power", 4, "host1", POWERED),
    ("overlay", 5, OF_SWARM, 1),
    ("near", 6, "host1", 1),
    ("far", 7, "host2", 1),
    ("spare", 8, "host2", 1),
    ("guard", 9, "host1", 1),
    ("guardfar", 10, "host2", 1),
    ("open", 11, "host1", 1),
    ("openfar", 12, "host2", 1),
    ("port", 13, "host1", 1),
];

/// The tables of all figures that need a lab.
pub(super) fn tables() -> Tables {
    let nodes = NODES.iter().flat_map(|of| (1..=of.3).map(move |number| (of, number)));
    nodes.fold(Tables::of_lab(3), |tables, ((name, byte, host, _), number)| {
        let more: &[_] = match *name {
            "power" => &[("groups", "powered,all")],
            "open" | "openfar" => &[("vmothersettings", "antispoof=no")],
            "port" => &[("vmothersettings", "port=18080:80")],
            _ => &[],
        };
        tables.container(&format!("{name}{number}"), host, &address(*byte, number), more)
    })
}
