//! Keeping bridged traffic flowing past Docker's packet filter.
//!
//! dockerd loads br_netfilter, which hands every IP packet that a bridge forwards to the FORWARD chain as if it were
//! routed, and sets the policy of that chain to DROP (moby `libnetwork/drivers/bridge/setup_ip_forwarding.go`). So a
//! host that starts Docker cuts off the bridges that others made, ours too. For each of our bridges one rule accepts
//! what goes from the bridge to itself, ahead of all that can drop.
//!
//! A table of our own in nf_tables can not do this: each base chain at a hook gives its own verdict, and an accept
//! ends only that chain; a drop in any other, such as the policy of iptables' FORWARD, is final (nft(8), VERDICT
//! STATEMENT). So the rule has to stand in that very chain, through the same `iptables` that dockerd runs.

mod plan;

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use inventory::IfName;
use process::{Command, ExecuteError};
use thiserror::Error;

pub use plan::{Family, Rule, Step};

/// Held up by another program's lock on the tables at most this long, of a run of at most [`DEADLINE`].
const LOCK_SECONDS: &str = "5";
const DEADLINE: Duration = Duration::from_secs(10);

/// The FORWARD chain of each family as `iptables -S FORWARD` prints it; `None` where there is nothing to keep: no such
/// program (then Docker has set no policy either), or no IPv6 in the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Of IPv4.
    pub v4: Option<String>,
    /// Of IPv6.
    pub v6: Option<String>,
}

/// The packet filter could not be read or changed.
#[derive(Debug, Error)]
pub enum FirewallError {
    /// It could not be read.
    #[error("cannot read the FORWARD chain of {family}")]
    Observe {
        /// Which.
        family: Family,
        /// What the program said.
        #[source]
        source: ExecuteError,
    },
    /// A rule was not put in or taken out.
    #[error("cannot {step}")]
    Apply {
        /// What was to be done.
        step: Step,
        /// What the program said.
        #[source]
        source: ExecuteError,
    },
}

/// Reads the FORWARD chains.
///
/// # Errors
/// A program is there and fails.
pub async fn observe() -> Result<Observed, FirewallError> {
    let v6 = if Path::new("/proc/net/if_inet6").exists() { listing(Family::V6).await? } else { None };
    Ok(Observed { v4: listing(Family::V4).await?, v6 })
}

/// Does one step of a plan.
///
/// # Errors
/// The program fails, such as for a rule that somebody took out meanwhile.
pub async fn apply(step: &Step) -> Result<(), FirewallError> {
    let command = Command::new(step.family().program(), DEADLINE).args(["-w", LOCK_SECONDS]);
    let ran = command.args(step.words()).execute().await;
    ran.map(drop).map_err(|source| FirewallError::Apply { step: step.clone(), source })
}

async fn listing(family: Family) -> Result<Option<String>, FirewallError> {
    let command = Command::new(family.program(), DEADLINE).args(["-w", LOCK_SECONDS, "-S", "FORWARD"]);
    match command.execute().await {
        Ok(output) => Ok(Some(output.text())),
        Err(ExecuteError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            tell_once(family);
            Ok(None)
        }
        Err(source) => Err(FirewallError::Observe { family, source }),
    }
}

fn tell_once(family: Family) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::info!("no {} on this host: no rules to keep in its FORWARD chain", family.program());
    });
}

/// What brings the chains to one rule a bridge ahead of all that can drop, and none for other
/// bridges. Pure.
pub fn plan(bridges: &[IfName], observed: &Observed) -> Vec<Step> {
    let listings = [(Family::V4, &observed.v4), (Family::V6, &observed.v6)];
    listings
        .into_iter()
        .filter_map(|(family, listing)| Some(plan::chain(family, bridges, listing.as_deref()?)))
        .flatten()
        .collect()
}
