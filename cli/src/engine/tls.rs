//! Mutual TLS with our own certificate authority only. The system's root certificates are not used: they would accept
//! any server with a public certificate.

mod alert;
mod messages;
mod verify;

use std::collections::BTreeSet;
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

use alert::TlsAlertStream;
use messages::handshake_failed;
use verify::Verifier;
pub(crate) use verify::serial_text;

/// `[tls]` of the settings: PEM files, by default with Docker's names in the authority's directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Text")]
pub(crate) struct TlsFiles {
    /// Directory of our own authority and its ledger.
    pub(crate) directory: PathBuf,
    /// Certificate of the authority that signs engines.
    pub(crate) ca: PathBuf,
    /// Its key.
    pub(crate) ca_key: PathBuf,
    /// Our certificate.
    pub(crate) cert: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

/// Format of the settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Text {
    directory: Option<PathBuf>,
    ca: Option<PathBuf>,
    ca_key: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Default directory of our own authority.
const DIRECTORY: &str = "/var/lib/xdock/ca";

impl From<Text> for TlsFiles {
    fn from(text: Text) -> Self {
        let directory = text.directory.unwrap_or_else(|| DIRECTORY.into());
        let or = |path: Option<PathBuf>, name| path.unwrap_or_else(|| directory.join(name));
        Self {
            ca: or(text.ca, "ca.pem"),
            ca_key: or(text.ca_key, "ca-key.pem"),
            cert: or(text.cert, "cert.pem"),
            key: or(text.key, "key.pem"),
            directory,
        }
    }
}

impl Default for TlsFiles {
    fn default() -> Self {
        Text::default().into()
    }
}

impl TlsFiles {
    /// All files in one directory.
    #[cfg(test)]
    pub(crate) fn under(directory: &Path) -> Self {
        Text { directory: Some(directory.to_owned()), ..Text::default() }.into()
    }

    /// Whether a file is one that we make: it lies in our directory.
    pub(crate) fn is_ours(&self, path: &Path) -> bool {
        path.parent() == Some(&self.directory)
    }
}

/// Who is trusted: files, and serial numbers (hexadecimal) that they would let pass and that were revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The certificates.
    pub(crate) files: TlsFiles,
    /// Revoked ones.
    pub(crate) revoked: Arc<BTreeSet<String>>,
}

/// Why no TLS session to an engine can be had.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    /// A file of `[tls]`.
    #[error("cannot read {} ([tls] {key})", path.display())]
    File {
        /// Its key in the settings.
        key: &'static str,
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The files do not fit.
    #[error("cannot use the certificates of [tls]")]
    Config(#[source] rustls::Error),
    /// Neither a DNS name nor an IP address.
    #[error("{0:?} is not a valid name for a certificate")]
    Name(String),
    /// The handshake.
    #[error("no TLS session with {name}: {why}")]
    Handshake {
        /// The engine's name.
        name: String,
        /// What is wrong, and what to do.
        why: String,
        /// The library's words.
        #[source]
        source: io::Error,
    },
    /// The engine refuses us.
    #[error("the engine rejects our certificate {} ({alert}): it trusts another authority, or its clock is wrong", cert.display())]
    Refused {
        /// Our certificate.
        cert: PathBuf,
        /// The alert of TLS.
        alert: String,
    },
}

/// Speaks TLS over `stream`; the other side must be `name`.
pub(super) async fn secure(
    stream: TcpStream,
    name: &str,
    config: Arc<ClientConfig>,
    trust: &Trust,
) -> Result<TlsAlertStream, TlsError> {
    let server = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
    let failed = |source| handshake_failed(name, &trust.files, source);
    let secured = TlsConnector::from(config).connect(server, stream).await.map_err(failed)?;
    Ok(TlsAlertStream::new(secured, trust.files.cert.clone()))
}

/// The client that `trust` says; made once for all connections to a host, which then resume each other's sessions.
pub(super) fn client(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let TlsFiles { ca, cert, key, .. } = &trust.files;
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(roots, &provider, Arc::clone(&trust.revoked))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(own, secret)
        .map_err(TlsError::Config)?;
    Ok(Arc::new(config))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let file = |source| TlsError::File { key, path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(file)?.collect::<Result<_, _>>().map_err(file)
}

#[cfg(test)]
mod tests;
