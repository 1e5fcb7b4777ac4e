//! Client certificate of the management node. It is valid for a week and is renewed by every command that can read the
//! authority's key, so that a stolen copy expires soon.

use std::io;

use durable::FileError;
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;

use super::authority::{self, Authority, AuthorityError};
use crate::engine::TlsFiles;

/// Remaining validity below which it is renewed.
const RENEW_BEFORE: Duration = Duration::days(2);

/// Creates or renews it. Not changed if the authority's key is not readable or the certificate is external (`[tls]
/// cert`): the engine then decides.
pub(crate) fn renew_client(files: &TlsFiles) -> Result<(), AuthorityError> {
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

/// Whether the authority's key is readable.
fn has_authority(files: &TlsFiles) -> Result<bool, FileError> {
    readable(durable::read(&files.ca_key)).map(|key| key.is_some())
}

/// Treats files without read permission as missing.
fn readable(read: Result<Option<Vec<u8>>, FileError>) -> Result<Option<Vec<u8>>, FileError> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        read => read,
    }
}

/// Whether this authority issued it and it is valid long enough.
fn lasts(files: &TlsFiles) -> Result<bool, FileError> {
    let read = |path| Ok::<_, FileError>(readable(durable::read(path))?.unwrap_or_default());
    Ok(is_signed_and_lasts(&read(&files.cert)?, &read(&files.ca)?))
}

fn is_signed_and_lasts(own: &[u8], ca: &[u8]) -> bool {
    let (Ok((_, own)), Ok((_, ca))) = (parse_x509_pem(own), parse_x509_pem(ca)) else { return false };
    let (Ok(own), Ok(ca)) = (own.parse_x509(), ca.parse_x509()) else { return false };
    own.validity().not_after.to_datetime() > OffsetDateTime::now_utc() + RENEW_BEFORE
        && own.verify_signature(Some(ca.public_key())).is_ok()
}
