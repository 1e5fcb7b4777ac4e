//! Connection to a docker host: engine and netd.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use inventory::{DockerHost, Inventory, InventoryError, NodeName};
use process::{Command, Output};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::engine::{Address, Destination, Engine, EngineEndpoint, EngineError, SessionError, Ssh, Trust};
use crate::enroll::{LedgerError, Standing};
use crate::settings::{Settings, SettingsError};

/// Parallel requests of a command to one engine.
const REQUESTS: usize = 16;

/// Parallel requests over ssh: sshd allows 10 sessions per connection (sshd_config, MaxSessions), and netd needs one.
const SESSIONS: usize = 8;

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    /// Its node name.
    pub(crate) name: NodeName,
    /// Its engine.
    pub(crate) engine: Engine,
    /// Access to its programs netd and xdockhost.
    pub(crate) programs: Programs,
    /// Limit of parallel requests.
    pub(crate) requests: usize,
    /// Address of the engine.
    pub(crate) address: Address,
    free: Semaphore,
}

/// How to run programs on a host.
#[derive(Debug, Clone)]
pub(crate) enum Programs {
    /// On this machine; netd's socket is beside the engine's.
    Here(PathBuf),
    /// Over root ssh.
    Ssh(Ssh),
}

/// Why the address of a host is unknown.
#[derive(Debug, Error)]
pub(crate) enum HostError {
    /// Invalid URL in the settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The tables.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The host of a TCP engine has no address.
    #[error("the engine of {host} is at {address}, but the tables give {name} no hosts.ip")]
    NoAddress {
        host: NodeName,
        /// Its engine.
        address: Address,
        /// The name in its URL.
        name: String,
    },
    /// The tables have a port, but there are no certificates for TLS.
    #[error(
        "vm.host has port {port} of {host}, which needs TLS, and this management node has no certificates: remove the port (vm.host={host}) to use ssh, or run \"xdock host {host} enroll\""
    )]
    NoCertificates {
        host: NodeName,
        /// Port in `vm.host`.
        port: u16,
    },
    /// File error of a certificate.
    #[error(transparent)]
    File(#[from] FileError),
    /// Ledger error.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No client for the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Host {
    /// Resolves a host of `vm.host` with settings and tables. Does not connect, and changes nothing.
    pub(crate) fn of(host: &DockerHost, settings: &Settings, tables: &Inventory) -> Result<Self, HostError> {
        let name = &host.name;
        let address = address(host, settings)?;
        let ssh = |user: &str, host: &str, port| {
            Ssh::new(Destination {
                user: user.to_owned(),
                host: host.to_owned(),
                port,
                options: settings.ssh_options.clone(),
                timeout: settings.timeout,
            })
        };
        // the engine may be on another machine; programs run on the host of the settings' ssh:// URL, or as root over
        // ssh
        let by_ssh = |name: &NodeName| {
            Ok::<_, SettingsError>(Programs::Ssh(match settings.engine(name.as_str())? {
                Address::Ssh { user, host, port } => ssh(&user, &host, port),
                _ => ssh("root", name.as_str(), None),
            }))
        };
        let (place, programs, requests) = match &address {
            Address::Unix(path) => {
                (EngineEndpoint::Unix(path.clone()), Programs::Here(beside(path)), REQUESTS)
            }
            Address::Ssh { user, host, port } => {
                let ssh = ssh(user, host, *port);
                (EngineEndpoint::Ssh(ssh.clone()), Programs::Ssh(ssh), SESSIONS)
            }
            Address::Tcp { host: at, port } => {
                let missing = || HostError::NoAddress {
                    host: name.clone(),
                    address: address.clone(),
                    name: at.clone(),
                };
                let ip = resolve(at, tables)?.ok_or_else(missing)?;
                if let Some(port) = host.port.filter(|_| !settings.names(name.as_str()))
                    && durable::read(&settings.tls.ca)?.is_none()
                {
                    return Err(HostError::NoCertificates { host: name.clone(), port });
                }
                let trust = Trust { files: settings.tls.clone(), revoked: settings.revoked()? };
                (EngineEndpoint::Tcp { name: at.clone(), ip, port: *port, trust }, by_ssh(name)?, REQUESTS)
            }
        };
        let engine = Engine::new(name.as_str(), place, settings.timeout)?;
        Ok(Self { name: name.clone(), engine, programs, requests, address, free: Semaphore::new(requests) })
    }

    /// Whether the engine of a host is reached over TLS.
    pub(crate) fn needs_certificate(host: &DockerHost, settings: &Settings) -> Result<bool, HostError> {
        Ok(matches!(address(host, settings)?, Address::Tcp { .. }))
    }

    /// Waits until the limit of parallel requests allows one more. Never `None`, because the semaphore is not closed.
    pub(crate) async fn request(&self) -> Option<SemaphorePermit<'_>> {
        self.free.acquire().await.ok()
    }
}

impl Programs {
    /// Runs a program on the host, with timeout `run_timeout` in addition to the connection timeout.
    pub(crate) async fn run(
        &self,
        words: &[&str],
        stdin: Vec<u8>,
        run_timeout: Duration,
    ) -> Result<Output, SessionError> {
        match (self, words) {
            (Self::Here(_), [program, words @ ..]) => {
                Ok(Command::new(program, run_timeout).args(words).stdin(stdin).execute().await?)
            }
            (Self::Here(_), []) => Ok(Output::default()),
            (Self::Ssh(ssh), _) => ssh.run(words, stdin, run_timeout).await,
        }
    }

    /// Runs `netd WORDS` on the host.
    pub(crate) async fn netd(
        &self,
        words: &[&str],
        stdin: Vec<u8>,
        run_timeout: Duration,
    ) -> Result<Output, SessionError> {
        let socket = match self {
            Self::Here(socket) => vec!["--socket".to_owned(), socket.to_string_lossy().into_owned()],
            Self::Ssh(_) => Vec::new(),
        };
        let words: Vec<&str> =
            ["netd"].iter().chain(words).copied().chain(socket.iter().map(String::as_str)).collect();
        self.run(&words, stdin, run_timeout).await
    }
}

/// Precedence: `[engines]` entry of the host, port in `vm.host`, port of the enrolment, default of the settings. A host
/// with a revoked certificate keeps its enrolled port, so that it is refused instead of reached another way.
fn address(host: &DockerHost, settings: &Settings) -> Result<Address, HostError> {
    let name = host.name.as_str();
    let tcp = |port| Address::Tcp { host: name.to_owned(), port };
    if settings.names(name) {
        return Ok(settings.engine(name)?);
    }
    let enrolled = match settings.ledger()?.standing(name) {
        Standing::Enrolled(issued) | Standing::Revoked(issued) => Some(issued.port),
        Standing::Unknown => None,
    };
    Ok(match host.port.or(enrolled) {
        Some(port) => tcp(port),
        None => settings.engine(name)?,
    })
}

/// Resolves a name with the tables: a static binary has no libc name service.
fn resolve(name: &str, tables: &Inventory) -> Result<Option<IpAddr>, InventoryError> {
    if name == "localhost" {
        return Ok(Some(IpAddr::from([127, 0, 0, 1])));
    }
    if let Ok(literal) = name.parse() {
        return Ok(Some(literal));
    }
    Ok(tables.value(name, "hosts.ip")?.and_then(|text| text.trim().parse().ok()))
}

/// Path of netd's socket: dockerd searches plugins in `docker/plugins` beside its own socket.
fn beside(engine: &Path) -> PathBuf {
    engine.parent().unwrap_or_else(|| Path::new("/run")).join("docker/plugins/netd.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "# <xCAT data object stanza file>\n\nhost1:\n    objtype=node\n    ip=10.99.0.11\n";

    fn host(vm_host: &str, toml: &str) -> Result<Host, HostError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("xdock.toml");
        std::fs::write(&file, toml).unwrap();
        let options = crate::args::Options {
            inventory: None,
            config: Some(file),
            json: false,
            quiet: false,
            verbose: false,
            timeout: None,
        };
        let settings = Settings::load(&options).unwrap();
        Host::of(&vm_host.parse().unwrap(), &settings, &Inventory::from_stanzas(TABLES).unwrap())
    }

    #[test]
    fn a_host_is_reached_by_root_ssh_unless_somebody_says_otherwise() {
        let plain = host("host1", "").unwrap();
        let Programs::Ssh(way) = plain.programs else { panic!() };
        assert_eq!((way.to_string().as_str(), plain.requests), ("root@host1", SESSIONS));
        // Docker's port without TLS is nobody's
        let old = host("host1:2375", "").unwrap();
        assert!(matches!((old.address, old.programs), (Address::Ssh { .. }, Programs::Ssh(_))));
        let here =
            host("host1:2376", "[engines]\nhost1 = \"unix:///proc/7/root/run/docker.sock\"\n").unwrap();
        let Programs::Here(socket) = here.programs else { panic!() };
        assert_eq!(socket, Path::new("/proc/7/root/run/docker/plugins/netd.sock"));
    }

    #[test]
    fn a_tcp_engine_needs_an_address_of_the_tables_and_certificates() {
        let engines = |host: &str| format!("[engines]\n{host} = \"tcp://{host}:2376\"\n");
        host("host1", &engines("host1")).unwrap();
        assert_eq!(
            host("host2", &engines("host2")).unwrap_err().to_string(),
            "the engine of host2 is at tcp://host2:2376, but the tables give host2 no hosts.ip"
        );
        let none = "[tls]\ndirectory = \"/nowhere\"\n";
        for port in [2376, 4243] {
            assert_eq!(
                host(&format!("host1:{port}"), none).unwrap_err().to_string(),
                format!(
                    "vm.host has port {port} of host1, which needs TLS, and this management node has no certificates: remove the port (vm.host=host1) to use ssh, or run \"xdock host host1 enroll\""
                )
            );
        }
    }
}
