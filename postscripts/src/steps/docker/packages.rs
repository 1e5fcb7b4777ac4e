//! Packages of a docker host, per distribution. Pure.

use super::release::{Family, Release};

/// The engine's unit on all distributions.
pub(super) const ENGINE: &str = "docker.service";

/// The first Debian whose docker.io does not contain the command `docker`.
const DEBIAN_WITH_CLI_APART: u32 = 13;

/// What a host needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Packages of the engine. A host has those of its distribution or of another source.
    pub engine: Vec<String>,
    /// Other packages.
    pub others: Vec<String>,
    /// Units that run and are enabled, the engine's first.
    pub services: Vec<&'static str>,
}

impl Choice {
    /// All packages, in the order of messages.
    pub fn all(&self) -> Vec<String> {
        self.engine.iter().chain(&self.others).cloned().collect()
    }
}

/// What a host needs besides an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Open vSwitch, because the plan has such a bridge.
    pub ovs: bool,
    /// A loader for profiles, because AppArmor is enabled in the kernel.
    pub apparmor: bool,
}

/// The packages of the distribution.
pub fn choose(release: &Release, needs: Needs) -> Choice {
    let (engine, mut others): (&[&str], Vec<&str>) = match release.family {
        // docker.io only recommends iptables, but does not start without it
        Family::Debian if release.major.is_none_or(|major| major >= DEBIAN_WITH_CLI_APART) => {
            (&["docker.io", "docker-cli"], vec!["iptables"])
        }
        Family::Debian | Family::Ubuntu => (&["docker.io"], vec!["iptables"]),
        Family::Fedora => (&["moby-engine"], vec![]),
        Family::RedHat => (&["docker-ce", "docker-ce-cli", "containerd.io"], vec![]),
        Family::Amazon | Family::Suse => (&["docker"], vec![]),
    };
    // docker.io only recommends apparmor_parser, but starts no container without it if AppArmor is enabled
    // (moby `daemon/apparmor_default.go`)
    if needs.apparmor && matches!(release.family, Family::Debian | Family::Ubuntu) {
        others.push("apparmor");
    }
    let mut services = vec![ENGINE];
    if needs.ovs {
        let (package, service) = open_vswitch(release.family);
        others.push(package);
        services.push(service);
    }
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Choice { engine: owned(engine), others: owned(&others), services }
}

/// The administrator's packages, which include the switch if one is needed.
pub fn chosen(packages: &[String]) -> Choice {
    Choice { engine: packages.to_vec(), others: Vec::new(), services: vec![ENGINE] }
}

fn open_vswitch(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Debian | Family::Ubuntu => ("openvswitch-switch", "openvswitch-switch.service"),
        Family::Fedora | Family::RedHat | Family::Amazon | Family::Suse => {
            ("openvswitch", "openvswitch.service")
        }
    }
}
