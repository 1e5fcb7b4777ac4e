//! Docker engine of a host: the only module that uses bollard. One pool of keep-alive connections per host serves all
//! requests; the API version is negotiated once.

mod address;
mod attach;
mod body;
mod connect;
mod error;
mod id;
mod images;
mod inspect;
mod networks;
mod ssh;
mod stream;
mod tls;
mod transport;
mod verbs;
mod views;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as Bollard;
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

pub(crate) use address::{Address, AddressError};
pub(crate) use attach::{
    Channel, Difference, Exec, Found, HostTime, Input, Output, Phase, Piece, Run, Size, Span, Tty,
};
pub(crate) use body::check as check_body;
pub(crate) use error::EngineError;
pub(crate) use id::{ContainerId, NetworkId, VolumeName};
pub(crate) use images::reference;
pub(crate) use inspect::Inspected;
pub(crate) use networks::Network;
pub(crate) use ssh::{Destination, SessionError, Ssh};
pub(crate) use tls::{TlsFiles, Trust, serial_text};
pub(crate) use verbs::{Effect, Removal};
pub(crate) use views::{About, Attached, Container, LogPiece};

use bollard::BollardRequest;
use connect::Way;
use transport::{RequestSender, URL, transport};

/// Request timeout. Starting a container, or stopping one that ignores its signal, may take long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// A version of the engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion(pub(crate) usize, pub(crate) usize);

impl FromStr for ApiVersion {
    type Err = Bollard;

    /// `MAJOR.MINOR`.
    fn from_str(text: &str) -> Result<Self, Bollard> {
        let number = |text: &str| text.parse().map_err(|_| Bollard::APIVersionParseError {});
        let (major, minor) = text.split_once('.').ok_or(Bollard::APIVersionParseError {})?;
        Ok(Self(number(major)?, number(minor)?))
    }
}

/// Endpoint of an engine, with all names resolved.
#[derive(Debug, Clone)]
pub(crate) enum EngineEndpoint {
    /// A socket of this machine.
    Unix(std::path::PathBuf),
    /// Root ssh.
    Ssh(Ssh),
    /// Mutual TLS.
    Tcp {
        /// Name in its certificate.
        name: String,
        ip: IpAddr,
        port: u16,
        /// Who is trusted there.
        trust: Trust,
    },
}

/// Client of a host's engine. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    host: String,
    docker: Docker,
    send: RequestSender,
    version: Arc<OnceCell<ApiVersion>>,
    timeout: Duration,
}

impl Engine {
    /// Creates a client without connecting. `timeout` is for the first request.
    pub(crate) fn new(host: &str, endpoint: EngineEndpoint, timeout: Duration) -> Result<Self, EngineError> {
        let way = match endpoint {
            EngineEndpoint::Unix(path) => Way::Unix(path),
            EngineEndpoint::Ssh(ssh) => Way::Ssh(ssh),
            EngineEndpoint::Tcp { name, ip, port, trust } => Way::tcp(name, ip, port, trust, timeout),
        };
        let version = Arc::default();
        let send = transport(way, Arc::clone(&version));
        let via = Arc::clone(&send);
        let docker = Docker::connect_with_custom_transport(
            move |request: BollardRequest| via(request),
            Some(URL),
            ANSWER_TIMEOUT.as_secs(),
            API_DEFAULT_VERSION,
        )
        .map_err(|error| EngineError::of(host, ANSWER_TIMEOUT, error))?;
        Ok(Self { host: host.to_owned(), docker, send: RequestSender(send), version, timeout })
    }

    /// Negotiated API version. The first call connects, with the connection timeout.
    pub(crate) async fn version(&self) -> Result<ApiVersion, EngineError> {
        self.version.get_or_try_init(|| self.hello()).await.copied()
    }

    async fn hello(&self) -> Result<ApiVersion, EngineError> {
        let silent = || EngineError::Silent { host: self.host.clone(), deadline: self.timeout };
        // ssh reports its reason after its ConnectTimeout, so wait a little longer
        let patience = self.timeout + Duration::from_secs(1);
        let newest = tokio::time::timeout(patience, self.ping()).await.map_err(|_| silent())?;
        let ours = ApiVersion(API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
        Ok(newest.map_err(|error| self.error(error))?.min(ours))
    }

    /// Host name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    fn error(&self, error: Bollard) -> EngineError {
        EngineError::of(&self.host, ANSWER_TIMEOUT, error)
    }

    /// Error of a request for a container.
    fn refused(&self, of: &ContainerId, error: Bollard) -> EngineError {
        match self.error(error) {
            EngineError::Refused { status, message } => {
                EngineError::Refused { status, message: of.named(message) }
            }
            other => other,
        }
    }

    fn no_id(&self, kind: &'static str) -> EngineError {
        EngineError::NoId { host: self.host.clone(), kind }
    }
}
