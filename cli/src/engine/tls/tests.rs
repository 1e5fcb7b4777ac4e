//! Real handshakes with certificates of our own authority, and of others.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, Issuer, KeyPair, SanType};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::enroll::{Authority, Identity, renew_client};
use chain::chain;

/// An authority in a directory of its own.
struct Realm {
    directory: tempfile::TempDir,
    authority: Authority,
}

/// A key and its certificate, in PEM; and its serial number.
struct Pair {
    key: String,
    certificate: String,
    serial: String,
}

impl Realm {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = TlsFiles::under(directory.path());
        let authority = Authority::open_or_make(&files).unwrap();
        renew_client(&files).unwrap();
        Self { directory, authority }
    }

    fn files(&self) -> TlsFiles {
        TlsFiles::under(self.directory.path())
    }

    fn trust(&self, revoked: &[&str]) -> Trust {
        let revoked = revoked.iter().map(|serial| (*serial).to_owned()).collect();
        Trust { files: self.files(), revoked: Arc::new(revoked) }
    }

    /// As an enrolment gives it.
    fn host(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let identity = Identity {
            host: name.to_owned(),
            names: vec![name.to_owned()],
            addresses: vec![[10, 99, 0, 11].into()],
            listen: ([10, 99, 0, 11], 2376).into(),
        };
        let signed = self.authority.sign_host(&request, &identity).unwrap();
        Pair { key: key.serialize_pem(), certificate: signed.pem, serial: signed.serial }
    }

    /// Of this authority, and over since yesterday.
    fn expired(&self, name: &str) -> Pair {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let own = KeyPair::from_pem(&read(&self.files().ca_key)).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&read(&self.files().ca), own).unwrap();
        let mut params = CertificateParams::default();
        params.not_after = time::OffsetDateTime::now_utc() - time::Duration::days(1);
        params.subject_alt_names = vec![SanType::DnsName(name.to_owned().try_into().unwrap())];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Pair { key: key.serialize_pem(), certificate, serial: String::new() }
    }

    /// An engine with that certificate, which asks its clients for one of this authority and says `hi`.
    fn engine(&self, pair: &Pair) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(certificates("ca", &self.files().ca).unwrap().remove(0)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
        let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What a client that trusts `trust` makes of an engine that it calls `name`.
async fn meet(engine: TlsAcceptor, name: &str, trust: &Trust) -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut secured) = engine.accept(stream).await {
            let _ = secured.write_all(b"hi").await;
            let _ = secured.shutdown().await;
        }
    };
    let ask = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let config = client(trust).unwrap();
        let mut secured = secure(stream, name, config, trust).await.map_err(|error| chain(&error))?;
        let mut text = String::new();
        // with TLS 1.3 a client learns here that its certificate was refused
        secured.read_to_string(&mut text).await.map_err(|error| chain(&error))?;
        Ok(text)
    };
    tokio::join!(serve, ask).1
}

#[tokio::test]
async fn an_engine_is_believed_by_authority_name_and_time_only() {
    let (ours, others) = (Realm::new(), Realm::new());
    let (host1, trust) = (ours.host("host1"), ours.trust(&[]));
    let hi = Ok("hi".to_owned());
    assert_eq!(meet(ours.engine(&host1), "host1", &trust).await, hi);
    assert_eq!(meet(ours.engine(&host1), "10.99.0.11", &trust).await, hi);

    let told = async |pair: &Pair, name: &str, trust: &Trust| {
        meet(ours.engine(pair), name, trust).await.unwrap_err()
    };
    let stranger = told(&others.host("host1"), "host1", &trust).await;
    let signed_by = format!(
        "no TLS session with host1: its certificate is not signed by {}; xdock host host1 enroll issues a new one: ",
        ours.files().ca.display()
    );
    assert!(stranger.starts_with(&signed_by), "{stranger}");
    let wrong_name = told(&host1, "host2", &trust).await;
    let of_another = "no TLS session with host2: its certificate is for another name; does another host use this address? xdock host host2 enroll issues a new one: ";
    assert!(wrong_name.starts_with(of_another), "{wrong_name}");
    let expired = told(&ours.expired("host1"), "host1", &trust).await;
    let over =
        "no TLS session with host1: its certificate has expired; xdock host host1 enroll issues a new one: ";
    assert!(expired.starts_with(over), "{expired}");
    let revoked = told(&host1, "host1", &ours.trust(&["00", &host1.serial])).await;
    let gone = "no TLS session with host1: its certificate is revoked; xdock host host1 enroll issues a new one: invalid peer certificate: Revoked";
    assert_eq!(revoked, gone);
    // what a client has is nothing for an engine, also where the authority is the same
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (key, certificate) = (read(&ours.files().key), read(&ours.files().cert));
    let client = Pair { key, certificate, serial: String::new() };
    let as_engine = told(&client, "xdock", &trust).await;
    assert!(as_engine.starts_with("no TLS session with xdock: its certificate is "), "{as_engine}");
}

#[tokio::test]
async fn a_client_that_is_refused_is_told_so() {
    let (ours, others) = (Realm::new(), Realm::new());
    let mut trust = ours.trust(&[]);
    (trust.files.cert, trust.files.key) = (others.files().cert, others.files().key);
    let told = meet(ours.engine(&ours.host("host1")), "host1", &trust).await.unwrap_err();
    let cert = others.files().cert;
    let refused = format!("the engine rejects our certificate {} (", cert.display());
    assert!(told.starts_with(&refused), "{told}");
    assert!(told.ends_with("): it trusts another authority, or its clock is wrong"), "{told}");
}

#[tokio::test]
async fn what_speaks_no_tls_is_no_engine() {
    let ours = Realm::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    };
    let trust = ours.trust(&[]);
    let ask = async {
        let stream = TcpStream::connect(address).await.unwrap();
        secure(stream, "host1", client(&trust).unwrap(), &trust).await
    };
    let (_, asked) = tokio::join!(serve, ask);
    let told = chain(&asked.unwrap_err());
    let plain = "no TLS session with host1: the server does not support TLS; enable it with \"xdock host host1 enroll\": ";
    assert!(told.starts_with(plain), "{told}");
}
