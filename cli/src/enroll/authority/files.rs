//! Files of the authority: private keys, and parsing of certificates.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rcgen::KeyPair;
use time::OffsetDateTime;

use super::AuthorityError;

/// Creates a private directory.
pub(in crate::enroll) fn directory(path: &Path) -> Result<(), AuthorityError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| AuthorityError::Directory { path: path.to_owned(), source })
}

/// Reads the key; creates it if it does not exist.
pub(in crate::enroll) fn key(path: &Path) -> Result<KeyPair, AuthorityError> {
    if let Some(text) = durable::read_text(path)? {
        let unusable = |source| AuthorityError::Unusable { path: path.to_owned(), source };
        return KeyPair::from_pem(&text).map_err(unusable);
    }
    let key = KeyPair::generate().map_err(AuthorityError::Sign)?;
    durable::replace(path, key.serialize_pem().as_bytes(), 0o600)?;
    Ok(key)
}

/// Reads a text file.
pub(super) fn read(path: &Path) -> Result<String, AuthorityError> {
    let text = durable::read_text(path).map_err(AuthorityError::Read)?;
    text.ok_or_else(|| AuthorityError::Missing(path.to_owned()))
}

/// Relevant parts of a certificate.
pub(super) struct Found {
    /// Public key as encoded.
    pub(super) public_key: Vec<u8>,
    /// End of validity.
    pub(super) until: OffsetDateTime,
}

/// `None`: not a certificate.
pub(super) fn parse(pem: &str) -> Option<Found> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let until = certificate.validity().not_after.to_datetime();
    Some(Found { public_key: certificate.public_key().raw.to_vec(), until })
}
