//! Names of the cluster, as `makehosts` writes them to /etc/hosts (xCAT `hosts.pm`, `donics`).
//!
//! A node has its own name, and one for each address of `nicips`: prefix, node and suffix, where the default suffix is
//! `-NIC`. `hosts.hostnames` and `nics.nicaliases` have aliases.

use std::net::IpAddr;

use super::cluster::Cluster;
use super::container::SpecError;
use crate::name::NodeName;
use crate::networks::NetworkRow;
use crate::nics::entries;
use crate::snapshot::{HostName, HostNetwork, Names, NetworkDomain};

/// Names of a node.
#[derive(Debug)]
pub(super) struct NodeNames {
    node: NodeName,
    /// Addresses of its own name.
    addresses: Vec<IpAddr>,
    /// Names of its NICs, and aliases.
    others: Vec<HostName>,
}

impl Cluster<'_> {
    /// Domains, and names that the nodes of a snapshot with these networks do not have.
    pub(super) fn names(&self, networks: &[HostNetwork]) -> Names {
        let on_host = |address: &IpAddr| {
            networks.iter().any(|on| on.network.subnets.iter().any(|subnet| subnet.contains(address)))
        };
        let mut hosts = Vec::new();
        for of in self.node_names() {
            let is_shown = self.is_container(&of.node) && of.addresses.iter().all(on_host);
            if !is_shown && !of.addresses.is_empty() {
                hosts.push(name(of.node.as_str(), &of.addresses, false));
            }
            hosts.extend(of.others.iter().cloned());
        }
        Names::new(self.site_domain(), self.network_domains(), hosts)
    }

    /// `site.domain`.
    pub fn site_domain(&self) -> Option<Box<str>> {
        self.site().find(|(key, _)| *key == "domain").and_then(|(_, value)| domain(value))
    }

    /// `networks.domain` of each row that has one.
    fn network_domains(&self) -> Vec<NetworkDomain> {
        let rows = self.network_rows().iter();
        let domain_of = |row: &crate::tables::Row| {
            let net = NetworkRow::parse(|column| row.get(column)).ok()?.subnet;
            Some(NetworkDomain { net, domain: domain(row.get("domain")?)? })
        };
        rows.filter_map(domain_of).collect()
    }

    /// Names of one node. Invalid rows have none; `check` reports them.
    pub(super) fn names_of(&self, node: &NodeName) -> NodeNames {
        let own = match self.placement(node) {
            Some(Ok(placed)) if !self.unusable().contains_key(node) => {
                placed.attachments.first().map(|first| first.addresses.clone())
            }
            Some(_) => None,
            None => self.ip::<SpecError>(node).ok().flatten().map(|address| vec![address]),
        };
        let Some(addresses) = own else {
            return NodeNames { node: node.clone(), addresses: Vec::new(), others: Vec::new() };
        };
        let mut others = self.nic_names(node);
        let aliases = self.text(node, "hosts.hostnames").ok().flatten().unwrap_or_default();
        let words = aliases.split([',', ' ', '\t', ':']).filter(|word| is_host_name(word));
        others.extend(words.map(|word| name(word, &addresses, true)));
        NodeNames { node: node.clone(), addresses, others }
    }

    fn nic_names(&self, node: &NodeName) -> Vec<HostName> {
        let Ok(nics) = self.nics_with_ips::<SpecError>(node) else { return Vec::new() };
        if nics.iter().all(|nic| nic.ips.is_empty()) {
            return Vec::new();
        }
        let column = |column: &str| self.text(node, column).ok().flatten().unwrap_or_default();
        let (suffixes, prefixes) = (column("nics.nichostnamesuffixes"), column("nics.nichostnameprefixes"));
        let aliases = column("nics.nicaliases");
        let short = node.as_str().split('.').next().unwrap_or_default();
        let mut names = Vec::new();
        for nic in &nics {
            for (at, address) in nic.ips.iter().enumerate() {
                let value = |text| value_at(text, nic.name.as_str(), at);
                let (prefix, suffix) = (value(&prefixes), value(&suffixes));
                let suffix = match (&prefix, suffix) {
                    (None, None) => Some(format!("-{}", nic.name)),
                    (_, suffix) => suffix,
                };
                let full = format!("{}{short}{}", prefix.unwrap_or_default(), suffix.unwrap_or_default());
                let of_nic = value(&aliases).unwrap_or_default();
                let words = of_nic.split_whitespace().filter(|word| is_host_name(word));
                names.extend(words.map(|word| name(word, &[*address], true)));
                if is_host_name(&full) && full != node.as_str() {
                    names.push(name(&full, &[*address], false));
                }
            }
        }
        names
    }
}

/// The value of a NIC's address at a position.
fn value_at(column: &str, nic: &str, at: usize) -> Option<String> {
    let (_, values) =
        entries::split(column).into_iter().filter_map(entries::pair).find(|(of, _)| *of == nic)?;
    values.split('|').nth(at).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn name(name: &str, addresses: &[IpAddr], alias: bool) -> HostName {
    HostName { name: name.into(), addresses: addresses.to_vec(), alias }
}

/// A domain without the dot at its end.
fn domain(text: &str) -> Option<Box<str>> {
    let text = text.trim().trim_matches('.');
    is_host_name(text).then(|| text.into())
}

/// Whether DNS can carry a name: labels of 1 to 63 characters (RFC 1035, 2.3.4).
fn is_host_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(letter);
    name.len() <= 253 && name.split('.').all(label)
}
