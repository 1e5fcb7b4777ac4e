//! Messages for TLS errors: the cause and what to do.

use std::io;
use std::path::Path;

use rustls::{CertificateError, Error, InvalidMessage};

use super::{TlsError, TlsFiles};

/// Error of a failed handshake.
pub(super) fn handshake_failed(name: &str, files: &TlsFiles, source: io::Error) -> TlsError {
    if let Some(refused) = refused(&source, &files.cert) {
        return refused;
    }
    let why = match library(&source) {
        Some(Error::InvalidCertificate(error)) => certificate(error, name, files),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            format!("the server does not support TLS; enable it with \"xdock host {name} enroll\"")
        }
        _ => "the connection ended during the handshake".to_owned(),
    };
    TlsError::Handshake { name: name.to_owned(), why, source }
}

/// Whether this error is the engine's alert for our certificate. With TLS 1.3 it arrives with the first answer.
pub(super) fn refused(error: &io::Error, cert: &Path) -> Option<TlsError> {
    match library(error)? {
        Error::AlertReceived(alert) => {
            Some(TlsError::Refused { cert: cert.to_owned(), alert: format!("{alert:?}") })
        }
        _ => None,
    }
}

fn library(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn certificate(error: &CertificateError, name: &str, files: &TlsFiles) -> String {
    let again = format!("xdock host {name} enroll");
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("its certificate is not signed by {}; {again} issues a new one", files.ca.display())
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired; {again} issues a new one")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check the clock of this machine".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "its certificate is for another name; does another host use this address? {again} issues a new one"
            )
        }
        CertificateError::Revoked => format!("its certificate is revoked; {again} issues a new one"),
        _ => format!("its certificate is not valid for an engine; {again} issues a new one"),
    }
}
