//! The command line of `netd`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hostnet::ovs::Remote;
use inventory::{MacAddr, NodeName};

use crate::inspect::Target;
use crate::names::DOCKER_ROOT;

/// Docker network plugin: assigns each container the address and MAC from the cluster's tables
#[derive(Debug, Parser)]
#[command(name = "netd", version, about, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Plugin socket, used by Docker and by these commands
    #[arg(long, global = true, value_name = "PATH", default_value = "/run/docker/plugins/netd.sock")]
    pub(crate) socket: PathBuf,
    /// File that holds the snapshot of the tables
    #[arg(long, global = true, value_name = "PATH", default_value = inventory::snapshot::PATH)]
    pub(crate) snapshot: PathBuf,
    /// Command [default: run]
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  netd status                      show networks, endpoints and problems
  netd snapshot load dh1.json      load a snapshot that `xdock sync` compiled; `-` reads standard input
  netd reconcile                   repair now instead of at the next timer (30 seconds)
  netd inspect host1c1 --probe 10.99.2.1     show interface, port and bridge of a container, and ping from it";

/// Commands of `netd`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the daemon (netd.service does this)
    Run(Run),
    /// Show snapshot, networks, endpoints, repairs and problems
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Load or show the snapshot of the tables
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Compare the host with its desired state and repair differences now
    Reconcile,
    /// Print facts about the network of a container or of this host as JSON; `xdock why` runs this
    Inspect(Inspect),
}

/// Commands of `netd snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Verify a snapshot and activate it
    Load {
        /// Snapshot file; `-` reads standard input
        file: PathBuf,
        /// Refuse the snapshot unless it is for host NAME
        #[arg(long, value_name = "NAME")]
        host: Option<inventory::NodeName>,
        /// Replace the active snapshot, whatever its version and origin, if it is exactly VERSION@DIGEST (see `netd snapshot show`)
        #[arg(long, value_name = "VERSION@DIGEST")]
        replaces: Option<inventory::Stamp>,
    },
    /// Print the active snapshot
    Show,
}

/// Options of `netd inspect`. It needs root and all capabilities, and changes nothing.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Container node of this host [default: the host itself]
    #[arg(value_name = "NODE")]
    pub(crate) node: Option<NodeName>,
    /// Destination to probe: echo requests, or a TCP connection to PORT
    #[arg(long = "probe", value_name = "ADDRESS[:PORT]")]
    pub(crate) probes: Vec<Target>,
    /// MAC to look up in forwarding databases; another MAC that answers for a probed address is reported
    #[arg(long = "mac", value_name = "MAC")]
    pub(crate) macs: Vec<MacAddr>,
    /// Name to ask netd's name server in the container for
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// TCP port of the host: who publishes it, and which program listens
    #[arg(long = "port", value_name = "PORT")]
    pub(crate) ports: Vec<u16>,
    /// Read Open vSwitch even if the container is not on it
    #[arg(long)]
    pub(crate) switch: bool,
    /// Print one line
    #[arg(long)]
    pub(crate) json: bool,
    /// Directory of the endpoint records
    #[arg(long, value_name = "DIR", default_value = "/run/xdock/netd")]
    pub(crate) run: PathBuf,
    /// Open vSwitch database: unix:PATH or tcp:HOST:PORT
    #[arg(long, value_name = "REMOTE", env = "NETD_OVSDB", default_value = hostnet::ovs::REMOTE)]
    pub(crate) ovsdb: Remote,
}

/// Options of `netd run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Directory for state that survives a reboot: the networks that Docker created
    #[arg(long, value_name = "DIR", default_value = "/var/lib/xdock/netd")]
    pub(crate) state: PathBuf,
    /// Directory for state that survives a restart of netd, but not a reboot: the endpoints
    #[arg(long, value_name = "DIR", default_value = "/run/xdock/netd")]
    pub(crate) run: PathBuf,
    /// Address conflict detection: time to wait for an answer from another machine before a container gets its address; 0 turns it off
    #[arg(long, value_name = "MS", env = "NETD_PROBE_MS", default_value_t = 40, value_parser = clap::value_parser!(u64).range(0..=5000))]
    pub(crate) probe_ms: u64,
    /// Open vSwitch database, for networks on an Open vSwitch bridge: unix:PATH or tcp:HOST:PORT
    #[arg(long, value_name = "REMOTE", env = "NETD_OVSDB", default_value = hostnet::ovs::REMOTE)]
    pub(crate) ovsdb: Remote,
    /// Docker's data directory: netd keeps the lines of links in /etc/hosts of containers current
    #[arg(long, value_name = "DIR", env = "NETD_DOCKER_ROOT", default_value = DOCKER_ROOT)]
    pub(crate) docker_root: PathBuf,
}

impl Run {
    /// Time to wait for an address conflict; `None` if detection is off.
    pub(crate) fn probe_window(&self) -> Option<Duration> {
        (self.probe_ms > 0).then(|| Duration::from_millis(self.probe_ms))
    }
}

impl Default for Run {
    fn default() -> Self {
        let ovsdb = Remote::Unix("/var/run/openvswitch/db.sock".into());
        let docker_root = DOCKER_ROOT.into();
        Self {
            state: "/var/lib/xdock/netd".into(),
            run: "/run/xdock/netd".into(),
            probe_ms: 40,
            ovsdb,
            docker_root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_parses() {
        let examples: Vec<&str> =
            EXAMPLES.lines().map(str::trim).filter(|line| line.starts_with("netd ")).collect();
        assert_eq!(examples.len(), 4, "{examples:?}");
        for example in examples {
            let call = example.split("  ").next().unwrap_or_default();
            let parsed = Cli::try_parse_from(call.split(' '));
            assert!(parsed.is_ok(), "{call}: {parsed:?}");
        }
    }

    #[test]
    fn run_without_flags_is_the_default() {
        let Some(Command::Run(run)) = Cli::parse_from(["netd", "run"]).command else { panic!("run") };
        let default = Run::default();
        assert_eq!((run.state, run.run, run.probe_ms), (default.state, default.run, default.probe_ms));
        assert_eq!((run.ovsdb, run.docker_root), (default.ovsdb, default.docker_root));
    }
}
