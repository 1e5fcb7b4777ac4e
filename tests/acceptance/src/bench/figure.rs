//! Which figures there are.

use clap::ValueEnum;

use super::{Row, Stage, calls, daemon, deploy, echo, fleet, lives, nodes, plug, power, starts, tcp, why};
use crate::engine::Failure;

/// A figure by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Figure {
    /// start of one container, probe off, beside Docker's user-defined bridge
    Start,
    /// the same with DNS, anti-spoofing and a published port, beside the user-defined bridge with a published port
    StartPort,
    /// start of one container with the default probe
    StartProbe,
    /// start of one container beside a Swarm overlay network
    StartOverlay,
    /// 30 starts in parallel beside the user-defined bridge
    #[value(name = "start-30")]
    Start30,
    /// netd's own time for all calls of one start, probe off
    NetdCalls,
    /// TCP between two hosts' containers beside a bridge and veth pairs made by hand
    Tcp,
    /// TCP between two hosts' containers with the filter of what they send, beside the same without it
    TcpAntispoof,
    /// `xdock power X state`, 50 containers of one host, whole process
    PowerState,
    /// `xdock power X on`, 50 containers, beside the engine's API driven directly
    PowerOn,
    /// `xdock mk`, `power X on`, `power X off` and `rm`, 50 containers over TLS, beside the engine's API driven directly
    Tls,
    /// `xdock power X state`, 500 containers of five hosts over TLS, whole process
    #[value(name = "power-state-500")]
    PowerState500,
    /// the same while one of the hosts swallows what it is sent
    DeadHost,
    /// `xdock why A B` of a healthy pair on two hosts over new ssh connections, whole process
    Why,
    /// a key to a container's terminal and back, `xdock cons` beside `docker attach`
    ConsoleEcho,
    /// `xdock nodes` of 1,000 of 100,000 nodes, whole process: time and memory
    Nodes,
    /// netd's resident memory with 100 endpoints, their DNS sockets and a snapshot of 10,000 nodes
    NetdMemory,
    /// netd from exec to serving, as much to load
    NetdExec,
    /// a bare host to serving containers, beside apt-get install docker.io alone
    Deploy,
    /// pings of ten a second lost while the install NIC moves into a bridge
    MoveBridge,
    /// the same into Open vSwitch, userspace datapath
    MoveOvs,
    /// a container's port on Open vSwitch until ovs-vswitchd uses it, userspace datapath
    OvsAttach,
    /// xdockhost with nothing to do, all steps, whole process
    RerunAll,
    /// xdockhost network with nothing to do, whole process
    RerunNetwork,
    /// xdockhost, static and stripped
    XdockhostSize,
}

impl Figure {
    /// Measures it.
    ///
    /// # Errors
    /// What kept it from being measured; a figure that misses is none.
    pub async fn measure(self, stage: &Stage) -> Result<Vec<Row>, Failure> {
        let row = match self {
            Self::Start => starts::alone(stage).await?,
            Self::StartPort => starts::publishing(stage).await?,
            Self::StartProbe => starts::probed(stage).await?,
            Self::StartOverlay => starts::beside_overlay(stage).await?,
            Self::Start30 => starts::together(stage).await?,
            Self::NetdCalls => calls::calls(stage).await?,
            Self::Tcp => tcp::tcp(stage).await?,
            Self::TcpAntispoof => tcp::filtered(stage).await?,
            Self::PowerState => power::state(stage).await?,
            Self::PowerOn => power::on(stage).await?,
            Self::Tls => return lives::lives(stage).await,
            Self::PowerState500 => fleet::state(stage).await?,
            Self::DeadHost => fleet::dead(stage).await?,
            Self::Why => why::healthy(stage).await?,
            Self::ConsoleEcho => echo::echo(stage).await?,
            Self::Nodes => return nodes::nodes().await,
            Self::NetdMemory => daemon::memory(stage).await?,
            Self::NetdExec => daemon::exec().await?,
            Self::Deploy => deploy::whole(stage).await?,
            Self::MoveBridge => deploy::moved(stage, false).await?,
            Self::MoveOvs => deploy::moved(stage, true).await?,
            Self::OvsAttach => plug::attach(stage).await?,
            Self::RerunAll => deploy::rerun(stage, None).await?,
            Self::RerunNetwork => deploy::rerun(stage, Some("network")).await?,
            Self::XdockhostSize => deploy::size()?,
        };
        Ok(vec![row])
    }

    /// Its name on the command line, and what it is.
    pub fn described(self) -> (String, String) {
        let value = self.to_possible_value();
        let name = value.as_ref().map(|value| value.get_name().to_owned());
        let help = value.as_ref().and_then(|value| value.get_help()).map(ToString::to_string);
        (name.unwrap_or_default(), help.unwrap_or_default())
    }
}
