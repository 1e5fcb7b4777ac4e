//! Certificate authority for engines and their clients: a key and a certificate in a directory of the management node,
//! or an external one (`[tls] ca` and `ca_key`), such as xCAT's.

mod files;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use durable::FileError;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use super::Identity;
use crate::engine::{TlsFiles, serial_text};
pub(super) use files::{directory, key};
use files::{parse, read};

/// Maximum lifetime of web server certificates (CA/Browser Forum, ballot SC31): longer ones may be rejected.
const HOST: Duration = Duration::days(397);
/// Short, because client certificates cannot be revoked: dockerd does not read revocation lists (Go's crypto/tls).
const CLIENT: Duration = Duration::days(7);
/// Ten years.
const AUTHORITY: Duration = Duration::days(3650);
/// Tolerance for hosts whose clocks are slow.
const CLOCK_TOLERANCE: Duration = Duration::days(1);

/// Errors of the authority.
#[derive(Debug, Error)]
pub(crate) enum AuthorityError {
    /// A file is not readable for this user.
    #[error("cannot read the certificate authority; run xdock as root of the management node")]
    Read(#[source] FileError),
    /// A file does not exist.
    #[error("the certificate authority has no {}; \"xdock host HOST enroll\" on the management node creates it", .0.display())]
    Missing(PathBuf),
    /// The directory.
    #[error("cannot create the directory {}", path.display())]
    Directory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// File error.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key or certificate cannot be used for signing.
    #[error("cannot sign with {}: a PEM certificate of a CA and its key in PKCS#8 (openssl pkcs8 -topk8 -nodes) are needed", path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        source: rcgen::Error,
    },
    /// Key and certificate do not match.
    #[error("{} is not the key of {}; restore the right key", key.display(), ca.display())]
    Another { ca: PathBuf, key: PathBuf },
    /// It has expired.
    #[error("the authority {} expired on {until}; move it away, then enroll all hosts again", path.display())]
    Expired {
        path: PathBuf,
        /// The day.
        until: time::Date,
    },
    /// The host's request.
    #[error("{host} sent a certificate request that its own key did not sign")]
    Request {
        host: String,
        #[source]
        source: rcgen::Error,
    },
    /// The certificate was not created.
    #[error("cannot create a certificate")]
    Sign(#[source] rcgen::Error),
    /// No random numbers.
    #[error("cannot read random numbers from the kernel")]
    Random,
}

/// A new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// PEM text.
    pub(crate) pem: String,
    /// Hexadecimal digits.
    pub(crate) serial: String,
    /// Seconds since 1970.
    pub(crate) not_after: i64,
}

/// The authority.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    until: OffsetDateTime,
}

impl Authority {
    /// Opens the authority; creates it if it does not exist.
    pub(crate) fn open_or_make(files: &TlsFiles) -> Result<Self, AuthorityError> {
        if files.is_ours(&files.ca) && durable::read(&files.ca)?.is_none() {
            make(files)?;
        }
        Self::open(files)
    }

    /// Opens the authority.
    pub(crate) fn open(files: &TlsFiles) -> Result<Self, AuthorityError> {
        let (pem, key) = (read(&files.ca)?, read(&files.ca_key)?);
        let of_key = |source| AuthorityError::Unusable { path: files.ca_key.clone(), source };
        let of_cert = |source| AuthorityError::Unusable { path: files.ca.clone(), source };
        let key = KeyPair::from_pem(&key).map_err(of_key)?;
        let found = parse(&pem).ok_or_else(|| of_cert(rcgen::Error::CouldNotParseCertificate))?;
        if found.public_key != key.subject_public_key_info() {
            return Err(AuthorityError::Another { ca: files.ca.clone(), key: files.ca_key.clone() });
        }
        let until = found.until;
        if until <= OffsetDateTime::now_utc() {
            return Err(AuthorityError::Expired { path: files.ca.clone(), until: until.date() });
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(of_cert)?;
        Ok(Self { pem, issuer, until })
    }

    /// Its certificate in PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a certificate for the key of `request`, with names from the tables: a host does not choose its names.
    pub(crate) fn sign_host(&self, request: &str, identity: &Identity) -> Result<Signed, AuthorityError> {
        let refused = |source| AuthorityError::Request { host: identity.host.clone(), source };
        let request = CertificateSigningRequestParams::from_pem(request).map_err(refused)?;
        let mut params = self.params(&identity.host, HOST);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let names = identity.names.iter().cloned().map(|name| name.try_into().map(SanType::DnsName));
        params.subject_alt_names = names.collect::<Result<_, _>>().map_err(AuthorityError::Sign)?;
        params.subject_alt_names.extend(identity.addresses.iter().copied().map(address));
        self.sign(params, &request.public_key)
    }

    /// Signs a client certificate for this management node.
    pub(crate) fn sign_client(&self, key: &KeyPair) -> Result<Signed, AuthorityError> {
        let mut params = self.params("xdock", CLIENT);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, key)
    }

    /// Common parameters. A certificate ends no later than its authority.
    fn params(&self, name: &str, lasts: Duration) -> CertificateParams {
        let mut params = CertificateParams::default();
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - CLOCK_TOLERANCE, (now + lasts).min(self.until));
        params.distinguished_name = common_name(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<Signed, AuthorityError> {
        let serial = serial()?;
        params.serial_number = Some(SerialNumber::from(serial.clone()));
        let made = params.signed_by(key, &self.issuer).map_err(AuthorityError::Sign)?;
        Ok(Signed {
            pem: made.pem(),
            serial: serial_text(&serial),
            not_after: params.not_after.unix_timestamp(),
        })
    }
}

/// Creates key and certificate. The key is first, so that an interrupted run can continue.
fn make(files: &TlsFiles) -> Result<(), AuthorityError> {
    directory(&files.directory)?;
    let key = key(&files.ca_key)?;
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - CLOCK_TOLERANCE, now + AUTHORITY);
    params.distinguished_name = common_name("xdock engines");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from(serial()?));
    let made = params.self_signed(&key).map_err(AuthorityError::Sign)?;
    durable::replace(&files.ca, made.pem().as_bytes(), 0o644)?;
    Ok(())
}

fn common_name(name: &str) -> DistinguishedName {
    let mut all = DistinguishedName::new();
    all.push(DnType::CommonName, name);
    all
}

fn address(address: IpAddr) -> SanType {
    SanType::IpAddress(address)
}

/// 16 random bytes, positive (RFC 5280, 4.1.2.2).
fn serial() -> Result<Vec<u8>, AuthorityError> {
    let mut bytes = [0; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| AuthorityError::Random)?;
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests;
