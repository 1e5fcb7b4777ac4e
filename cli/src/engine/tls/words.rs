//! What went wrong between us and an engine, so that a person knows which it is and what to do.

use std::io;
use std::path::Path;

use rustls::{CertificateError, Error, InvalidMessage};

use super::{TlsError, TlsFiles};

/// Says why a handshake failed.
pub(super) fn said(name: &str, files: &TlsFiles, source: io::Error) -> TlsError {
    if let Some(refused) = refused(&source, &files.cert) {
        return refused;
    }
    let why = match library(&source) {
        Some(Error::InvalidCertificate(error)) => certificate(error, name, files),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            format!("what listens there speaks no TLS; xdock host {name} enroll secures an engine")
        }
        _ => "it ended before there was one".to_owned(),
    };
    TlsError::Handshake { name: name.to_owned(), why, source }
}

/// With TLS 1.3 a client learns only from its first answer that its certificate was refused: whether this error says so.
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
            format!("its certificate is not signed by {}; {again} gives it one that is", files.ca.display())
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired; {again} renews it")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; see the clock of this machine".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "its certificate is for another name; is it another host that answers there? {again} gives it one"
            )
        }
        CertificateError::Revoked => format!("its certificate is revoked; {again} gives it a new one"),
        _ => format!("its certificate is not what an engine needs; {again} gives it one"),
    }
}
