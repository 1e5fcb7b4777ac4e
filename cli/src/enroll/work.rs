//! One host from request to proof.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::authority::Signed;
use super::ledger::State;
use super::remote::{self, RemoteError};
use super::{Authority, AuthorityError, Identity, Issued, Ledger, LedgerError, Plan, Reason, now, plan};
use crate::engine::{Engine, EngineError, Place, TlsFiles, Trust};
use crate::host::Host;

/// What hosts are enrolled with.
pub(crate) struct Enrolment {
    /// Who signs.
    pub(crate) authority: Authority,
    /// Where its files are.
    pub(crate) files: TlsFiles,
    /// How long an engine has to answer.
    pub(crate) timeout: Duration,
    /// `--renew`.
    pub(crate) renew: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Enrolled {
    /// It had what it needs.
    Already(i64),
    /// It has a new certificate.
    Now(i64),
}

/// Why a host is not enrolled.
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
    /// It was brought its certificate, but does not answer with it.
    #[error("{host} has its certificate, but its engine does not use it on {listen}")]
    Unproven {
        /// The host.
        host: String,
        /// Where.
        listen: std::net::SocketAddr,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// Not there at all.
    #[error(transparent)]
    Dead(EngineError),
}

impl Enrolment {
    /// What a host needs, by what was issued; one that seems to have all is asked.
    pub(crate) async fn plan(&self, wanted: &Identity) -> Result<Plan, EnrollError> {
        let ledger = Ledger::read(&self.files.directory)?;
        let planned = plan(ledger.standing(&wanted.host), wanted, now(), self.renew);
        if let Plan::Keep { .. } = planned {
            return match self.prove(wanted, ledger.revoked()).await {
                Ok(()) => Ok(planned),
                // it is off: to knock at another door would cost as much again
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
        // before it leaves: what is not in the list could never be revoked
        let ledger = Ledger::update(&self.files.directory, |ledger| ledger.add(issued))?;
        remote::install(host, &signed.pem, self.authority.pem(), wanted.listen).await?;
        let unproven =
            |source| EnrollError::Unproven { host: wanted.host.clone(), listen: wanted.listen, source };
        self.prove(wanted, ledger.others(&wanted.host, &signed.serial)).await.map_err(unproven)?;
        Ledger::update(&self.files.directory, |ledger| ledger.prove(&signed.serial, now()))?;
        Ok(Enrolled::Now(days))
    }

    /// A call with TLS, in which the certificates of `refused` count for nothing.
    async fn prove(&self, wanted: &Identity, refused: BTreeSet<String>) -> Result<(), EngineError> {
        let place = Place::Tcp {
            name: wanted.host.clone(),
            ip: wanted.listen.ip(),
            port: wanted.listen.port(),
            trust: Trust { files: self.files.clone(), revoked: Arc::new(refused) },
        };
        Engine::new(&wanted.host, place, self.timeout)?.version().await.map(drop)
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
