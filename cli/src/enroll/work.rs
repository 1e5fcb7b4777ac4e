//! Enrols one host: request, signature, installation, verification.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::authority::Signed;
use super::ledger::State;
use super::remote::{self, RemoteError};
use super::{Authority, AuthorityError, Identity, Issued, Ledger, LedgerError, Plan, Reason, now, plan};
use crate::engine::{Engine, EngineEndpoint, EngineError, TlsFiles, Trust};
use crate::host::Host;

/// Enrolment settings.
pub(crate) struct Enrolment {
    /// Certificate authority.
    pub(crate) authority: Authority,
    /// Its files.
    pub(crate) files: TlsFiles,
    /// Connection timeout of engines.
    pub(crate) timeout: Duration,
    /// `--renew`.
    pub(crate) renew: bool,
}

/// Result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Enrolled {
    /// Not changed; days left.
    Already(i64),
    /// New certificate; days left.
    Now(i64),
}

/// Why an enrolment failed.
#[derive(Debug, Error)]
pub(crate) enum EnrollError {
    /// The authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The list of what was issued.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The host's side.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The certificate is installed, but the engine does not use it.
    #[error("{host} has its certificate, but its engine does not use it on {listen}")]
    Unproven {
        host: String,
        /// Where.
        listen: std::net::SocketAddr,
        #[source]
        source: EngineError,
    },
    /// The host is unreachable.
    #[error(transparent)]
    Dead(EngineError),
}

impl Enrolment {
    /// Chooses the action from the ledger. If nothing is due, the engine is checked.
    pub(crate) async fn plan(&self, wanted: &Identity) -> Result<Plan, EnrollError> {
        let ledger = Ledger::read(&self.files.directory)?;
        let planned = plan(ledger.standing(&wanted.host), wanted, now(), self.renew);
        if let Plan::Keep { .. } = planned {
            return match self.prove(wanted, ledger.revoked()).await {
                Ok(()) => Ok(planned),
                // the host is down: another attempt would cost another timeout
                Err(error) if error.is_silence() => Err(EnrollError::Dead(error)),
                Err(_) => Ok(Plan::Issue(Reason::Unproven)),
            };
        }
        Ok(planned)
    }

    /// Enrolls a host that needs it.
    pub(crate) async fn enroll(&self, host: &Host, wanted: &Identity) -> Result<Enrolled, EnrollError> {
        if let Plan::Keep { days } = self.plan(wanted).await? {
            return Ok(Enrolled::Already(days));
        }
        let request = remote::request(host).await?;
        let signed = self.authority.sign_host(&request, wanted)?;
        let issued = issued(&signed, wanted);
        let days = super::days_left(&issued, now());
        // before it is sent: a certificate outside the ledger could never be revoked
        let ledger = Ledger::update(&self.files.directory, |ledger| ledger.add(issued))?;
        remote::install(host, &signed.pem, self.authority.pem(), wanted.listen).await?;
        let unproven =
            |source| EnrollError::Unproven { host: wanted.host.clone(), listen: wanted.listen, source };
        self.prove(wanted, ledger.others(&wanted.host, &signed.serial)).await.map_err(unproven)?;
        Ledger::update(&self.files.directory, |ledger| ledger.prove(&signed.serial, now()))?;
        Ok(Enrolled::Now(days))
    }

    /// Checks the engine over TLS and rejects the certificates `refused`.
    async fn prove(&self, wanted: &Identity, refused: BTreeSet<String>) -> Result<(), EngineError> {
        let endpoint = EngineEndpoint::Tcp {
            name: wanted.host.clone(),
            ip: wanted.listen.ip(),
            port: wanted.listen.port(),
            trust: Trust { files: self.files.clone(), revoked: Arc::new(refused) },
        };
        Engine::new(&wanted.host, endpoint, self.timeout)?.version().await.map(drop)
    }
}

fn issued(signed: &Signed, wanted: &Identity) -> Issued {
    Issued {
        host: wanted.host.clone(),
        serial: signed.serial.clone(),
        names: wanted.names.clone(),
        addresses: wanted.addresses.clone(),
        port: wanted.listen.port(),
        not_after: signed.not_after,
        state: State::Issued,
    }
}
