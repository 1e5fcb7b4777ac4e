//! Facts about the network of one host: what `netd inspect` prints and `xdock why` judges.
//!
//! Facts only, no judgement. Releases mix: a reader ignores unknown fields, and a missing field has its default.

use std::net::IpAddr;

use inventory::{Fabric, IfName, MacAddr, NetName, NodeName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// All facts of one `netd inspect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inspection {
    /// The running daemon.
    pub daemon: Daemon,
    /// The active snapshot; `None`: the host has none.
    pub snapshot: Option<SnapshotId>,
    /// The host's own network namespace.
    pub host: Stack,
    /// The container's network namespace; `None`: not asked for, or not found.
    pub container: Option<Stack>,
    /// The container's attachments.
    pub endpoints: Vec<Endpoint>,
    /// Forwarding database of Linux bridges, for the MACs that were asked for.
    pub fdb: Vec<FdbEntry>,
    /// Packet filters that see bridged packets.
    pub filters: Vec<Filter>,
    /// Chains of nftables that may drop packets of bridges, but those of iptables.
    pub chains: Vec<Chain>,
    /// Open vSwitch; `None`: no network of this host uses it.
    pub switch: Option<Switch>,
    /// Names that were asked for, as netd's name server in the container answers.
    pub names: Vec<Resolved>,
    /// TCP ports of the host that netd publishes, of those that were asked for.
    pub published: Vec<Published>,
    /// Programs of the host that listen on the TCP ports that were asked for.
    pub listeners: Vec<Listener>,
    /// Results of the probes.
    pub probes: Vec<Probe>,
    /// Facts that could not be read, each with the reason.
    pub unknown: Vec<String>,
}

/// State of the daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Daemon {
    /// Why it does not answer; `None`: it answers.
    pub error: Option<String>,
    /// Problems that it reports.
    pub problems: Vec<String>,
}

/// Identity of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotId {
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: String,
    /// Containers of this host whose rows cannot be used.
    #[serde(default)]
    pub withheld: Vec<NodeName>,
}

/// Interfaces, routes and neighbours of a network namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stack {
    /// Path of the namespace, of a container only.
    pub namespace: Option<String>,
    /// Interfaces. Of the host: without ports of other containers.
    pub links: Vec<Link>,
    /// Routes that the kernel did not derive from addresses.
    pub routes: Vec<Route>,
    /// Neighbour entries of the addresses that were asked for.
    pub neighbours: Vec<Neighbour>,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Its name.
    pub name: IfName,
    /// `bridge`, `veth`, `bond`, `vlan`, another name of the kernel, or empty for hardware.
    #[serde(default)]
    pub kind: String,
    /// Its MAC.
    #[serde(default)]
    pub mac: Option<MacAddr>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// Has a carrier.
    pub carrier: bool,
    /// Bridge or bond whose port it is.
    #[serde(default)]
    pub master: Option<IfName>,
    /// Its addresses, without link-local ones.
    #[serde(default)]
    pub addresses: Vec<IpNet>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Destination.
    pub destination: IpNet,
    /// Next hop; `None`: on the link.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// Its interface.
    pub device: IfName,
}

/// An entry of a neighbour cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Its MAC; `None`: it does not answer.
    #[serde(default)]
    pub mac: Option<MacAddr>,
    /// Its interface.
    pub device: IfName,
    /// Set by hand or by a program, not learned.
    #[serde(default)]
    pub permanent: bool,
    /// It does not answer.
    #[serde(default)]
    pub failed: bool,
}

/// A container's attachment to a network, as netd recorded it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The network.
    pub network: NetName,
    /// Name of the host end.
    pub port: IfName,
    /// MAC of the container end.
    pub mac: MacAddr,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// The bridge that its port is attached to.
    pub bridge: IfName,
    /// The kind of bridge.
    pub fabric: Fabric,
    /// VLAN on an Open vSwitch bridge.
    #[serde(default)]
    pub tag: Option<u16>,
    /// Progress of its life cycle.
    pub phase: String,
    /// Name of the container end inside the container; `None`: not found.
    #[serde(default)]
    pub inside: Option<IfName>,
    /// How many frames with another MAC or address than its own the container sent since its port exists; `None`: unknown,
    /// or they are not dropped.
    #[serde(default)]
    pub dropped: Option<u64>,
    /// How many of them while it was probed.
    #[serde(default)]
    pub dropped_by_probe: Option<u64>,
}

/// An entry of a bridge's forwarding database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FdbEntry {
    /// The bridge.
    pub bridge: IfName,
    /// The MAC.
    pub mac: MacAddr,
    /// Port behind which the MAC is.
    pub port: IfName,
    /// VLAN, of an Open vSwitch bridge.
    #[serde(default)]
    pub vlan: Option<u16>,
    /// Set by hand or by a program, not learned.
    #[serde(default)]
    pub fixed: bool,
    /// Milliseconds since the last frame from the MAC.
    #[serde(default)]
    pub age_ms: Option<u64>,
}

/// The FORWARD chain of one family.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// `iptables` or `ip6tables`.
    pub program: String,
    /// Whether bridged packets pass the chain (br_netfilter).
    pub sees_bridged: bool,
    /// For each bridge with a network: what may drop its packets before the rule that accepts them.
    pub bridges: Vec<Filtered>,
}

/// What may drop the packets of one bridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filtered {
    /// The bridge.
    pub bridge: IfName,
    /// Whether netd's rule exists and precedes all that may drop.
    pub accepted: bool,
    /// Rules and policy that may drop, in the words of `iptables -S`.
    pub drops: Vec<String>,
}

/// A base chain of nftables that may drop packets of bridges. Whether it drops those of a path is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// Family, table and chain.
    pub name: String,
    /// Whether it sees bridged packets without br_netfilter.
    pub bridged: bool,
    /// Why it may drop.
    pub why: String,
}

impl Chain {
    /// Family and table.
    pub fn table(&self) -> &str {
        self.name.rsplit_once(' ').map_or(self.name.as_str(), |(table, _)| table)
    }
}

/// Open vSwitch of a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Switch {
    /// Why its configuration is unknown; `None`: it is known.
    pub error: Option<String>,
    /// Its bridges.
    pub bridges: Vec<SwitchBridge>,
    /// Forwarding database, for the MACs that were asked for.
    pub fdb: Vec<FdbEntry>,
}

/// A bridge of Open vSwitch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwitchBridge {
    /// Its name.
    pub name: IfName,
    /// Its ports, without those of other containers.
    pub ports: Vec<SwitchPort>,
}

/// A port of Open vSwitch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwitchPort {
    /// Its name.
    pub name: String,
    /// VLAN of an access port; `None`: a trunk.
    #[serde(default)]
    pub tag: Option<u16>,
    /// VLANs of a trunk; empty: all.
    #[serde(default)]
    pub trunks: Vec<i64>,
    /// Error of ovs-vswitchd.
    #[serde(default)]
    pub error: Option<String>,
    /// Its interfaces.
    #[serde(default)]
    pub interfaces: Vec<String>,
}

/// The answer of netd's name server in a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Why there is no answer.
    #[serde(default)]
    pub error: Option<String>,
}

/// A published TCP port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Port of the host.
    pub port: u16,
    /// Container that serves it.
    pub node: NodeName,
    /// Port of the container.
    pub container: u16,
}

/// A program of the host that listens on a TCP port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Name of the program; empty: the kernel, or a process that ended meanwhile.
    pub program: String,
    /// Its process ID.
    #[serde(default)]
    pub pid: Option<u32>,
}

/// A probe from the container, or from the host if no container was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Destination.
    pub to: IpAddr,
    /// Port of a TCP connection; `None`: echo requests.
    #[serde(default)]
    pub port: Option<u16>,
    /// Length of each packet in bytes, of echo requests.
    #[serde(default)]
    pub length: usize,
    /// Packets sent.
    pub sent: u16,
    /// Packets answered.
    pub received: u16,
    /// Microseconds to the first answer.
    #[serde(default)]
    pub micros: Option<u64>,
    /// Why nothing could be sent, or the connection failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Other MACs that answer for the destination: another machine uses its address.
    #[serde(default)]
    pub claimed_by: Vec<MacAddr>,
}

impl Stack {
    /// The interface of this name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name.as_str() == name)
    }

    /// The neighbour entry of an address.
    pub fn neighbour(&self, address: IpAddr) -> Option<&Neighbour> {
        self.neighbours.iter().find(|entry| entry.address == address)
    }
}

impl Inspection {
    /// The attachment to a network.
    pub fn endpoint(&self, network: &NetName) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.network == *network)
    }
}

impl Switch {
    /// The bridge of this name.
    pub fn bridge(&self, name: &str) -> Option<&SwitchBridge> {
        self.bridges.iter().find(|bridge| bridge.name.as_str() == name)
    }

    /// The port of this name, with its bridge.
    pub fn port(&self, name: &str) -> Option<(&SwitchBridge, &SwitchPort)> {
        self.bridges.iter().find_map(|bridge| Some((bridge, bridge.port(name)?)))
    }
}

impl SwitchBridge {
    /// The port of this name.
    pub fn port(&self, name: &str) -> Option<&SwitchPort> {
        self.ports.iter().find(|port| port.name == name)
    }
}

impl Probe {
    /// Whether every packet was answered.
    pub fn is_answered(&self) -> bool {
        self.error.is_none() && self.sent > 0 && self.received == self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_another_release_are_read() {
        let text = r#"{"new_fact": 1, "host": {"links": [{"name": "br0", "mtu": 1500, "up": true, "carrier": false, "speed": 7}]}}"#;
        let read: Inspection = serde_json::from_str(text).unwrap();
        assert_eq!(read.host.link("br0").unwrap().mtu, 1500);
        assert_eq!((read.snapshot, read.probes.len()), (None, 0));
    }

    #[test]
    fn a_lost_packet_is_no_answer() {
        let probe = Probe {
            to: IpAddr::from([10, 99, 1, 1]),
            port: None,
            length: 64,
            sent: 3,
            received: 2,
            micros: Some(5),
            error: None,
            claimed_by: vec![],
        };
        assert!(!probe.is_answered());
        assert!(Probe { received: 3, ..probe.clone() }.is_answered());
        assert!(!Probe { sent: 0, received: 0, ..probe }.is_answered());
    }
}
