//! The authority's files, and what openssl and x509-parser make of what it signs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use x509_parser::extensions::GeneralName;

use super::*;
use crate::enroll::renew_client;

fn identity() -> Identity {
    Identity {
        host: "host1".into(),
        names: vec!["host1".into(), "host1.lab.test".into()],
        addresses: vec![IpAddr::from([10, 99, 0, 11])],
        listen: ([10, 99, 0, 11], 2376).into(),
    }
}

/// A request that would like to be somebody else.
fn request(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["mn".to_owned()]).unwrap();
    params.distinguished_name = common_name("mn");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(pem: &str) -> Vec<String> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let found = pem.parse_x509().unwrap();
    assert!(!found.is_ca());
    let usage = found.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    let alternative = found.subject_alternative_name().unwrap().unwrap().value;
    let text = |name: &GeneralName| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => format!("{bytes:?}"),
        other => panic!("{other:?}"),
    };
    alternative.general_names.iter().map(text).collect()
}

fn openssl(directory: &Path, words: &str) -> String {
    let ran = Command::new("openssl").current_dir(directory).args(words.split(' ')).output();
    let ran = ran.expect("openssl is installed");
    assert!(ran.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_authority_is_made_once_and_its_keys_are_roots_alone() {
    let directory = tempfile::tempdir().unwrap();
    let files = TlsFiles::under(&directory.path().join("ca"));
    let first = Authority::open_or_make(&files).unwrap();
    renew_client(&files).unwrap();
    assert_eq!(mode(&files.directory), 0o700);
    assert_eq!((mode(&files.ca_key), mode(&files.key)), (0o600, 0o600));
    let client = fs::read(&files.cert).unwrap();
    let again = Authority::open_or_make(&files).unwrap();
    renew_client(&files).unwrap();
    assert_eq!(first.pem(), again.pem());
    assert_eq!(fs::read(&files.cert).unwrap(), client);
    // killed before the certificate was written: the key that is there gets one
    fs::remove_file(&files.ca).unwrap();
    let key = fs::read(&files.ca_key).unwrap();
    assert_ne!(Authority::open_or_make(&files).unwrap().pem(), first.pem());
    assert_eq!(fs::read(&files.ca_key).unwrap(), key);
    // a key of another certificate
    fs::write(&files.ca_key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let told = Authority::open(&files).err().unwrap().to_string();
    let (key, ca) = (files.ca_key.display(), files.ca.display());
    assert_eq!(told, format!("{key} is not the key of {ca}; restore the right key"));
}

#[test]
fn what_cannot_be_read_is_not_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let files = TlsFiles::under(directory.path());
    Authority::open_or_make(&files).unwrap();
    renew_client(&files).unwrap();
    for path in [&files.ca, &files.ca_key, &files.cert, &files.key] {
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/not/mounted", path).unwrap();
        if *path == files.key {
            // its certificate has to be made again first
            fs::remove_file(&files.cert).unwrap();
        }
        let told = Authority::open_or_make(&files).and_then(|_| renew_client(&files)).unwrap_err();
        let reason = format!("{}: it is a link to /not/mounted, which does not exist", path.display());
        assert!(chain::chain(&told).contains(&reason), "{}", chain::chain(&told));
        assert_eq!(fs::read_link(path).unwrap(), Path::new("/not/mounted"), "it was not replaced");
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_host_is_named_by_the_tables_and_not_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let files = TlsFiles::under(directory.path());
    let authority = Authority::open_or_make(&files).unwrap();
    let key = KeyPair::generate().unwrap();
    let signed = authority.sign_host(&request(&key), &identity()).unwrap();
    assert_eq!(names(&signed.pem), ["host1", "host1.lab.test", "[10, 99, 0, 11]"]);
    let days = (signed.not_after - OffsetDateTime::now_utc().unix_timestamp() + 60) / 86_400;
    assert_eq!(days, 397);
    fs::write(directory.path().join("host1.pem"), &signed.pem).unwrap();
    assert_eq!(openssl(directory.path(), "verify -x509_strict -CAfile ca.pem host1.pem"), "host1.pem: OK\n");
    let serial = openssl(directory.path(), "x509 -noout -serial -in host1.pem");
    assert_eq!(serial.trim().to_lowercase(), format!("serial={}", signed.serial));
}

#[test]
fn a_request_must_be_signed_by_its_own_key() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_make(&TlsFiles::under(directory.path())).unwrap();
    let text = request(&KeyPair::generate().unwrap());
    // the last bytes are the signature's
    let at = text.find("\n-----END").unwrap() - 9;
    let mut spoilt = text.into_bytes();
    spoilt[at] = if spoilt[at] == b'A' { b'B' } else { b'A' };
    for wrong in [String::from_utf8(spoilt).unwrap(), String::new(), "xdock: no".to_owned()] {
        let told = authority.sign_host(&wrong, &identity()).unwrap_err().to_string();
        assert_eq!(told, "host1 sent a certificate request that its own key did not sign");
    }
}

#[test]
fn anothers_authority_signs_too() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    // as xCAT makes its own: RSA
    openssl(
        at,
        "req -x509 -newkey rsa:2048 -nodes -days 20 -subj /CN=xCAT -keyout xcat-key.pem -out xcat.pem",
    );
    let files = TlsFiles { ca: at.join("xcat.pem"), ca_key: at.join("xcat-key.pem"), ..TlsFiles::under(at) };
    let authority = Authority::open_or_make(&files).unwrap();
    let signed = authority.sign_host(&request(&KeyPair::generate().unwrap()), &identity()).unwrap();
    fs::write(at.join("host1.pem"), &signed.pem).unwrap();
    assert_eq!(openssl(at, "verify -CAfile xcat.pem host1.pem"), "host1.pem: OK\n");
    // no certificate outlives its authority
    let days = (signed.not_after - OffsetDateTime::now_utc().unix_timestamp() + 60) / 86_400;
    assert_eq!(days, 20);
}
