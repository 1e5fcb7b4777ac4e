//! Configures Open vSwitch through its database. ovs-vswitchd applies the configuration.
//!
//! ```text
//! observed.rs   the configuration and state in the database, as types
//! bridge.rs     bridges with uplink and internal port
//! port.rs       ports of containers, and VLANs
//! apply.rs      transactions, and the wait until ovs-vswitchd has applied them
//! watch.rs      notifications of changes
//! fdb.rs        forwarding databases
//! announce.rs   address announcements through a container's port
//! openflow.rs   the OpenFlow messages for announcements
//! flows/        flows that filter what containers send
//! error.rs      errors
//! ```
//!
//! Each change is one transaction. A pure function plans it from the current configuration. Its `wait`
//! operations make it fail if another program changed the configuration meanwhile; then it is planned again.
//! All changes are idempotent.

mod announce;
mod apply;
mod bridge;
mod error;
mod fdb;
mod flows;
mod observed;
mod openflow;
mod port;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use ovsdb::{Client, Options};

pub use bridge::BridgeSpec;
pub use error::SwitchError;
pub use fdb::{FdbEntry, forwarding_database};
pub use flows::{
    Flow, FlowCounts, FlowWatch, HostPort, Purpose, SwitchedPorts, filter_flows, network_flows, publish_flows,
};
pub use observed::{Bridge, Interface, Observed, Port};
pub use ovsdb::{Remote, Uuid};
pub use port::PortSpec;
pub use watch::Watch;

/// The address of ovsdb-server on all distributions (ovs-ctl(8), `--db-sock`).
pub const REMOTE: &str = "unix:/var/run/openvswitch/db.sock";

/// The database of ovs-vswitchd (ovs-vswitchd.conf.db(5)).
const DATABASE: &str = "Open_vSwitch";

/// Time limit for an answer of ovsdb-server, including the connection. It answers from memory.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Time limit for ovs-vswitchd to apply a configuration. It takes milliseconds; its restart takes two seconds.
const APPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The Open vSwitch of this host. Clones share one connection, which is opened when needed, and again after a restart
/// of ovsdb-server.
#[derive(Debug, Clone)]
pub struct Switch {
    client: Client,
    /// Directory of ovs-vswitchd's OpenFlow sockets, if it runs on this host.
    rundir: Option<PathBuf>,
    apply_timeout: Duration,
}

impl Switch {
    /// The switch with its database at `remote` (`unix:PATH`, `tcp:HOST:PORT`). The server need not run yet. Must be
    /// called in a tokio runtime.
    ///
    /// # Errors
    /// The text is not a valid address.
    pub fn open(remote: &str) -> Result<Self, SwitchError> {
        Self::at(remote.parse().map_err(|source| SwitchError::Remote { source })?)
    }

    /// Like [`Switch::open`], with a parsed address.
    ///
    /// # Errors
    /// An `ssl:` address: certificates are not supported here.
    pub fn at(remote: Remote) -> Result<Self, SwitchError> {
        let rundir = match &remote {
            Remote::Unix(socket) => socket.parent().map(PathBuf::from),
            Remote::Tcp(..) | Remote::Ssl(..) => None,
        };
        let options = Options::new(DATABASE).remotes(vec![remote]).deadline(ANSWER_TIMEOUT);
        let started = Client::start(options);
        let client = started.map_err(|source| SwitchError::database("connect to its database", source))?;
        Ok(Self { client, rundir, apply_timeout: APPLY_TIMEOUT })
    }

    /// Sets the time limit for ovs-vswitchd to apply a configuration; the default is 5 s.
    #[must_use]
    pub fn with_apply_timeout(mut self, timeout: Duration) -> Self {
        self.apply_timeout = timeout;
        self
    }
}
