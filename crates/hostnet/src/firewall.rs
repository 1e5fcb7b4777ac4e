//! Lets bridged traffic pass Docker's packet filter.
//!
//! dockerd loads br_netfilter, which sends each IP packet that a bridge forwards through the FORWARD chain as if it
//! were routed, and sets the policy of this chain to DROP (moby `libnetwork/drivers/bridge/setup_ip_forwarding.go`).
//! So a host that starts Docker interrupts all existing bridges, including ours. For each of our bridges one rule
//! accepts the traffic from the bridge to itself, before all rules that can drop.
//!
//! A separate nf_tables table cannot do this: each base chain at a hook has its own verdict. An accept ends only that
//! chain, and a drop in another chain, such as the policy of iptables' FORWARD, is final (nft(8), VERDICT STATEMENT).
//! So the rule must be in the same chain, and is inserted with the same `iptables` that dockerd uses.

mod plan;

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use durable::FileError;
use inventory::IfName;
use process::{Command, ExecuteError};
use thiserror::Error;

pub(crate) use plan::can_drop;
pub use plan::{Family, Rule, Step};

/// File with the bridges of others that forwarded before Docker started, one name per line. The docker step
/// writes it.
pub const FOREIGN_BRIDGES: &str = "/var/lib/xdock/bridges";

/// Maximum wait for another program's lock on the tables, within a run of at most [`IPTABLES_TIMEOUT`].
const LOCK_SECONDS: &str = "5";
const IPTABLES_TIMEOUT: Duration = Duration::from_secs(10);

/// The FORWARD chain of each family as `iptables -S FORWARD` prints it. `None`: the program does not exist (then
/// Docker has set no policy), or the kernel has no IPv6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// IPv4.
    pub v4: Option<String>,
    /// IPv6.
    pub v6: Option<String>,
    /// Bridges of others that must forward too: the content of [`FOREIGN_BRIDGES`].
    pub foreign_bridges: Vec<IfName>,
}

/// The list of bridges of others cannot be read.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not an interface name.
    #[error("{FOREIGN_BRIDGES}: {0:?} is not a bridge name; correct or remove the line")]
    Name(String),
}

/// The packet filter could not be read or changed.
#[derive(Debug, Error)]
pub enum FirewallError {
    /// A chain could not be read.
    #[error("cannot read the FORWARD chain of {family}")]
    Observe {
        /// The family.
        family: Family,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// The list of bridges could not be read.
    #[error(transparent)]
    List(#[from] ListError),
    /// A rule was not inserted or deleted.
    #[error("cannot {step}")]
    Apply {
        /// The step.
        step: Step,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
}

/// Reads the FORWARD chains.
///
/// # Errors
/// A program exists and failed.
pub async fn observe() -> Result<Observed, FirewallError> {
    let v6 = if Path::new("/proc/net/if_inet6").exists() { listing(Family::V6).await? } else { None };
    Ok(Observed {
        v4: listing(Family::V4).await?,
        v6,
        foreign_bridges: read_bridges(Path::new(FOREIGN_BRIDGES))?,
    })
}

fn read_bridges(path: &Path) -> Result<Vec<IfName>, ListError> {
    let text = durable::read_text(path)?.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|_| ListError::Name(line.to_owned()))).collect()
}

/// Whether a FORWARD chain, as `iptables -S FORWARD` prints it, may drop packets.
pub fn may_drop(listing: &str) -> bool {
    plan::may_drop(listing)
}

/// The bridges whose rule precedes everything in a FORWARD chain that may drop packets.
pub fn accepted(family: Family, listing: &str) -> Vec<IfName> {
    plan::accepted(family, listing)
}

/// The lines of a FORWARD chain that may drop packets before they reach the rule of a bridge: rules of others, and the
/// policy if the bridge has no rule.
pub fn drops_before<'a>(family: Family, bridge: &IfName, listing: &'a str) -> Vec<&'a str> {
    plan::drops_before(family, bridge, listing)
}

/// Executes one step of a plan.
///
/// # Errors
/// The program failed, for example because the rule was deleted meanwhile.
pub async fn apply(step: &Step) -> Result<(), FirewallError> {
    let command = Command::new(step.family().program(), IPTABLES_TIMEOUT).args(["-w", LOCK_SECONDS]);
    let ran = command.args(step.args()).execute().await;
    ran.map(drop).map_err(|source| FirewallError::Apply { step: step.clone(), source })
}

async fn listing(family: Family) -> Result<Option<String>, FirewallError> {
    let command =
        Command::new(family.program(), IPTABLES_TIMEOUT).args(["-w", LOCK_SECONDS, "-S", "FORWARD"]);
    match command.execute().await {
        Ok(output) => Ok(Some(output.text())),
        Err(ExecuteError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            log_missing_once(family);
            Ok(None)
        }
        Err(source) => Err(FirewallError::Observe { family, source }),
    }
}

fn log_missing_once(family: Family) {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        tracing::info!("{} is not installed: no rules to maintain in its FORWARD chain", family.program());
    });
}

/// The steps after which each of `bridges`, and each bridge of others on the list, has exactly one rule before all
/// that can drop, and no other bridge has one. Pure.
pub fn plan(bridges: &[IfName], observed: &Observed) -> Vec<Step> {
    let others = observed.foreign_bridges.iter().filter(|name| !bridges.contains(name));
    let bridges: Vec<IfName> = bridges.iter().chain(others).cloned().collect();
    let listings = [(Family::V4, &observed.v4), (Family::V6, &observed.v6)];
    listings
        .into_iter()
        .filter_map(|(family, listing)| Some(plan::chain(family, &bridges, listing.as_deref()?)))
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_of_others_are_read_a_line_each() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridges");
        assert_eq!(read_bridges(&path).unwrap(), []);
        std::fs::write(&path, "# virtual machines\nvirbr0\n\nbr7\n").unwrap();
        let names: Vec<String> = read_bridges(&path).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["virbr0", "br7"]);
        let observed = Observed {
            v4: Some("-P FORWARD DROP".into()),
            v6: None,
            foreign_bridges: read_bridges(&path).unwrap(),
        };
        let own: Vec<IfName> = vec!["mynet0".parse().unwrap(), "br7".parse().unwrap()];
        let steps: Vec<String> = plan(&own, &observed).iter().map(ToString::to_string).collect();
        let rule =
            |bridge: &str| format!("insert the iptables rule \"xdock\" that lets bridge {bridge} forward");
        assert_eq!(steps, [rule("mynet0"), rule("br7"), rule("virbr0")]);
        std::fs::write(&path, "br 7\n").unwrap();
        let expected = "/var/lib/xdock/bridges: \"br 7\" is not a bridge name; correct or remove the line";
        assert_eq!(read_bridges(&path).unwrap_err().to_string(), expected);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/not/mounted", &path).unwrap();
        assert_eq!(read_bridges(&path).unwrap_err().to_string(), format!("cannot read {}", path.display()));
    }
}
