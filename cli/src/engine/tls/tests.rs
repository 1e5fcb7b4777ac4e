//! Real handshakes with certificates that openssl makes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use chain::chain;

fn openssl(directory: &Path, words: &[&str]) {
    let ran =
        Command::new("openssl").current_dir(directory).args(words).output().expect("openssl is installed");
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// An authority `NAME.pem` with its key.
fn authority(directory: &Path, name: &str) {
    let (key, cert) = (format!("{name}.key"), format!("{name}.pem"));
    openssl(
        directory,
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &key,
            "-out",
            &cert,
        ],
    );
}

/// A certificate `NAME.pem` for `alternative`, signed by `authority`.
fn certificate(directory: &Path, authority: &str, name: &str, alternative: &str) {
    let at = |extension: &str| format!("{name}.{extension}");
    std::fs::write(directory.join(at("ext")), format!("subjectAltName={alternative}\n")).unwrap();
    openssl(
        directory,
        &[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &at("key"),
            "-out",
            &at("csr"),
        ],
    );
    let (ca, key) = (format!("{authority}.pem"), format!("{authority}.key"));
    openssl(
        directory,
        &[
            "x509",
            "-req",
            "-in",
            &at("csr"),
            "-CA",
            &ca,
            "-CAkey",
            &key,
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &at("ext"),
            "-out",
            &at("pem"),
        ],
    );
}

fn files(directory: &Path, ca: &str, client: &str) -> TlsFiles {
    let at = |name: String| directory.join(name);
    TlsFiles {
        ca: at(format!("{ca}.pem")),
        cert: at(format!("{client}.pem")),
        key: at(format!("{client}.key")),
    }
}

/// An engine that asks its clients for a certificate of `ours` and says `hi`; what the client made of it.
async fn meet(directory: &Path, server: &str, name: &str, client: &TlsFiles) -> Result<String, String> {
    let at = |extension: &str| directory.join(format!("{server}.{extension}"));
    let mut roots = RootCertStore::empty();
    roots.add(certificates("ca", &directory.join("ours.pem")).unwrap().remove(0)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            certificates("cert", &at("pem")).unwrap(),
            PrivateKeyDer::from_pem_file(at("key")).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut secured) = TlsAcceptor::from(Arc::new(config)).accept(stream).await {
            let _ = secured.write_all(b"hi").await;
            let _ = secured.shutdown().await;
        }
    };
    let ask = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut secured = secure(stream, name, client).await.map_err(|error| chain(&error))?;
        let mut text = String::new();
        // with TLS 1.3 a client learns here that its certificate was refused
        secured.read_to_string(&mut text).await.map_err(|error| error.to_string())?;
        Ok(text)
    };
    tokio::join!(serve, ask).1
}

#[tokio::test]
async fn only_our_authority_and_the_right_name_make_a_session() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    authority(at, "ours");
    authority(at, "others");
    certificate(at, "ours", "host1", "DNS:host1,IP:10.99.0.11");
    certificate(at, "others", "impostor", "DNS:host1");
    certificate(at, "ours", "admin", "DNS:admin");
    certificate(at, "others", "stranger", "DNS:stranger");
    let ours = files(at, "ours", "admin");

    assert_eq!(meet(at, "host1", "host1", &ours).await.as_deref(), Ok("hi"));
    assert_eq!(meet(at, "host1", "10.99.0.11", &ours).await.as_deref(), Ok("hi"));

    let refused = |name: &str| {
        let ca = at.join("ours.pem");
        format!(
            "no TLS session with {name}: its certificate must be signed by {} and be for that name: ",
            ca.display()
        )
    };
    let other = meet(at, "impostor", "host1", &ours).await.unwrap_err();
    assert_eq!(other, format!("{}invalid peer certificate: UnknownIssuer", refused("host1")));
    let wrong_name = meet(at, "host1", "host2", &ours).await.unwrap_err();
    assert!(
        wrong_name.starts_with(&format!("{}invalid peer certificate: ", refused("host2"))),
        "{wrong_name}"
    );
    let stranger = meet(at, "host1", "host1", &files(at, "ours", "stranger")).await.unwrap_err();
    assert!(stranger.contains("received fatal alert"), "{stranger}");
}

#[tokio::test]
async fn what_speaks_no_tls_is_no_engine() {
    let directory = tempfile::tempdir().unwrap();
    authority(directory.path(), "ours");
    certificate(directory.path(), "ours", "admin", "DNS:admin");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    };
    let files = files(directory.path(), "ours", "admin");
    let ask = async { secure(TcpStream::connect(address).await.unwrap(), "host1", &files).await };
    let (_, asked) = tokio::join!(serve, ask);
    let told = chain(&asked.unwrap_err());
    assert!(told.starts_with("no TLS session with host1: ") && told.contains("corrupt message"), "{told}");
}
