//! Which program configures a host's network, and how `eth0` gets its address: what each takes from Debian, and
//! what a fresh installation of that kind has in its files. Pure.

use serde::{Deserialize, Serialize};

use crate::host::files::File;
use crate::plan::{Machine, PREFIX};

/// The program that configures a host's network at boot.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Manager {
    /// Debian's own: interfaces(5).
    #[default]
    Ifupdown,
    /// systemd's: systemd.network(5). ifupdown stays installed and has the loopback only, as Debian's manual does it.
    Networkd,
    /// NetworkManager with keyfiles, without ifupdown.
    NetworkManager,
    /// netplan(5) with networkd behind it, without ifupdown.
    Netplan,
}

/// How `eth0` gets its address.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Assignment {
    /// It stands in the host's files.
    #[default]
    Static,
    /// By DHCP from the management node, which always gives a host the same.
    Dhcp,
}

/// What makes a bare Debian one with another manager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Packages to install, with what they depend on.
    pub install: Vec<String>,
    /// Packages to purge afterwards.
    pub purge: Vec<&'static str>,
    /// Units to enable.
    pub enable: Vec<&'static str>,
}

impl Manager {
    /// What has to change in a bare root of a release; nothing where it is the bare root itself.
    pub fn change(self, suite: &str, assignment: Assignment) -> Change {
        let of = |install: &[&str], purge: &[&'static str], enable: &[&'static str]| Change {
            install: install.iter().map(|&package| package.to_owned()).collect(),
            purge: purge.to_vec(),
            enable: enable.to_vec(),
        };
        match (self, assignment) {
            (Self::Ifupdown, Assignment::Static) => Change::default(),
            // what Debian's installer takes: a recommendation of ifupdown
            (Self::Ifupdown, Assignment::Dhcp) if matches!(suite, "bullseye" | "bookworm") => {
                of(&["isc-dhcp-client"], &[], &[])
            }
            (Self::Ifupdown, Assignment::Dhcp) => of(&["dhcpcd-base"], &[], &[]),
            (Self::Networkd, _) => of(&[], &[], &["systemd-networkd.service"]),
            (Self::NetworkManager, _) => of(&["network-manager"], &["ifupdown"], &[]),
            (Self::Netplan, _) => of(&["netplan.io"], &["ifupdown"], &[]),
        }
    }

    /// The files that configure `eth0`, and nothing else but the loopback.
    pub fn files(self, machine: &Machine) -> Vec<File> {
        match self {
            Self::Ifupdown => vec![File::new(INTERFACES, LOOPBACK.to_owned() + &stanza(machine))],
            Self::Networkd => {
                vec![File::new(INTERFACES, LOOPBACK), File::new(NETWORK, networkd(machine))]
            }
            Self::NetworkManager => {
                vec![File::new(SERVER, NO_AUTO_DEFAULT), File::secret(KEYFILE, keyfile(machine))]
            }
            Self::Netplan => vec![File::secret(NETPLAN, netplan(machine))],
        }
    }
}

const INTERFACES: &str = "etc/network/interfaces";
const NETWORK: &str = "etc/systemd/network/10-eth0.network";
const KEYFILE: &str = "etc/NetworkManager/system-connections/eth0.nmconnection";
const SERVER: &str = "etc/NetworkManager/conf.d/00-server.conf";
const NETPLAN: &str = "etc/netplan/01-lab.yaml";

/// As servers have it (NetworkManager.conf(5); NetworkManager-config-server of Red Hat): else it tries DHCP on `eth1`, and
/// whatever waits for network-online.target, as docker.service does, waits a minute at each boot and fails.
const NO_AUTO_DEFAULT: &str = "[main]\nno-auto-default=*\n";

const LOOPBACK: &str = "auto lo\niface lo inet loopback\n";

fn stanza(machine: &Machine) -> String {
    if machine.assignment == Assignment::Dhcp {
        return "\nauto eth0\niface eth0 inet dhcp\n".to_owned();
    }
    let gateway = machine.gateway.map(|via| format!("    gateway {via}\n")).unwrap_or_default();
    format!("\nauto eth0\niface eth0 inet static\n    address {}/{PREFIX}\n{gateway}", machine.address)
}

fn networkd(machine: &Machine) -> String {
    let gateway = machine.gateway.map(|via| format!("Gateway={via}\n")).unwrap_or_default();
    let address = match machine.assignment {
        Assignment::Static => format!("Address={}/{PREFIX}\n{gateway}", machine.address),
        Assignment::Dhcp => "DHCP=ipv4\n".to_owned(),
    };
    format!("[Match]\nName=eth0\n\n[Network]\n{address}")
}

/// nm-settings-keyfile(5). NetworkManager ignores a keyfile that others than root may read.
fn keyfile(machine: &Machine) -> String {
    let gateway = machine.gateway.map(|via| format!(",{via}")).unwrap_or_default();
    let address = match machine.assignment {
        Assignment::Static => format!("address1={}/{PREFIX}{gateway}\nmethod=manual\n", machine.address),
        Assignment::Dhcp => "method=auto\n".to_owned(),
    };
    let number = machine.member.number();
    format!(
        "[connection]\nid=eth0\nuuid=78646f63-6b00-4000-8000-0000000000{number:02x}\ntype=ethernet\n\
         interface-name=eth0\n\n[ethernet]\n\n[ipv4]\n{address}\n[ipv6]\nmethod=auto\n"
    )
}

/// Its generator warns of a file that others than root may read.
fn netplan(machine: &Machine) -> String {
    let routes = |via| format!("      routes:\n        - to: default\n          via: {via}\n");
    let address = match machine.assignment {
        Assignment::Static => {
            let gateway = machine.gateway.map(routes).unwrap_or_default();
            format!("      addresses:\n        - {}/{PREFIX}\n{gateway}", machine.address)
        }
        Assignment::Dhcp => "      dhcp4: true\n".to_owned(),
    };
    format!("network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0:\n{address}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Member;
    use crate::plan::{Fabric, Spec};

    fn machine(fabric: Fabric, assignment: Assignment) -> Machine {
        let spec = Spec { fabric, assignment, ..Spec::new("lab".parse().unwrap(), 2) };
        spec.machine(Member::Host(2))
    }

    fn text(manager: Manager, fabric: Fabric, assignment: Assignment) -> String {
        let last = manager.files(&machine(fabric, assignment)).pop().unwrap();
        format!("{} {:o}\n{}", last.path, last.mode, last.content)
    }

    #[test]
    fn ifupdown_has_a_stanza() {
        assert_eq!(
            text(Manager::Ifupdown, Fabric::L3, Assignment::Static),
            "etc/network/interfaces 644\nauto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    \
             address 10.100.0.12/16\n    gateway 10.100.255.254\n"
        );
        assert!(
            text(Manager::Ifupdown, Fabric::Flat, Assignment::Dhcp).ends_with("\niface eth0 inet dhcp\n")
        );
    }

    #[test]
    fn networkd_has_a_network_and_ifupdown_the_loopback_only() {
        assert_eq!(
            text(Manager::Networkd, Fabric::L3, Assignment::Static),
            "etc/systemd/network/10-eth0.network 644\n[Match]\nName=eth0\n\n[Network]\nAddress=10.100.0.12/16\n\
             Gateway=10.100.255.254\n"
        );
        let files = Manager::Networkd.files(&machine(Fabric::Flat, Assignment::Dhcp));
        assert_eq!(files.first().unwrap().content, "auto lo\niface lo inet loopback\n");
        assert!(files.last().unwrap().content.ends_with("[Network]\nDHCP=ipv4\n"));
    }

    #[test]
    fn networkmanager_has_a_keyfile_for_root_only() {
        assert_eq!(
            text(Manager::NetworkManager, Fabric::L3, Assignment::Static),
            "etc/NetworkManager/system-connections/eth0.nmconnection 600\n[connection]\nid=eth0\n\
             uuid=78646f63-6b00-4000-8000-000000000002\ntype=ethernet\ninterface-name=eth0\n\n[ethernet]\n\n\
             [ipv4]\naddress1=10.100.0.12/16,10.100.255.254\nmethod=manual\n\n[ipv6]\nmethod=auto\n"
        );
        let dhcp = text(Manager::NetworkManager, Fabric::Flat, Assignment::Dhcp);
        assert!(dhcp.contains("[ipv4]\nmethod=auto\n\n[ipv6]"), "{dhcp}");
    }

    #[test]
    fn netplan_has_its_yaml_for_root_only() {
        assert_eq!(
            text(Manager::Netplan, Fabric::L3, Assignment::Static),
            "etc/netplan/01-lab.yaml 600\nnetwork:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0:\n      \
             addresses:\n        - 10.100.0.12/16\n      routes:\n        - to: default\n          via: 10.100.255.254\n"
        );
        let dhcp = text(Manager::Netplan, Fabric::Flat, Assignment::Dhcp);
        assert!(dhcp.ends_with("    eth0:\n      dhcp4: true\n"), "{dhcp}");
    }

    #[test]
    fn the_bare_root_is_ifupdown_with_a_static_address() {
        let change = |manager: Manager, how| manager.change("trixie", how);
        assert_eq!(change(Manager::Ifupdown, Assignment::Static), Change::default());
        assert_eq!(change(Manager::Ifupdown, Assignment::Dhcp).install, ["dhcpcd-base"]);
        assert_eq!(change(Manager::Netplan, Assignment::Dhcp).purge, ["ifupdown"]);
    }
}
