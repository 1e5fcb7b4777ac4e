//! The engine's key, which is created here and never sent. It is in a separate file until its certificate
//! arrives. Then both are in one file, so that a key never is beside the certificate of another.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};

use super::SecureError;

/// Directory of both.
pub(super) const DIRECTORY: &str = "/var/lib/xdock/engine";
/// A key without certificate.
pub(super) const WAITING: &str = "key.new.pem";
/// Key and certificate. dockerd gets this file for both (Go's tls.X509KeyPair reads the matching blocks).
pub(super) const PAIR: &str = "engine.pem";
/// The CA that signs client certificates.
pub(super) const AUTHORITY: &str = "ca.pem";

/// A new key and its certificate request. The request has no names: they come from the tables.
pub(super) fn request(directory: &Path) -> Result<String, SecureError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| SecureError::Directory { path: directory.to_owned(), source })?;
    let key = KeyPair::generate().map_err(SecureError::Key)?;
    durable::replace(&directory.join(WAITING), key.serialize_pem().as_bytes(), 0o600)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&key).and_then(|request| request.pem());
    request.map_err(SecureError::Key)
}

/// The waiting key with its certificate.
pub(super) fn pair(directory: &Path, certificate: &str) -> Result<String, SecureError> {
    let path = directory.join(WAITING);
    let text = durable::read_text(&path)?.ok_or(SecureError::NoKey(path))?;
    let key = KeyPair::from_pem(&text).map_err(SecureError::Key)?;
    // a certificate contains its key's bytes unchanged (RFC 5280, 4.1.2.7)
    let public = key.subject_public_key_info();
    let fits = der(certificate).is_some_and(|der| der.windows(public.len()).any(|part| part == public));
    if fits { Ok(format!("{}\n{certificate}", text.trim_end())) } else { Err(SecureError::OtherKey) }
}

fn der(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    BASE64_STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_waits_for_its_own_certificate_and_only_root_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().join("engine");
        let request = request(&at).unwrap();
        assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"), "{request}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&at), mode(&at.join(WAITING))), (0o700, 0o600));
        let waiting = fs::read_to_string(at.join(WAITING)).unwrap();
        let key = KeyPair::from_pem(&waiting).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap().pem();
        assert_eq!(pair(&at, &certificate).unwrap(), format!("{}\n{certificate}", waiting.trim_end()));
        let other = KeyPair::generate().unwrap();
        let others = CertificateParams::default().self_signed(&other).unwrap().pem();
        assert!(matches!(pair(&at, &others), Err(SecureError::OtherKey)));
        assert!(matches!(pair(&at, "no PEM"), Err(SecureError::OtherKey)));
        assert!(matches!(pair(directory.path(), &certificate), Err(SecureError::NoKey { .. })));
    }
}
