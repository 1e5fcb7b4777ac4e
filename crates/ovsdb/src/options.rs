//! What a client is told before it connects.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::TlsError;
use crate::framer::Limits;
use crate::remote::Remote;
use crate::tls;
use crate::transport::Handshake;

/// Turns the name of a host into addresses; runs on a thread where it may block.
pub type Resolver = dyn Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync;

/// Certificates and keys for `ssl:` remotes, the bytes of PEM files.
#[derive(Clone)]
pub struct Tls {
    /// The certificate of the only authority whose servers are trusted (several, if it was replaced lately). The
    /// system's authorities are not.
    pub ca: Vec<u8>,
    /// Our certificate, and what is between it and the authority.
    pub cert: Vec<u8>,
    /// Our private key.
    pub key: Vec<u8>,
}

/// Never the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The certificates, and who makes handshakes of them. Named only where certificates are given: a program that speaks to local
/// sockets alone has nothing of TLS in it, and is a megabyte smaller.
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

/// How a server reports changes, newest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonitorMethod {
    /// `monitor` of RFC 7047: any server; no conditions.
    Monitor,
    /// `monitor_cond`: Open vSwitch 2.6.
    MonitorCond,
    /// `monitor_cond_since`: Open vSwitch 2.12. After a reconnect only what changed is sent.
    MonitorCondSince,
}

/// What a client is told before it connects.
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
    /// For this database, as `Open_vSwitch` or `OVN_Northbound`; without remotes.
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

    /// Where servers are. They are tried in this order, round and round; a caller that wants load spread over a
    /// cluster shuffles them.
    #[must_use]
    pub fn remotes(mut self, remotes: Vec<Remote>) -> Self {
        self.remotes = remotes;
        self
    }

    /// Certificates for `ssl:` remotes.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(Certificates { files: tls, prepare: tls::prepare });
        self
    }

    /// Only the leader of a cluster will do: its data are never stale, and a transaction needs no forwarding. A
    /// standalone database is its own leader, a relay never is one.
    #[must_use]
    pub fn leader_only(mut self, leader_only: bool) -> Self {
        self.leader_only = leader_only;
        self
    }

    /// How long any call may take, the wait for a connection included; 10 s without this.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long one remote has to accept the connection and to show that it serves the database; 3 s without this.
    #[must_use]
    pub fn attempt(mut self, attempt: Duration) -> Self {
        self.attempt = attempt;
        self
    }

    /// After this long without a byte from the server it is asked for an echo, and after as long again it is given
    /// up; 5 s without this, as in Open vSwitch (`inactivity_probe`).
    #[must_use]
    pub fn probe(mut self, probe: Duration) -> Self {
        self.probe = probe;
        self
    }

    /// The newest way of monitoring to be tried; a server that does not know it is asked the older way.
    #[must_use]
    pub fn monitor_method(mut self, newest: MonitorMethod) -> Self {
        self.monitor_method = newest;
        self
    }

    /// How large a message from the server may be; 64 MiB without this.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How names of hosts are resolved; without this by the system (getaddrinfo). A program that is linked statically
    /// with glibc should not let glibc do it: it loads modules of the host's glibc, which must be the same version.
    #[must_use]
    pub fn resolver<F>(mut self, resolver: F) -> Self
    where
        F: Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// The remotes for a person.
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
