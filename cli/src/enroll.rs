//! Certificates for engines, from a small authority on the management node.
//!
//! ```text
//! authority.rs   the certificate authority: our own or an external one; signs host and client certificates
//! claims.rs      checks the names and addresses of a certificate
//! client.rs      client certificate of this node, valid for a week, renewed automatically
//! identity.rs    names and addresses of a host, from the tables
//! ledger.rs      issued and revoked certificates
//! plan.rs        whether a host needs a certificate (pure)
//! remote.rs      the host's part, over ssh: `xdockhost engine`
//! work.rs        enrols one host
//! ```

mod authority;
mod claims;
mod client;
mod identity;
mod ledger;
mod plan;
mod remote;
mod work;

pub(crate) use authority::{Authority, AuthorityError};
pub(crate) use claims::Others;
pub(crate) use client::renew_client;
pub(crate) use identity::Identity;
pub(crate) use ledger::{Issued, Ledger, LedgerError, Standing};
pub(crate) use plan::{Plan, Reason, days_left, plan};
pub(crate) use work::{EnrollError, Enrolled, Enrolment};

/// Default port of an enrolled engine, from Docker's manual for TLS.
pub(crate) const PORT: u16 = 2376;

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
