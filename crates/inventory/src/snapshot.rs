//! The compiled, versioned part of the inventory that one host needs. netd grants the addresses in it and
//! refuses all others.
//!
//! It lists the containers of *all* hosts on the host's networks, so that a refusal can name the row.

use std::borrow::Cow;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::container::{Attachment, Link, Network, is_false, tight};
use crate::name::{IfName, NetName, NodeName};

mod carried;
mod index;
mod names;
mod stamp;
mod stored;

use index::AddressIndex;

pub use names::{HostName, Names, NetworkDomain};
pub use stamp::{Origin, Relation, Stamp, StampError};
pub use stored::{StoredError, StoredSnapshot, copy_path, restore_copy, store};

/// Format version of the file. Readers refuse other versions.
pub const FORMAT: u32 = 1;

/// Path of the snapshot on a host.
pub const PATH: &str = "/var/lib/xdock/snapshot.json";

/// The part of the cluster's tables that one host needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// [`FORMAT`].
    pub format: u32,
    /// Time at which the management node read the tables, in milliseconds since 1970 by its own clock.
    pub version: u64,
    /// The management node that created the snapshot; `None`: an earlier release created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// `sha256:` and the hexadecimal hash of `host`, `networks`, `nodes`, `withheld` and `names`: equal tables, equal digest.
    pub digest: String,
    /// Host of the snapshot.
    pub host: NodeName,
    /// The networks that have a bridge on this host.
    pub networks: Vec<HostNetwork>,
    /// Container nodes of all hosts on those networks, sorted by name.
    pub nodes: Vec<SnapshotNode>,
    /// Containers of this host with invalid rows, sorted. The host keeps their previous addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<NodeName>,
    /// Previous rows of these containers. The host adds them, see [`Snapshot::succeeding`]. The digest does not cover them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<SnapshotNode>,
    /// Domains and names of the cluster that `nodes` does not have.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
    /// Finds the node of an address.
    #[serde(skip)]
    index: AddressIndex,
    /// Finds the node of a name, in upper or lower case.
    #[serde(skip)]
    by_name: names::NodeIndex,
}

/// A network and its bridge on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNetwork {
    /// Row of `networks`.
    #[serde(flatten)]
    pub network: Network,
    /// Fabric that connects the hosts.
    pub fabric: Fabric,
    /// The host's bridge for the containers.
    pub bridge: IfName,
    /// Access tag of their ports on an Open vSwitch bridge; `None`: untagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u16>,
}

/// Fabric that connects a network's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fabric {
    /// A Linux bridge over a NIC.
    Flat,
    /// An Open vSwitch bridge over a NIC.
    Ovs,
}

/// A container node and its attachments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotNode {
    /// Its name.
    pub node: NodeName,
    /// Host of the container.
    pub host: NodeName,
    /// Attachments.
    #[serde(deserialize_with = "tight")]
    pub nics: Vec<Attachment>,
    /// Names of this container for others (`link=`).
    #[serde(default, deserialize_with = "tight", skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Settings that only the container's own host needs; `None` on other hosts, and where all are default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<OwnSettings>>,
    /// `vm.othersettings` is invalid: the host adds the previous `links` and `own`, see [`Snapshot::succeeding`]. The digest
    /// does not cover them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keeps_settings: bool,
}

/// Settings of a container that netd on its host needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnSettings {
    /// `dns=`: name servers for names outside of the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<IpAddr>,
    /// `antispoof=no`: it may send with any address.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spoofing: bool,
    /// `extraaddress=`: addresses that it may use beside its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_addresses: Vec<IpAddr>,
}

impl SnapshotNode {
    /// A node without links and own settings.
    pub fn new(node: NodeName, host: NodeName, nics: Vec<Attachment>) -> Self {
        Self { node, host, nics, links: Vec::new(), own: None, keeps_settings: false }
    }
}

impl OwnSettings {
    /// `None`: all settings are default.
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// Error of a snapshot. Each message names the file or the host.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] durable::FileError),
    /// The text is not a snapshot.
    #[error("snapshot is not valid JSON of format {FORMAT}; compile it again with `xdock sync`")]
    Parse(#[source] serde_json::Error),
    /// Written by another release.
    #[error("snapshot has format {0}, this program reads format {FORMAT}; update xdock on this host")]
    Format(u32),
    /// Changed by hand or damaged.
    #[error(
        "snapshot's digest is {recorded} but its content hashes to {found}; compile it again with `xdock sync`"
    )]
    Digest {
        /// In the file.
        recorded: String,
        /// Of the content.
        found: String,
    },
}

impl Snapshot {
    /// Seals host, networks and nodes with their digest.
    pub fn seal(host: NodeName, version: u64, networks: Vec<HostNetwork>, nodes: Vec<SnapshotNode>) -> Self {
        let digest = digest(&host, &networks, &nodes, &[], &Names::default());
        let (withheld, carried) = (Vec::new(), Vec::new());
        Self {
            format: FORMAT,
            version,
            origin: None,
            digest,
            host,
            networks,
            nodes,
            withheld,
            carried,
            names: Names::default(),
            index: AddressIndex::default(),
            by_name: names::NodeIndex::default(),
        }
    }

    /// Adds the containers of the host with invalid rows.
    #[must_use]
    pub fn withholding(mut self, mut withheld: Vec<NodeName>) -> Self {
        withheld.sort();
        self.digest = digest(&self.host, &self.networks, &self.nodes, &withheld, &self.names);
        Self { withheld, ..self }
    }

    /// Adds domains and names.
    #[must_use]
    pub fn naming(mut self, names: Names) -> Self {
        self.digest = digest(&self.host, &self.networks, &self.nodes, &self.withheld, &names);
        Self { names, ..self }
    }

    /// The snapshot as netd of release 0.1 reads it: without names, links and settings of containers.
    #[must_use]
    pub fn addresses_only(self) -> Self {
        let bare = |node: SnapshotNode| SnapshotNode::new(node.node, node.host, node.nics);
        let nodes = self.nodes.into_iter().map(bare).collect();
        let without_isolation =
            |on: HostNetwork| HostNetwork { network: Network { isolate: false, ..on.network }, ..on };
        let networks = self.networks.into_iter().map(without_isolation).collect();
        let sealed = Self::seal(self.host, self.version, networks, nodes);
        sealed.withholding(self.withheld).made_by(self.origin)
    }

    /// Sets the management node that created the snapshot; `None`: as from an earlier release.
    #[must_use]
    pub fn made_by(self, origin: Option<Origin>) -> Self {
        Self { origin, ..self }
    }

    /// Reads and verifies text that [`Snapshot::to_text`] wrote.
    ///
    /// # Errors
    /// Not JSON, another format, or a digest that does not match.
    pub fn parse(text: &[u8]) -> Result<Self, SnapshotError> {
        let snapshot: Self = serde_json::from_slice(text).map_err(|error| refusal(text, error))?;
        if snapshot.format != FORMAT {
            return Err(SnapshotError::Format(snapshot.format));
        }
        let Self { host, networks, nodes, withheld, names, .. } = &snapshot;
        let found = digest(host, networks, nodes, withheld, names);
        if found != snapshot.digest {
            return Err(SnapshotError::Digest { recorded: snapshot.digest, found });
        }
        Ok(snapshot)
    }

    /// Reads and verifies a file. `None`: there is no such file.
    ///
    /// # Errors
    /// As [`Snapshot::parse`], or the file exists but cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, SnapshotError> {
        durable::read(path)?.map(|text| Self::parse(&text)).transpose()
    }

    /// The text of the file: a line for each network and node, so that a person can read and `diff` can compare it.
    pub fn to_text(&self) -> String {
        let list = |name: &str, lines: Vec<String>| format!("\"{name}\": [\n  {}\n]", lines.join(",\n  "));
        let networks: Vec<String> = self.networks.iter().map(to_json).collect();
        let mut lists =
            vec![list("networks", networks), list("nodes", self.nodes.iter().map(to_json).collect())];
        if !self.withheld.is_empty() {
            lists.push(list("withheld", self.withheld.iter().map(to_json).collect()));
        }
        if !self.carried.is_empty() {
            lists.push(list("carried", self.carried.iter().map(to_json).collect()));
        }
        if !self.names.is_empty() {
            lists.push(format!("\"names\": {}", self.names.to_text()));
        }
        let origin = self.origin.as_ref().map(|origin| format!("\"origin\": {},\n", to_json(origin)));
        format!(
            "{{\n\"format\": {},\n\"version\": {},\n{}\"digest\": {},\n\"host\": {},\n{}\n}}\n",
            self.format,
            self.version,
            origin.unwrap_or_default(),
            to_json(&self.digest),
            to_json(&self.host),
            lists.join(",\n"),
        )
    }

    /// The network of that name, if this host has it.
    pub fn network(&self, name: &NetName) -> Option<&HostNetwork> {
        self.networks.iter().find(|network| network.network.name == *name)
    }

    /// The node with this name. A container with invalid rows has its previous row.
    pub fn node(&self, name: &str) -> Option<&SnapshotNode> {
        let place = |nodes: &[SnapshotNode]| nodes.binary_search_by(|node| node.node.as_str().cmp(name)).ok();
        let carried = || self.carried.get(place(&self.carried)?);
        place(&self.nodes).and_then(|at| self.nodes.get(at)).or_else(carried)
    }

    /// The node with this address on this network, and its attachment.
    pub fn holder(&self, network: &NetName, address: IpAddr) -> Option<(&SnapshotNode, &Attachment)> {
        let of_tables = self.index.holders(&self.nodes, address).find(|(_, nic)| nic.network == *network);
        of_tables.or_else(|| carried::holder(&self.carried, network, address))
    }
}

/// Text of another format fails at any new field. The error must report the format instead.
fn refusal(text: &[u8], error: serde_json::Error) -> SnapshotError {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    match serde_json::from_slice::<Head>(text) {
        Ok(Head { format }) if format != FORMAT => SnapshotError::Format(format),
        _ => SnapshotError::Parse(error),
    }
}

/// Hashes the JSON text while it is written: with 10,000 nodes it is several megabytes. Tables without an invalid row have the
/// same digest as in earlier releases, and so have tables without names.
fn digest(
    host: &NodeName,
    networks: &[HostNetwork],
    nodes: &[SnapshotNode],
    withheld: &[NodeName],
    names: &Names,
) -> String {
    let mut hash = Hashing(Sha256::new());
    let nodes = &*of_tables(nodes);
    // cannot fail: a hash accepts every byte, and these types have string keys and no floats
    let _ = match withheld {
        withheld if !names.is_empty() => {
            serde_json::to_writer(&mut hash, &(host, networks, nodes, withheld, names))
        }
        [] => serde_json::to_writer(&mut hash, &(host, networks, nodes)),
        withheld => serde_json::to_writer(&mut hash, &(host, networks, nodes, withheld)),
    };
    let hex: String = hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The nodes without settings that do not come from the tables.
fn of_tables(nodes: &[SnapshotNode]) -> Cow<'_, [SnapshotNode]> {
    if !nodes.iter().any(|node| node.keeps_settings) {
        return Cow::Borrowed(nodes);
    }
    let bare = |node: &SnapshotNode| match node.keeps_settings {
        true => SnapshotNode { links: Vec::new(), own: None, ..node.clone() },
        false => node.clone(),
    };
    Cow::Owned(nodes.iter().map(bare).collect())
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cannot fail: these types have string keys and no floats.
fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Snapshot {
        let network = Network {
            name: "mynet0".parse().unwrap(),
            subnets: vec!["10.99.0.0/16".parse().unwrap()],
            gateways: vec![],
            vlan: None,
            mtu: None,
            isolate: false,
        };
        let nic = Attachment {
            network: "mynet0".parse().unwrap(),
            nic: "eth0".parse().unwrap(),
            mac: "02:42:0a:63:01:02".parse().unwrap(),
            addresses: vec!["10.99.1.2".parse().unwrap()],
        };
        let node = SnapshotNode::new("d2".parse().unwrap(), "dh1".parse().unwrap(), vec![nic]);
        let network =
            HostNetwork { network, fabric: Fabric::Flat, bridge: "mynet0".parse().unwrap(), tag: None };
        Snapshot::seal("dh1".parse().unwrap(), 7, vec![network], vec![node])
    }

    #[test]
    fn text_reads_back_and_answers() {
        let snapshot = sample();
        let read = Snapshot::parse(snapshot.to_text().as_bytes()).unwrap();
        assert_eq!(read, snapshot);
        let (node, _) = read.holder(&"mynet0".parse().unwrap(), "10.99.1.2".parse().unwrap()).unwrap();
        assert_eq!(node.node.as_str(), "d2");
        assert!(read.node("d2").is_some() && read.node("d3").is_none());
    }

    #[test]
    fn who_made_it_is_kept_and_changes_no_digest() {
        let origin = Origin { name: "mn1".into(), id: "4f3a".into(), epoch: 2 };
        let made = sample().made_by(Some(origin.clone()));
        assert_eq!(made.digest, sample().digest);
        let text = made.to_text();
        assert!(text.contains("\n\"origin\": {\"name\":\"mn1\",\"id\":\"4f3a\",\"epoch\":2},\n"), "{text}");
        assert_eq!(Snapshot::parse(text.as_bytes()).unwrap().origin, Some(origin));
        assert!(!sample().to_text().contains("origin"), "as an earlier release reads it");
    }

    #[test]
    fn every_address_is_found_on_its_own_network_only() {
        let mut node = sample().nodes.remove(0);
        let nodes: Vec<SnapshotNode> = (0..1000_u16)
            .map(|at| {
                let [high, low] = at.to_be_bytes();
                node.node = format!("n{at:04}").parse().unwrap();
                node.nics[0].addresses =
                    vec![IpAddr::from([10, 99, high, low]), format!("fd00::{at:x}").parse().unwrap()];
                node.clone()
            })
            .collect();
        let snapshot = Snapshot::seal("dh1".parse().unwrap(), 1, sample().networks, nodes);
        let (mynet0, other) = ("mynet0".parse().unwrap(), "net98".parse().unwrap());
        for node in &snapshot.nodes {
            for address in &node.nics[0].addresses {
                assert_eq!(snapshot.holder(&mynet0, *address).unwrap().0.node, node.node);
                assert_eq!(snapshot.holder(&other, *address), None);
            }
        }
        assert_eq!(snapshot.holder(&mynet0, "10.99.9.9".parse().unwrap()), None);
        assert_eq!(snapshot, Snapshot::parse(snapshot.to_text().as_bytes()).unwrap(), "asked or not");
    }

    #[test]
    fn a_changed_or_torn_file_is_refused() {
        let text = sample().to_text();
        let changed = text.replace("10.99.1.2", "10.99.1.3");
        assert!(matches!(Snapshot::parse(changed.as_bytes()), Err(SnapshotError::Digest { .. })));
        assert!(matches!(Snapshot::parse(&text.as_bytes()[..text.len() / 2]), Err(SnapshotError::Parse(_))));
        let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
        assert!(matches!(Snapshot::parse(newer.as_bytes()), Err(SnapshotError::Format(2))));
        let newer = newer.replacen("\"host\"", "\"fabrics\": [], \"host\"", 1);
        assert!(matches!(Snapshot::parse(newer.as_bytes()), Err(SnapshotError::Format(2))));
    }
}
