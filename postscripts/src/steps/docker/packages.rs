//! Which packages make a docker host of which distribution. Pure.

use super::release::{Family, Release};

/// The engine's unit, on all of them.
pub(super) const ENGINE: &str = "docker.service";

/// The least Debian whose docker.io comes without the command `docker`.
const DEBIAN_WITH_CLI_APART: u32 = 13;

/// What a host needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Packages of the engine, of which a host has its distribution's or another's.
    pub engine: Vec<String>,
    /// Packages besides.
    pub others: Vec<String>,
    /// Units that run, now and at every boot; the engine's is the first.
    pub services: Vec<&'static str>,
}

impl Choice {
    /// All packages, in the order in which they are told.
    pub fn all(&self) -> Vec<String> {
        self.engine.iter().chain(&self.others).cloned().collect()
    }
}

/// What a host needs besides an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Open vSwitch: its plan has such a bridge.
    pub ovs: bool,
    /// What loads profiles into the kernel, which has AppArmor on.
    pub apparmor: bool,
}

/// The distribution's own names.
pub fn choose(release: &Release, needs: Needs) -> Choice {
    let (engine, mut others): (&[&str], Vec<&str>) = match release.family {
        // docker.io only recommends iptables, and does not start without it
        Family::Debian if release.major.is_none_or(|major| major >= DEBIAN_WITH_CLI_APART) => {
            (&["docker.io", "docker-cli"], vec!["iptables"])
        }
        Family::Debian | Family::Ubuntu => (&["docker.io"], vec!["iptables"]),
        Family::Fedora => (&["moby-engine"], vec![]),
        Family::RedHat => (&["docker-ce", "docker-ce-cli", "containerd.io"], vec![]),
        Family::Amazon | Family::Suse => (&["docker"], vec![]),
    };
    // docker.io only recommends it, and where AppArmor is on starts no container without apparmor_parser (moby
    // `daemon/apparmor_default.go`)
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

/// The administrator's own names. What switch he wants besides the engine is in them.
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
