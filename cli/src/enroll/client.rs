//! The management node's own certificate: it lasts a week and is made anew by whoever can read the authority's key, so that a
//! copy that was carried away is soon worthless.

use std::io;

use durable::FileError;
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;

use super::authority::{self, Authority, AuthorityError};
use crate::engine::TlsFiles;

/// What a certificate must still last for a command to begin with it.
const ENOUGH: Duration = Duration::days(2);

/// Sees to it that there is one. Where the authority's key is not ours to read, or the certificate is somebody else's
/// (`[tls] cert`), it stays as it is: the engine judges it.
pub(crate) fn ready(files: &TlsFiles) -> Result<(), AuthorityError> {
    let ours = files.is_ours(&files.cert) && files.is_ours(&files.key);
    if !ours || lasts(files)? || !has_authority(files)? {
        return Ok(());
    }
    let authority = Authority::open(files)?;
    authority::directory(&files.directory)?;
    let signed = authority.sign_client(&authority::key(&files.key)?)?;
    durable::replace(&files.cert, signed.pem.as_bytes(), 0o644)?;
    Ok(())
}

/// Whether the authority's key is here and ours to read.
fn has_authority(files: &TlsFiles) -> Result<bool, FileError> {
    readable(durable::read(&files.ca_key)).map(|key| key.is_some())
}

/// What only root may read is not there for others.
fn readable(read: Result<Option<Vec<u8>>, FileError>) -> Result<Option<Vec<u8>>, FileError> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        read => read,
    }
}

/// Whether it is this authority's and lasts.
fn lasts(files: &TlsFiles) -> Result<bool, FileError> {
    let read = |path| Ok::<_, FileError>(readable(durable::read(path))?.unwrap_or_default());
    Ok(is_signed_and_lasts(&read(&files.cert)?, &read(&files.ca)?))
}

fn is_signed_and_lasts(own: &[u8], ca: &[u8]) -> bool {
    let (Ok((_, own)), Ok((_, ca))) = (parse_x509_pem(own), parse_x509_pem(ca)) else { return false };
    let (Ok(own), Ok(ca)) = (own.parse_x509(), ca.parse_x509()) else { return false };
    own.validity().not_after.to_datetime() > OffsetDateTime::now_utc() + ENOUGH
        && own.verify_signature(Some(ca.public_key())).is_ok()
}
