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

use durable::FileError;
use inventory::IfName;
use process::{Command, ExecuteError};
use thiserror::Error;

pub use plan::{Family, Rule, Step};

/// Bridges of others that forwarded before Docker came, a name a line; the docker step writes it.
pub const PASSED: &str = "/var/lib/xdock/bridges";

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
    /// Bridges of others that shall forward too: those of [`PASSED`].
    pub passed: Vec<IfName>,
}

/// The list of bridges of others cannot be read.
#[derive(Debug, Error)]
pub enum ListError {
    /// Not readable.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is no name.
    #[error("{PASSED}: {0:?} is no name of a bridge; correct or remove the line")]
    Name(String),
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
    /// The list of bridges cannot be read.
    #[error(transparent)]
    List(#[from] ListError),
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
    Ok(Observed { v4: listing(Family::V4).await?, v6, passed: passed(Path::new(PASSED))? })
}

fn passed(path: &Path) -> Result<Vec<IfName>, ListError> {
    let text = durable::read_text(path)?.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|_| ListError::Name(line.to_owned()))).collect()
}

/// Whether a FORWARD chain, as `iptables -S FORWARD` prints it, may drop anything.
pub fn may_drop(listing: &str) -> bool {
    plan::may_drop(listing)
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

/// What brings the chains to one rule ahead of all that can drop for each of the bridges and of those of others on the list, and
/// none for further ones. Pure.
pub fn plan(bridges: &[IfName], observed: &Observed) -> Vec<Step> {
    let others = observed.passed.iter().filter(|name| !bridges.contains(name));
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
        assert_eq!(passed(&path).unwrap(), []);
        std::fs::write(&path, "# virtual machines\nvirbr0\n\nbr7\n").unwrap();
        let names: Vec<String> = passed(&path).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["virbr0", "br7"]);
        let observed =
            Observed { v4: Some("-P FORWARD DROP".into()), v6: None, passed: passed(&path).unwrap() };
        let own: Vec<IfName> = vec!["mynet0".parse().unwrap(), "br7".parse().unwrap()];
        let steps: Vec<String> = plan(&own, &observed).iter().map(ToString::to_string).collect();
        let rule =
            |bridge: &str| format!("put in the iptables rule \"xdock\" that lets bridge {bridge} forward");
        assert_eq!(steps, [rule("mynet0"), rule("br7"), rule("virbr0")]);
        std::fs::write(&path, "br 7\n").unwrap();
        let told = "/var/lib/xdock/bridges: \"br 7\" is no name of a bridge; correct or remove the line";
        assert_eq!(passed(&path).unwrap_err().to_string(), told);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/not/mounted", &path).unwrap();
        assert_eq!(passed(&path).unwrap_err().to_string(), format!("cannot read {}", path.display()));
    }
}
