//! `ssl:` remotes, with certificates as ovs-pki(8) makes them.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ovsdb::{Client, Error, Host, Options, Remote, Tls, TlsError};
use server::{PATIENCE, Server, chain, run};
use tempfile::TempDir;

fn options(remotes: Vec<Remote>) -> Options {
    Options::new("Open_vSwitch").remotes(remotes).deadline(PATIENCE)
}

/// An authority of ovs-pki(8) and a certificate of it, as Open vSwitch's manual has them made.
struct Pki {
    directory: TempDir,
}

impl Pki {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let pki = Self { directory };
        pki.run(&["init", "--force"]);
        // ovs-pki writes what it makes where it stands
        pki.run(&["req+sign", "us", "switch"]);
        pki
    }

    fn run(&self, words: &[&str]) {
        let (at, log) = (self.directory.path(), self.directory.path().join("log"));
        let script = format!(
            "cd {at} && exec ovs-pki --dir={at}/pki --log={log} {words}",
            at = at.display(),
            log = log.display(),
            words = words.join(" ")
        );
        run("sh", &["-c", &script]);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn authority(&self) -> PathBuf {
        self.path("pki/switchca/cacert.pem")
    }

    /// Their certificate and key under the authority of another, or the same.
    fn tls(&self, authority: &Path) -> Tls {
        let read = |path: PathBuf| fs::read(path).unwrap();
        Tls {
            ca: fs::read(authority).unwrap(),
            cert: read(self.path("us-cert.pem")),
            key: read(self.path("us-privkey.pem")),
        }
    }

    fn server(&self) -> Server {
        Server::standalone(&[
            "--remote=pssl:0:127.0.0.1",
            &format!("--private-key={}", self.path("us-privkey.pem").display()),
            &format!("--certificate={}", self.path("us-cert.pem").display()),
            &format!("--ca-cert={}", self.authority().display()),
        ])
    }
}

#[tokio::test]
async fn tls_with_certificates_of_ovs_pki() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let server = ours.server();
    let remote = Remote::Ssl(Host::Address([127, 0, 0, 1].into()), server.port());
    server::works(options(vec![remote.clone()]).tls(ours.tls(&ours.authority()))).await;

    let quick = || options(vec![remote.clone()]).deadline(Duration::from_secs(2));
    let unreachable = format!(
        "connect: no server of database Open_vSwitch within 2 s ({remote}): check that ovsdb-server runs there"
    );
    let told = async |options: Options| chain(&Client::connect(options).await.unwrap_err());
    // we do not trust the server
    let handshake = "TLS handshake failed: check that both certificates are signed by the given CA";
    let wrong = ours.tls(&theirs.authority());
    let error = told(quick().tls(wrong)).await;
    assert!(error.starts_with(&format!("{unreachable}: {remote}: {handshake}: ")), "{error}");
    assert!(
        error.ends_with("invalid peer certificate: BadSignature") || error.ends_with("UnknownIssuer"),
        "{error}"
    );
    // the server does not trust us: with TLS 1.3 it says so after the handshake
    let error = told(quick().tls(theirs.tls(&ours.authority()))).await;
    assert!(error.starts_with(&unreachable) && error.contains("alert"), "{error}");
    assert_eq!(told(quick()).await, format!("{unreachable}: {remote} needs certificates: set Options::tls"));
}

#[tokio::test]
async fn certificates_that_are_none() {
    let pki = Pki::new();
    let remote: Remote = "ssl:127.0.0.1:6640".parse().unwrap();
    let good = pki.tls(&pki.authority());
    let none = || b"no PEM".to_vec();
    for (tls, told) in [
        (Tls { ca: none(), ..good.clone() }, "ca: no certificate in PEM form"),
        (Tls { cert: none(), ..good.clone() }, "cert: no certificate in PEM form"),
        (Tls { key: none(), ..good.clone() }, "key: no private key in PEM form: no items found"),
    ] {
        let error = Client::connect(options(vec![remote.clone()]).tls(tls)).await.unwrap_err();
        let Error::Tls { source, .. } = &error else { unreachable!("{error}") };
        assert!(matches!(source, TlsError::NoCertificate(_) | TlsError::NoKey(_)));
        assert_eq!(chain(&error), format!("invalid certificates for database Open_vSwitch: {told}"));
    }
    assert!(!format!("{good:?}").contains("key:"));
}
