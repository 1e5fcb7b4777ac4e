//! Domains and names of the cluster, for the DNS answers of netd.
//!
//! Names of containers and their addresses are in [`Snapshot::nodes`]. This part adds the rest: other nodes, further NICs,
//! aliases. Upper and lower case are equal in names (RFC 1035, 2.3.3).

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Snapshot, SnapshotNode, carried, to_json};
use crate::container::{Attachment, tight};

/// Domains and names of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// `site.domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Box<str>>,
    /// `networks.domain`, smallest network first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<NetworkDomain>,
    /// Names, sorted without regard to case.
    #[serde(default, deserialize_with = "tight", skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
    /// Finds the name of an address.
    #[serde(skip)]
    by_address: AddressIndex,
}

/// Domain of the addresses of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDomain {
    /// The network.
    pub net: IpNet,
    /// Its domain.
    pub domain: Box<str>,
}

/// A name and its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostName {
    /// The name without domain.
    pub name: Box<str>,
    /// Addresses; several nodes may share an alias.
    #[serde(deserialize_with = "tight")]
    pub addresses: Vec<IpAddr>,
    /// Whether it is an alias: its addresses have another name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub alias: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Names {
    /// Sorts names and domains, and merges equal names.
    pub fn new(domain: Option<Box<str>>, mut domains: Vec<NetworkDomain>, mut hosts: Vec<HostName>) -> Self {
        domains.sort_by_key(|of| std::cmp::Reverse(of.net.prefix_len()));
        // a real name before an alias
        hosts.sort_by(|one, other| order(&one.name, &other.name).then(one.alias.cmp(&other.alias)));
        hosts.dedup_by(|later, first| {
            let is_same = order(&later.name, &first.name).is_eq();
            if is_same {
                let missing = later.addresses.iter().filter(|address| !first.addresses.contains(address));
                let missing: Vec<IpAddr> = missing.copied().collect();
                first.addresses.extend(missing);
            }
            is_same
        });
        Self { domain, domains, hosts, by_address: AddressIndex::default() }
    }

    /// Whether it has nothing.
    pub fn is_empty(&self) -> bool {
        self.domain.is_none() && self.domains.is_empty() && self.hosts.is_empty()
    }

    /// The entry of a name without domain.
    pub fn find(&self, name: &str) -> Option<&HostName> {
        let at = self.hosts.binary_search_by(|host| order(&host.name, name)).ok()?;
        self.hosts.get(at)
    }

    /// The name of an address. Aliases are not considered.
    pub fn of_address(&self, address: IpAddr) -> Option<&HostName> {
        let places = self.by_address.0.get_or_init(|| places(&self.hosts));
        let at = |place: &(u32, u16)| {
            let host = self.hosts.get(usize::try_from(place.0).ok()?)?;
            Some((*host.addresses.get(usize::from(place.1))?, host))
        };
        let key = |place: &(u32, u16)| at(place).map(|(address, _)| address);
        let found = places.get(places.partition_point(|place| key(place) < Some(address)))?;
        at(found).filter(|(has, _)| *has == address).map(|(_, host)| host)
    }

    /// Domain of an address: that of its network, else that of the site.
    pub fn domain_of(&self, address: IpAddr) -> Option<&str> {
        let of_network = self.domains.iter().find(|of| of.net.contains(&address)).map(|of| &*of.domain);
        of_network.or(self.domain.as_deref())
    }

    /// JSON with a line for each name.
    pub(super) fn to_text(&self) -> String {
        let domain = self.domain.as_ref().map(|domain| format!("\"domain\": {}", to_json(domain)));
        let domains = (!self.domains.is_empty()).then(|| format!("\"domains\": {}", to_json(&self.domains)));
        let hosts: Vec<String> = self.hosts.iter().map(to_json).collect();
        let hosts = (!hosts.is_empty()).then(|| format!("\"hosts\": [\n  {}\n]", hosts.join(",\n  ")));
        let parts: Vec<String> = [domain, domains, hosts].into_iter().flatten().collect();
        format!("{{\n{}\n}}", parts.join(",\n"))
    }
}

/// Compares two names without regard to case.
fn order(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}

/// Positions of addresses that are not aliases, sorted by address. The first lookup creates them; they are not part of the value.
#[derive(Debug, Clone, Default)]
struct AddressIndex(OnceLock<Box<[(u32, u16)]>>);

impl PartialEq for AddressIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AddressIndex {}

fn places(hosts: &[HostName]) -> Box<[(u32, u16)]> {
    let real = hosts.iter().zip(0..).filter(|(host, _)| !host.alias);
    let mut places: Vec<(IpAddr, (u32, u16))> = real
        .flat_map(|(host, at)| {
            host.addresses.iter().zip(0..).map(move |(address, of_host)| (*address, (at, of_host)))
        })
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}

/// Positions of nodes, sorted by name without regard to case. The first lookup creates them; they are not part of the value.
#[derive(Debug, Clone, Default)]
pub(super) struct NodeIndex(OnceLock<Box<[u32]>>);

impl PartialEq for NodeIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for NodeIndex {}

impl NodeIndex {
    fn find<'a>(&self, nodes: &'a [SnapshotNode], name: &str) -> Option<&'a SnapshotNode> {
        let node_at = |at: &u32| nodes.get(usize::try_from(*at).ok()?);
        let places = self.0.get_or_init(|| {
            let mut places: Vec<u32> = (0..).take(nodes.len()).collect();
            places.sort_by(|one, other| match (node_at(one), node_at(other)) {
                (Some(one), Some(other)) => order(one.node.as_str(), other.node.as_str()),
                _ => Ordering::Equal,
            });
            places.into()
        });
        let compare = |at: &u32| node_at(at).map_or(Ordering::Less, |node| order(node.node.as_str(), name));
        node_at(places.get(places.binary_search_by(compare).ok()?)?)
    }
}

impl Snapshot {
    /// The node with this name in upper or lower case. A container with invalid rows has its previous row.
    pub fn node_called(&self, name: &str) -> Option<&SnapshotNode> {
        let carried = || self.carried.iter().find(|node| order(node.node.as_str(), name).is_eq());
        self.by_name.find(&self.nodes, name).or_else(carried)
    }

    /// The node with this address on any network, and its attachment.
    pub fn owner(&self, address: IpAddr) -> Option<(&SnapshotNode, &Attachment)> {
        let of_tables = self.index.holders(&self.nodes, address).next();
        of_tables.or_else(|| carried::owner(&self.carried, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, addresses: &[&str], alias: bool) -> HostName {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        HostName { name: name.into(), addresses, alias }
    }

    fn names() -> Names {
        let domains = [("10.98.0.0/16", "ib.test"), ("10.98.7.0/24", "small.test")];
        let domains =
            domains.map(|(net, domain)| NetworkDomain { net: net.parse().unwrap(), domain: domain.into() });
        let hosts = vec![
            host("host2", &["10.99.0.12"], false),
            host("Host1", &["10.99.0.11", "fd00::11"], false),
            host("login", &["10.99.0.11"], true),
            host("LOGIN", &["10.99.0.12"], true),
        ];
        Names::new(Some("cluster.test".into()), domains.into(), hosts)
    }

    #[test]
    fn names_are_found_in_any_case_and_nodes_may_share_an_alias() {
        let names = names();
        assert_eq!(names.find("HOST1").unwrap().addresses.len(), 2);
        assert_eq!(names.find("login"), Some(&host("login", &["10.99.0.11", "10.99.0.12"], true)));
        assert_eq!(names.find("host3"), None);
    }

    #[test]
    fn an_address_has_its_node_s_name_and_not_an_alias() {
        let names = names();
        let name = |address: &str| names.of_address(address.parse().unwrap()).map(|host| &*host.name);
        assert_eq!(
            [name("10.99.0.11"), name("fd00::11"), name("10.99.0.12"), name("10.99.0.13"), name("::")],
            [Some("Host1"), Some("Host1"), Some("host2"), None, None]
        );
    }

    #[test]
    fn the_smallest_network_decides_the_domain() {
        let names = names();
        let domain = |address: &str| names.domain_of(address.parse().unwrap()).unwrap();
        assert_eq!(
            [domain("10.98.7.1"), domain("10.98.1.1"), domain("10.99.0.1")],
            ["small.test", "ib.test", "cluster.test"]
        );
    }

    #[test]
    fn a_snapshot_with_names_reads_back_and_only_then_has_another_digest() {
        let nodes = ["C1", "b2", "a3"]
            .map(|name| SnapshotNode::new(name.parse().unwrap(), "host1".parse().unwrap(), Vec::new()));
        let plain = Snapshot::seal("host1".parse().unwrap(), 1, vec![], nodes.into());
        assert_eq!(plain.clone().naming(Names::default()), plain);
        let named = plain.clone().naming(names());
        assert_ne!(named.digest, plain.digest);
        let text = named.to_text();
        assert!(text.contains("\"names\": {\n\"domain\": \"cluster.test\",\n"), "{text}");
        assert_eq!(Snapshot::parse(text.as_bytes()).unwrap(), named);
        let changed = text.replace("cluster.test", "other.test");
        assert!(Snapshot::parse(changed.as_bytes()).is_err());
        assert_eq!(named.node_called("c1").unwrap().node.as_str(), "C1");
        assert_eq!(named.node_called("B2").unwrap().node.as_str(), "b2");
        assert_eq!(named.node_called("d4"), None);
        assert_eq!(named.addresses_only(), plain, "as release 0.1 reads it");
    }
}
