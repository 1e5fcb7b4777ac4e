//! TLS like Open vSwitch: both sides present certificates of one authority, and host names are not verified.
//!
//! `lib/stream-ssl.c` of Open vSwitch verifies the chain (`SSL_VERIFY_PEER` against `--ca-cert`) and never calls
//! `SSL_set1_host`: the certificates of ovs-pki(8) contain an identifier instead of a host name. The authority issues
//! certificates only for this purpose, so its signature is sufficient.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::TlsError;
use crate::options::Tls;
use crate::remote::Host;
use crate::transport::{Handshake, HandshakeFuture, Stream};

/// Prepares handshakes with these certificates.
pub(crate) fn prepare(tls: &Tls) -> Result<Arc<dyn Handshake>, TlsError> {
    Ok(Arc::new(Client(TlsConnector::from(Arc::new(config(tls)?)))))
}

struct Client(TlsConnector);

impl Handshake for Client {
    fn handshake<'a>(&'a self, host: &Host, stream: TcpStream) -> HandshakeFuture<'a> {
        let handshake = self.0.connect(server_name(host), stream);
        Box::pin(async move { Ok(Box::new(handshake.await?) as Box<dyn Stream>) })
    }
}

/// rustls's configuration.
fn config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in certificates(&tls.ca, "ca")? {
        roots.add(authority).map_err(|error| TlsError::Refused("ca", error.to_string()))?;
    }
    let chain = certificates(&tls.cert, "cert")?;
    let key = PrivateKeyDer::from_pem_slice(&tls.key).map_err(|error| TlsError::NoKey(error.to_string()))?;
    let verifier = Arc::new(ChainOnly { roots, provider: Arc::clone(&provider) });
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Refused("TLS versions", error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)
        .map_err(|error| TlsError::Refused("cert and key", error.to_string()))
}

/// Only sent to the server (SNI), not verified: see [`ChainOnly`].
fn server_name(host: &Host) -> ServerName<'static> {
    let unnamed = ServerName::IpAddress(IpAddr::from([0, 0, 0, 0]).into());
    match host {
        Host::Address(address) => ServerName::IpAddress((*address).into()),
        Host::Name(name) => ServerName::try_from(name.clone()).unwrap_or(unnamed),
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::NoCertificate(what)),
    }
}

/// Verifies that a server's certificate is signed by the authority and valid for a server. Does not verify its name.
#[derive(Debug)]
struct ChainOnly {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ChainOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
