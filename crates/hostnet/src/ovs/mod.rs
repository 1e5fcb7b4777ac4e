//! Open vSwitch, through its database: what is configured there, ovs-vswitchd makes so.
//!
//! ```text
//! observed.rs   what the database says, as types
//! bridge.rs     a bridge with its uplink and its internal port
//! port.rs       a container's port, and its VLAN
//! apply.rs      one transaction, and the wait until ovs-vswitchd has taken it
//! watch.rs      being told that something changed
//! announce.rs   frames that come out of a container's port without the container
//! openflow.rs   the four messages of OpenFlow that this takes
//! error.rs      how it was refused
//! ```
//!
//! Every change is one transaction. It is planned from what a `select` told, by a pure function, and carries `wait`
//! operations that fail it when somebody was quicker; then it is planned anew. Repeated, it has no further effect.

mod announce;
mod apply;
mod bridge;
mod error;
mod observed;
mod openflow;
mod port;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use ovsdb::{Client, Options};

pub use bridge::BridgeSpec;
pub use error::SwitchError;
pub use observed::{Bridge, Interface, Observed, Port};
pub use ovsdb::{Remote, Uuid};
pub use port::PortSpec;
pub use watch::Watch;

/// Where ovsdb-server listens on every distribution (ovs-ctl(8), `--db-sock`).
pub const REMOTE: &str = "unix:/var/run/openvswitch/db.sock";

/// The database of ovs-vswitchd (ovs-vswitchd.conf.db(5)).
const DATABASE: &str = "Open_vSwitch";

/// How long ovsdb-server may take to answer, the way to it included: it answers from memory.
const ANSWER: Duration = Duration::from_secs(3);

/// How long ovs-vswitchd may take to do what was configured. It needs milliseconds; a restart of it takes two seconds.
const APPLY: Duration = Duration::from_secs(5);

/// The Open vSwitch of this machine. Clones share one connection, which is made when it is needed and made again when
/// ovsdb-server was restarted.
#[derive(Debug, Clone)]
pub struct Switch {
    client: Client,
    /// Where ovs-vswitchd listens for OpenFlow, if it is on this machine.
    rundir: Option<PathBuf>,
    apply: Duration,
}

impl Switch {
    /// The switch whose database is at `remote` (`unix:PATH`, `tcp:HOST:PORT`). Nobody needs to listen there yet. Must
    /// be called in a tokio runtime.
    ///
    /// # Errors
    /// The text is no remote.
    pub fn open(remote: &str) -> Result<Self, SwitchError> {
        Self::at(remote.parse().map_err(|source| SwitchError::Remote { source })?)
    }

    /// The same for an address that was parsed.
    ///
    /// # Errors
    /// It can not be used: certificates are not provided for here, so no `ssl:`.
    pub fn at(remote: Remote) -> Result<Self, SwitchError> {
        let rundir = match &remote {
            Remote::Unix(socket) => socket.parent().map(PathBuf::from),
            Remote::Tcp(..) | Remote::Ssl(..) => None,
        };
        let options = Options::new(DATABASE).remotes(vec![remote]).deadline(ANSWER);
        let started = Client::start(options);
        let client = started.map_err(|source| SwitchError::database("open", source))?;
        Ok(Self { client, rundir, apply: APPLY })
    }

    /// The same with another limit for what ovs-vswitchd has to do; 5 s without this.
    #[must_use]
    pub fn patience(mut self, apply: Duration) -> Self {
        self.apply = apply;
        self
    }
}
