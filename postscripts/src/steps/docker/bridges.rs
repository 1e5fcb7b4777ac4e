//! Bridges of other programs that exist before Docker, such as those of virtual machines.
//!
//! dockerd loads br_netfilter, which sends bridged packets to iptables' FORWARD chain. It sets the policy of
//! that chain to DROP if it enables forwarding itself (moby
//! `libnetwork/drivers/bridge/setup_ip_forwarding.go`). Virtual machines on one bridge then no longer reach
//! each other. So each such bridge gets an accept rule before the engine is installed. The bridges are listed
//! in a file, and netd keeps the rules.

use std::path::Path;

use hostnet::firewall::{self, FOREIGN_BRIDGES, Observed, Step};
use inventory::{IfName, NicKind, Nics};

use super::error::DockerError;
use crate::files::DesiredFile;

const HEADER: &str = "# Written by xdockhost: bridges that were here before Docker, one a line. netd lets them forward past the policy\n\
    # DROP that Docker gives iptables' FORWARD chain. Remove a line to end that.\n";

/// A bridge of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    name: IfName,
    ports: Vec<String>,
}

/// Changes for these bridges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bridges {
    /// The list of bridges.
    pub(super) file: Option<DesiredFile>,
    /// Missing rules.
    pub(super) rules: Vec<Step>,
    /// Whether iptables must be installed first.
    pub(super) waits: bool,
    /// Notes for the administrator.
    pub(super) notes: Vec<String>,
}

/// Observes the bridges. `engine`: Docker is already installed, so only listed bridges count.
///
/// # Errors
/// The packet filter or the list cannot be read.
pub(super) async fn observe(nics: &Nics, engine: bool) -> Result<Bridges, DockerError> {
    let chains = firewall::observe().await.map_err(|error| DockerError::Firewall(Box::new(error)))?;
    let sys = Path::new("/sys/class/net");
    let found = if engine { vec![] } else { foreign(sys, nics)? };
    let bridge_nf = Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables");
    let is_filtered = durable::kernel_text(bridge_nf).is_some_and(|text| text.trim() == "1");
    Ok(plan(&found, &chains, is_filtered))
}

/// All bridges except Docker's and those of the tables.
fn foreign(sys: &Path, nics: &Nics) -> Result<Vec<Foreign>, DockerError> {
    let own = |name: &IfName| nics.iter().any(|nic| nic.kind == Some(NicKind::Bridge) && nic.name == *name);
    let mut found = Vec::new();
    for link in durable::list(sys)?.unwrap_or_default() {
        let name = link.file_name().unwrap_or_default().to_string_lossy();
        let Ok(name) = name.parse::<IfName>() else { continue };
        if !link.join("bridge").is_dir() || is_dockers(name.as_str()) || own(&name) {
            continue;
        }
        let ports = durable::list(&link.join("brif"))?.unwrap_or_default();
        let ports = ports.iter().filter_map(|port| Some(port.file_name()?.to_string_lossy().into_owned()));
        found.push(Foreign { name, ports: ports.collect() });
    }
    Ok(found)
}

/// `docker0`, `docker_gwbridge`, and `br-` with the first twelve digits of a network's ID.
fn is_dockers(name: &str) -> bool {
    let of_network = |id: &str| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    name == "docker0" || name == "docker_gwbridge" || name.strip_prefix("br-").is_some_and(of_network)
}

/// Plans the rules. `is_filtered`: bridged packets already pass iptables.
fn plan(found: &[Foreign], chains: &Observed, is_filtered: bool) -> Bridges {
    let may_drop = is_filtered && chains.v4.as_deref().is_some_and(firewall::may_drop);
    if may_drop {
        let notes = found.iter().map(|bridge| {
            format!(
                "{bridge} existed before Docker, and iptables filters the packets that it forwards; Docker sets the policy of FORWARD to DROP, so add rules to the chain DOCKER-USER for packets that must pass"
            )
        });
        return Bridges { notes: notes.collect(), ..listed(chains, &[]) };
    }
    let notes = found.iter().map(|bridge| {
        format!(
            "{bridge} existed before Docker, which sets the policy of iptables' FORWARD chain to DROP; a rule lets it forward as before, and netd keeps the rule (list: {FOREIGN_BRIDGES})"
        )
    });
    Bridges { notes: notes.collect(), ..listed(chains, found) }
}

/// The list with these bridges, and the rules of all listed bridges.
fn listed(chains: &Observed, found: &[Foreign]) -> Bridges {
    let new = found.iter().map(|bridge| &bridge.name).filter(|name| !chains.foreign_bridges.contains(name));
    let all: Vec<IfName> = chains.foreign_bridges.iter().chain(new).cloned().collect();
    let is_new = all.len() > chains.foreign_bridges.len();
    let lines: String = all.iter().map(|name| format!("{name}\n")).collect();
    let is_of = |step: &Step| all.contains(&step.rule().bridge);
    Bridges {
        file: is_new.then(|| DesiredFile::text(FOREIGN_BRIDGES, format!("{HEADER}{lines}"))),
        rules: firewall::plan(&all, chains).into_iter().filter(is_of).collect(),
        waits: !all.is_empty() && chains.v4.is_none(),
        notes: Vec::new(),
    }
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ports.as_slice() {
            [] => write!(f, "bridge {}", self.name),
            ports => write!(f, "bridge {} (ports {})", self.name, ports.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn vms() -> Foreign {
        Foreign { name: "br7".parse().unwrap(), ports: vec!["tap1".to_owned(), "tap2".to_owned()] }
    }

    fn chains(v4: Option<&str>, passed: &[&str]) -> Observed {
        let passed = passed.iter().map(|name| name.parse().unwrap()).collect();
        Observed { v4: v4.map(str::to_owned), v6: None, foreign_bridges: passed }
    }

    fn rules(bridges: &Bridges) -> Vec<String> {
        bridges.rules.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_foreign_bridge_forwards_as_before_and_is_listed() {
        let planned = plan(&[vms()], &chains(Some("-P FORWARD ACCEPT\n"), &[]), false);
        assert_eq!(rules(&planned), ["insert the iptables rule \"xdock\" that lets bridge br7 forward"]);
        assert_eq!(planned.file.unwrap().content, format!("{HEADER}br7\n").into_bytes());
        let note = "bridge br7 (ports tap1, tap2) existed before Docker, which sets the policy of iptables' FORWARD chain to DROP; a rule lets it forward as before, and netd keeps the rule (list: /var/lib/xdock/bridges)";
        assert_eq!(planned.notes, [note]);
        // iptables comes with Docker
        let planned = plan(&[vms()], &chains(None, &[]), false);
        assert_eq!((planned.waits, rules(&planned)), (true, vec![]));
        // the engine is installed, and the rule is missing
        let planned = plan(&[], &chains(Some("-P FORWARD DROP\n"), &["br7"]), true);
        assert_eq!((rules(&planned).len(), planned.file, planned.notes), (1, None, vec![]));
    }

    #[test]
    fn filtered_bridges_get_no_rule() {
        for filter in ["-P FORWARD DROP\n", "-P FORWARD ACCEPT\n-A FORWARD -i br7 -j REJECT\n"] {
            let planned = plan(&[vms()], &chains(Some(filter), &[]), true);
            assert_eq!((rules(&planned), planned.file), (vec![], None));
            let note = "bridge br7 (ports tap1, tap2) existed before Docker, and iptables filters the packets that it forwards; Docker sets the policy of FORWARD to DROP, so add rules to the chain DOCKER-USER for packets that must pass";
            assert_eq!(planned.notes, [note]);
            // the same rules, but bridged packets do not pass them yet
            assert_eq!(plan(&[vms()], &chains(Some(filter), &[]), false).rules.len(), 1);
        }
        assert_eq!(plan(&[vms()], &chains(Some("-P FORWARD ACCEPT\n"), &[]), true).rules.len(), 1);
    }

    #[test]
    fn foreign_bridges_are_found_among_all_links() {
        let sys = tempfile::tempdir().unwrap();
        for name in ["br7", "docker0", "br-0123456789ab", "br-lan", "mynet0", "docker_gwbridge"] {
            fs::create_dir_all(sys.path().join(name).join("bridge")).unwrap();
        }
        fs::create_dir_all(sys.path().join("br7/brif/tap1")).unwrap();
        fs::create_dir_all(sys.path().join("eth0")).unwrap();
        let nics = Nics::parse("host1", |name| (name == "nictypes").then(|| "mynet0!bridge".to_owned()));
        let found = foreign(sys.path(), &nics.unwrap()).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["bridge br-lan", "bridge br7 (ports tap1)"]);
        assert!(foreign(&sys.path().join("none"), &Nics::default()).unwrap().is_empty());
    }
}
