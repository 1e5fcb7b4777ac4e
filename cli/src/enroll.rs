//! Certificates for engines, from a small authority on the management node.
//!
//! ```text
//! authority.rs   the authority: made once, or another's; signs hosts and this node's own certificate
//! claims.rs      what of that may be certified: nothing that is another's
//! client.rs      this node's own certificate, valid for a week, renewed automatically
//! identity.rs    what a host's certificate says of it, out of the tables
//! ledger.rs      what was issued, to whom, until when, and what of it is revoked
//! plan.rs        whether a host needs a certificate (pure)
//! remote.rs      the host's side, over ssh: `xdockhost engine`
//! work.rs        one host from request to proof
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
pub(crate) use client::ready;
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
