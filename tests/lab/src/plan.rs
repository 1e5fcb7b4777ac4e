//! What a lab will be: machines, addresses, NICs and the cables between them. Pure: a lab of the same
//! specification has the same addresses everywhere and always.

mod cable;

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

pub use cable::{Nic, PREFIX, Segment};

use crate::disk::Size;
use crate::manager::{Assignment, Manager};
use crate::name::{LabName, Member};

/// How the hosts' `eth0` are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Fabric {
    /// One Ethernet.
    Flat,
    /// Two Ethernets with a router between them: `mn` and odd hosts on the first, even hosts on the second.
    L3,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The name, unique on the machine.
    pub name: LabName,
    /// How many hosts beside the management node.
    pub hosts: u8,
    /// How they are joined.
    pub fabric: Fabric,
    /// NICs of each machine; the second and further ones are one flat Ethernet each.
    pub nics: u8,
    /// Whether `eth1` is on the same Ethernet as `eth0`, as the two members of a bond are.
    #[serde(default)]
    pub bonded: bool,
    /// Whether what goes on a cable has its checksums, as with a real card.
    #[serde(default)]
    pub checksums: bool,
    /// Whether udevd runs in the hosts and sees what becomes of their NICs.
    #[serde(default)]
    pub udev: bool,
    /// How large a host's disk is; none: as large as the machine's.
    #[serde(default)]
    pub disk: Option<Size>,
    /// Debian's release.
    pub suite: String,
    /// What the management node serves to hosts, with all dependencies.
    pub packages: Vec<String>,
    /// What configures the hosts' networks, given to the hosts in turn; none is ifupdown.
    #[serde(default)]
    pub managers: Vec<Manager>,
    /// How the hosts' `eth0` gets its address.
    #[serde(default)]
    pub assignment: Assignment,
}

impl Spec {
    /// A flat lab of `hosts` hosts with two NICs and Debian 12.
    pub fn new(name: LabName, hosts: u8) -> Self {
        let suite = "bookworm";
        let packages = default_packages(suite);
        Self {
            name,
            hosts,
            fabric: Fabric::Flat,
            nics: 2,
            bonded: false,
            checksums: false,
            udev: false,
            disk: None,
            suite: suite.into(),
            packages,
            managers: vec![Manager::Ifupdown],
            assignment: Assignment::Static,
        }
    }

    /// The machines, the management node first.
    pub fn members(&self) -> impl Iterator<Item = Member> + use<> {
        std::iter::once(Member::Mn).chain((1..=self.hosts).map(Member::Host))
    }

    /// The plan of every machine.
    pub fn machines(&self) -> Vec<Machine> {
        self.members().map(|member| self.machine(member)).collect()
    }

    /// The plan of one machine.
    pub fn machine(&self, member: Member) -> Machine {
        let segment = match self.fabric {
            Fabric::L3 if member.number() != 0 && member.number().is_multiple_of(2) => Segment::Second,
            Fabric::L3 | Fabric::Flat => Segment::First,
        };
        let gateway = (self.fabric == Fabric::L3).then(|| segment.router());
        let nic = |index| Nic::new(member, index, self.bridge(index, segment));
        let nics = (0..self.nics).map(nic).collect();
        let (manager, assignment) = match member {
            Member::Mn => (Manager::Ifupdown, Assignment::Static),
            Member::Host(number) => (self.manager(number), self.assignment),
        };
        let (address, checksums) = (segment.address(member), self.checksums);
        Machine { member, address, gateway, nics, manager, assignment, checksums }
    }

    fn manager(&self, host: u8) -> Manager {
        let in_turn = self.managers.iter().cycle().nth(usize::from(host.saturating_sub(1)));
        in_turn.copied().unwrap_or_default()
    }

    /// The bridges in the fabric's namespace.
    pub fn bridges(&self) -> Vec<String> {
        let routed = (self.fabric == Fabric::L3).then(|| Segment::Second.bridge());
        std::iter::once(Segment::First.bridge())
            .chain(routed)
            .chain((self.joined()..self.nics).map(|index| self.bridge(index, Segment::First)))
            .collect()
    }

    /// How many of the first NICs are on the segment that carries the addresses.
    fn joined(&self) -> u8 {
        if self.bonded { 2 } else { 1 }
    }

    fn bridge(&self, index: u8, segment: Segment) -> String {
        if index < self.joined() { segment.bridge() } else { format!("net{index}") }
    }
}

/// What a docker host installs from a release, and the firewalls that a test gives it. Debian 13 took the client out of docker.io.
pub fn default_packages(suite: &str) -> Vec<String> {
    let client = (!matches!(suite, "bullseye" | "bookworm")).then_some("docker-cli");
    let always = ["docker.io", "iptables", "ca-certificates", "bridge-utils", "openvswitch-switch"];
    // netbase: firewalld knows protocols by /etc/protocols
    let firewalls = ["nftables", "ufw", "firewalld", "netbase"];
    let packages = always.into_iter().chain(client).chain(firewalls);
    packages.map(str::to_owned).collect()
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Which.
    pub member: Member,
    /// Of `eth0`, with [`PREFIX`].
    pub address: Ipv4Addr,
    /// The way to the other segment; none on a flat fabric.
    pub gateway: Option<Ipv4Addr>,
    /// `eth0` first.
    pub nics: Vec<Nic>,
    /// What configures its network.
    pub manager: Manager,
    /// How `eth0` gets its address.
    pub assignment: Assignment,
    /// Whether its NICs compute checksums.
    pub checksums: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(fabric: Fabric) -> Spec {
        Spec { fabric, ..Spec::new("lab".parse().unwrap(), 3) }
    }

    #[test]
    fn flat_addresses_are_those_of_the_manual() {
        let machines = spec(Fabric::Flat).machines();
        let addresses: Vec<_> = machines.iter().map(|m| m.address.to_string()).collect();
        assert_eq!(addresses, ["10.99.0.1", "10.99.0.11", "10.99.0.12", "10.99.0.13"]);
        assert!(machines.iter().all(|m| m.gateway.is_none()));
        assert_eq!(machines[2].nics[1].mac, "02:78:64:00:01:02");
        assert_eq!(machines[2].nics[1].bridge, "net1");
        assert_eq!(spec(Fabric::Flat).bridges(), ["net0", "net1"]);
    }

    #[test]
    fn even_hosts_are_behind_the_router() {
        let machines = spec(Fabric::L3).machines();
        assert_eq!(machines[2].address.to_string(), "10.100.0.12");
        assert_eq!(machines[2].gateway.unwrap().to_string(), "10.100.255.254");
        assert_eq!(machines[2].nics[0].bridge, "net0b");
        assert_eq!(machines[3].address.to_string(), "10.99.0.13");
        assert_eq!(spec(Fabric::L3).bridges(), ["net0", "net0b", "net1"]);
    }

    #[test]
    fn the_members_of_a_bond_are_on_one_ethernet() {
        let lab = Spec { nics: 3, bonded: true, ..spec(Fabric::L3) };
        let bridges: Vec<_> = lab.machine(Member::Host(2)).nics.into_iter().map(|nic| nic.bridge).collect();
        assert_eq!(bridges, ["net0b", "net0b", "net2"]);
        assert_eq!(lab.bridges(), ["net0", "net0b", "net2"]);
    }

    #[test]
    fn managers_are_given_to_hosts_in_turn() {
        let managers = vec![Manager::Netplan, Manager::Networkd];
        let lab = Spec { managers, assignment: Assignment::Dhcp, ..spec(Fabric::Flat) };
        let given: Vec<_> = lab.machines().into_iter().map(|m| (m.manager, m.assignment)).collect();
        assert_eq!(
            given,
            [
                (Manager::Ifupdown, Assignment::Static),
                (Manager::Netplan, Assignment::Dhcp),
                (Manager::Networkd, Assignment::Dhcp),
                (Manager::Netplan, Assignment::Dhcp),
            ]
        );
    }

    #[test]
    fn the_client_is_a_package_of_its_own_from_debian_13_on() {
        assert!(!default_packages("bookworm").contains(&"docker-cli".to_owned()));
        assert!(default_packages("trixie").contains(&"docker-cli".to_owned()));
    }

    #[test]
    fn no_two_nics_share_a_mac_or_a_port() {
        let lab = Spec { nics: 8, ..Spec::new("lab".parse().unwrap(), 200) };
        let nics: Vec<Nic> = lab.machines().into_iter().flat_map(|m| m.nics).collect();
        let macs: std::collections::BTreeSet<_> = nics.iter().map(|nic| &nic.mac).collect();
        assert_eq!(macs.len(), nics.len());
        assert!(nics.iter().all(|nic| nic.port.len() <= 15), "the kernel's longest interface name");
    }
}
