//! Decides whether a host gets a certificate. Pure.

use std::fmt;

use super::{Identity, Issued, Standing};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Days of validity below which a certificate is renewed.
const RENEW_DAYS: i64 = 30;

/// Action for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Keep its certificate.
    Keep {
        /// Days left.
        days: i64,
    },
    /// Issue a new certificate.
    Issue(Reason),
}

/// Why a host gets a new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No certificate.
    First,
    /// Its certificate is revoked.
    Revoked,
    /// Expires soon, or has expired.
    Soon {
        /// Days left; 0 or less: expired.
        days: i64,
    },
    /// Names, addresses or port have changed.
    Changed,
    /// `--renew`.
    Asked,
    /// Its engine does not use its certificate.
    Unproven,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("it has no certificate"),
            Self::Revoked => f.write_str("its certificate is revoked"),
            Self::Soon { days } if *days <= 0 => f.write_str("its certificate has expired"),
            Self::Soon { days } => write!(f, "its certificate is valid for {days} more days"),
            Self::Changed => f.write_str("the tables have other names or addresses than its certificate"),
            Self::Asked => f.write_str("--renew"),
            Self::Unproven => f.write_str("its engine does not use its certificate"),
        }
    }
}

/// Days left, including the current one; 0 or less: expired.
pub(crate) fn days_left(issued: &Issued, now: i64) -> i64 {
    (issued.not_after - now + DAY - 1).div_euclid(DAY)
}

/// Chooses the action.
pub(crate) fn plan(standing: Standing<'_>, wanted: &Identity, now: i64, asked: bool) -> Plan {
    match standing {
        Standing::Unknown => Plan::Issue(Reason::First),
        Standing::Revoked(_) => Plan::Issue(Reason::Revoked),
        Standing::Enrolled(_) if asked => Plan::Issue(Reason::Asked),
        Standing::Enrolled(issued) if !is_for(issued, wanted) => Plan::Issue(Reason::Changed),
        Standing::Enrolled(issued) => match days_left(issued, now) {
            days if days < RENEW_DAYS => Plan::Issue(Reason::Soon { days }),
            days => Plan::Keep { days },
        },
    }
}

fn is_for(issued: &Issued, wanted: &Identity) -> bool {
    let Issued { names, addresses, port, .. } = issued;
    *names == wanted.names && *addresses == wanted.addresses && *port == wanted.listen.port()
}

#[cfg(test)]
mod tests {
    use super::super::ledger::State;
    use super::*;

    #[test]
    fn a_host_gets_a_certificate_when_it_needs_one() {
        let address = "10.99.0.11".parse().unwrap();
        let wanted = Identity {
            host: "host1".into(),
            names: vec!["host1".into()],
            addresses: vec![address],
            listen: (address, 2376).into(),
        };
        let (names, addresses) = (wanted.names.clone(), wanted.addresses.clone());
        let issued = |last| Issued {
            host: "host1".into(),
            serial: "aa".into(),
            names: names.clone(),
            addresses: addresses.clone(),
            port: 2376,
            not_after: last * DAY,
            state: State::Proven,
        };
        fn told(standing: Standing<'_>, wanted: &Identity, asked: bool) -> String {
            match plan(standing, wanted, 10 * DAY, asked) {
                Plan::Keep { days } => format!("{days} days"),
                Plan::Issue(reason) => reason.to_string(),
            }
        }
        let enrolled =
            |last, wanted: &Identity, asked| told(Standing::Enrolled(&issued(last)), wanted, asked);
        assert_eq!(told(Standing::Unknown, &wanted, false), "it has no certificate");
        assert_eq!(told(Standing::Revoked(&issued(400)), &wanted, false), "its certificate is revoked");
        assert_eq!(enrolled(40, &wanted, false), "30 days");
        assert_eq!(enrolled(39, &wanted, false), "its certificate is valid for 29 more days");
        assert_eq!(enrolled(9, &wanted, false), "its certificate has expired");
        assert_eq!(enrolled(40, &wanted, true), "--renew");
        let moved = Identity { listen: (address, 2375).into(), ..wanted.clone() };
        let changed = "the tables have other names or addresses than its certificate";
        assert_eq!(enrolled(40, &moved, false), changed);
        let renamed = Identity { names: vec!["host1".into(), "big".into()], ..wanted };
        assert_eq!(enrolled(40, &renamed, false), changed);
    }
}
