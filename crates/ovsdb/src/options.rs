//! Options of a client.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::TlsError;
use crate::framer::Limits;
use crate::remote::Remote;
use crate::tls;
use crate::transport::Handshake;

/// Resolves a host name to addresses. Runs on a thread where it may block.
pub type Resolver = dyn Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync;

/// Certificates and key for `ssl:` remotes, as the content of PEM files.
#[derive(Clone)]
pub struct Tls {
    /// The certificates of the only authorities whose servers are trusted. The system's authorities are not trusted.
    pub ca: Vec<u8>,
    /// The client's certificate, and the chain to its authority.
    pub cert: Vec<u8>,
    /// The client's private key.
    pub key: Vec<u8>,
}

/// Never prints the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Certificates, and the function that prepares handshakes with them. Only [`Options::tls`] refers to the function: a
/// program that uses no certificates does not link TLS, and is a megabyte smaller.
#[derive(Clone)]
pub(crate) struct Certificates {
    files: Tls,
    prepare: fn(&Tls) -> Result<Arc<dyn Handshake>, TlsError>,
}

impl Certificates {
    pub(crate) fn prepare(&self) -> Result<Arc<dyn Handshake>, TlsError> {
        (self.prepare)(&self.files)
    }
}

/// Monitor methods of servers, newest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonitorMethod {
    /// `monitor` of RFC 7047: all servers; no conditions.
    Monitor,
    /// `monitor_cond`: Open vSwitch 2.6.
    MonitorCond,
    /// `monitor_cond_since`: Open vSwitch 2.12. After a reconnect the server sends only changes.
    MonitorCondSince,
}

/// Options of a client.
#[derive(Clone)]
pub struct Options {
    pub(crate) database: Arc<str>,
    pub(crate) remotes: Vec<Remote>,
    pub(crate) tls: Option<Certificates>,
    pub(crate) leader_only: bool,
    pub(crate) deadline: Duration,
    pub(crate) attempt: Duration,
    pub(crate) probe: Duration,
    pub(crate) monitor_method: MonitorMethod,
    pub(crate) limits: Limits,
    pub(crate) resolver: Option<Arc<Resolver>>,
}

impl Options {
    /// Options for a database, such as `Open_vSwitch` or `OVN_Northbound`, without remotes.
    pub fn new(database: &str) -> Self {
        Self {
            database: database.into(),
            remotes: Vec::new(),
            tls: None,
            leader_only: false,
            deadline: Duration::from_secs(10),
            attempt: Duration::from_secs(3),
            probe: Duration::from_secs(5),
            monitor_method: MonitorMethod::MonitorCondSince,
            limits: Limits::default(),
            resolver: None,
        }
    }

    /// Sets the servers. They are tried in this order, repeatedly. To distribute the load over a cluster,
    /// shuffle them.
    #[must_use]
    pub fn remotes(mut self, remotes: Vec<Remote>) -> Self {
        self.remotes = remotes;
        self
    }

    /// Sets certificates for `ssl:` remotes.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(Certificates { files: tls, prepare: tls::prepare });
        self
    }

    /// Uses only the leader of a cluster: its data are never stale, and it need not forward transactions. A
    /// standalone database counts as leader, a relay does not.
    #[must_use]
    pub fn leader_only(mut self, leader_only: bool) -> Self {
        self.leader_only = leader_only;
        self
    }

    /// Sets the time limit of each call, including the wait for a connection; the default is 10 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the time limit for one server to accept the connection and report that it serves the database; the
    /// default is 3 s.
    #[must_use]
    pub fn attempt(mut self, attempt: Duration) -> Self {
        self.attempt = attempt;
        self
    }

    /// Sets the inactivity probe: after this time without data the server is sent an echo request, and after the same
    /// time again the connection is closed. The default is 5 s, as in Open vSwitch (`inactivity_probe`).
    #[must_use]
    pub fn probe(mut self, probe: Duration) -> Self {
        self.probe = probe;
        self
    }

    /// Sets the newest monitor method to try. If the server does not support it, an older one is used.
    #[must_use]
    pub fn monitor_method(mut self, newest: MonitorMethod) -> Self {
        self.monitor_method = newest;
        self
    }

    /// Sets the maximum size of a message from the server; the default is 64 MiB.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the resolver of host names; the default is the system's (getaddrinfo). A program that is linked
    /// statically with glibc should set one: glibc's resolver loads modules of the host's glibc, which must
    /// have the same version.
    #[must_use]
    pub fn resolver<F>(mut self, resolver: F) -> Self
    where
        F: Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// The remotes, for messages.
    pub(crate) fn all_remotes(&self) -> String {
        self.remotes.iter().map(Remote::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, leader_only, deadline, .. } = self;
        let remotes = self.all_remotes();
        write!(f, "Options {{ {database} at {remotes}, leader only: {leader_only}, deadline: {deadline:?} }}")
    }
}
