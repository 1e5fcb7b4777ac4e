//! The command line of `netd`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hostnet::ovs::Remote;

/// Gives every container of this host exactly the address and MAC of the cluster's tables.
#[derive(Debug, Parser)]
#[command(name = "netd", version, about, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// The socket of the plugin, where Docker and these commands find the daemon
    #[arg(long, global = true, value_name = "PATH", default_value = "/run/docker/plugins/netd.sock")]
    pub(crate) socket: PathBuf,
    /// Where the snapshot of the tables is kept
    #[arg(long, global = true, value_name = "PATH", default_value = inventory::snapshot::PATH)]
    pub(crate) snapshot: PathBuf,
    /// What to do; without a command: `run`
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  netd status                      what this host has, and what is wrong with it
  netd snapshot load dh1.json      take a snapshot that `xdock sync` compiled; `-` reads standard input
  netd reconcile                   repair now what the timer would repair within 30 seconds";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve Docker (what netd.service does)
    Run(Run),
    /// Show snapshot, networks, endpoints, repairs and problems
    Status {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take or show the snapshot of the tables
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Compare the host with what must be, and repair it, now
    Reconcile,
}

/// What to do with the snapshot.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Verify a snapshot and put it in force
    Load {
        /// The file; `-` is standard input
        file: PathBuf,
        /// Refuse a snapshot that is for another host than this
        #[arg(long, value_name = "NAME")]
        host: Option<inventory::NodeName>,
        /// Replace the snapshot in force, whoever made it and when, if it is exactly this one (see `netd snapshot show`)
        #[arg(long, value_name = "VERSION@DIGEST")]
        replaces: Option<inventory::Stamp>,
    },
    /// Print the snapshot that is in force
    Show,
}

/// How the daemon runs.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What must survive a reboot: the networks that Docker made
    #[arg(long, value_name = "DIR", default_value = "/var/lib/xdock/netd")]
    pub(crate) state: PathBuf,
    /// What must survive the daemon, not a reboot: the endpoints that are plugged in
    #[arg(long, value_name = "DIR", default_value = "/run/xdock/netd")]
    pub(crate) run: PathBuf,
    /// How long to listen for another machine that uses the address before it goes live; 0: do not ask
    #[arg(long, value_name = "MS", env = "NETD_PROBE_MS", default_value_t = 40, value_parser = clap::value_parser!(u64).range(0..=5000))]
    pub(crate) probe_ms: u64,
    /// Where the database of Open vSwitch is, for networks on one of its bridges: unix:PATH or tcp:HOST:PORT
    #[arg(long, value_name = "REMOTE", env = "NETD_OVSDB", default_value = hostnet::ovs::REMOTE)]
    pub(crate) ovsdb: Remote,
}

impl Run {
    /// The window of a probe; `None`: off.
    pub(crate) fn probe_window(&self) -> Option<Duration> {
        (self.probe_ms > 0).then(|| Duration::from_millis(self.probe_ms))
    }
}

impl Default for Run {
    fn default() -> Self {
        let ovsdb = Remote::Unix("/var/run/openvswitch/db.sock".into());
        Self { state: "/var/lib/xdock/netd".into(), run: "/run/xdock/netd".into(), probe_ms: 40, ovsdb }
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
        assert_eq!(examples.len(), 3, "{examples:?}");
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
        assert_eq!(run.ovsdb, default.ovsdb);
    }
}
