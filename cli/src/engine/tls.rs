//! Mutual TLS with our own certificate authority only. The system's roots would let anybody with a public certificate
//! be an engine, so they are not asked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// `[tls]` of the settings: three PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TlsFiles {
    /// The authority that signs engines.
    pub(crate) ca: PathBuf,
    /// Our certificate.
    pub(crate) cert: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

impl Default for TlsFiles {
    fn default() -> Self {
        let at = |name| Path::new("/var/lib/xdock/ca").join(name);
        Self { ca: at("ca.pem"), cert: at("cert.pem"), key: at("key.pem") }
    }
}

/// Why no TLS session to an engine can be had.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    /// A file of `[tls]`.
    #[error("cannot read {} ([tls] {key})", path.display())]
    File {
        /// Its key in the settings.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The files do not fit.
    #[error("cannot use the certificates of [tls]")]
    Config(#[source] rustls::Error),
    /// Neither a DNS name nor an IP address.
    #[error("{0:?} is no name that a certificate can have")]
    Name(String),
    /// The handshake.
    #[error("no TLS session with {name}: its certificate must be signed by {} and be for that name", ca.display())]
    Handshake {
        /// The engine's name.
        name: String,
        /// The authority.
        ca: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Speaks TLS over `stream` as the client that `files` say; the other side must be `name`.
pub(super) async fn secure(
    stream: TcpStream,
    name: &str,
    files: &TlsFiles,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let config = client(files)?;
    let server = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
    TlsConnector::from(Arc::new(config)).connect(server, stream).await.map_err(|source| TlsError::Handshake {
        name: name.to_owned(),
        ca: files.ca.clone(),
        source,
    })
}

fn client(files: &TlsFiles) -> Result<ClientConfig, TlsError> {
    let TlsFiles { ca, cert, key } = files;
    let mut roots = RootCertStore::empty();
    for authority in certificates("ca", ca)? {
        roots.add(authority).map_err(TlsError::Config)?;
    }
    let own = certificates("cert", cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File {
        key: "key",
        path: key.clone(),
        source,
    })?;
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .with_root_certificates(roots)
        .with_client_auth_cert(own, secret)
        .map_err(TlsError::Config)
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let file = |source| TlsError::File { key, path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(file)?.collect::<Result<_, _>>().map_err(file)
}

#[cfg(test)]
mod tests;
