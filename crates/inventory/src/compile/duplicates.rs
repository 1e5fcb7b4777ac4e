//! Finds addresses of more than one node.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use super::cluster::Cluster;
use super::container::{Placed, SpecError};
use crate::columns::all_macs;
use crate::mac::MacAddr;
use crate::name::NodeName;
use crate::nics::Nic;

/// An address of several nodes. The message names every row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is the {kind} of {}: change {}", listed(&self.nodes, "and"), listed(&self.cells, "or"))]
pub struct Duplicate {
    /// The address.
    pub address: String,
    /// `address` or `MAC address`.
    pub kind: &'static str,
    /// The nodes, sorted.
    pub nodes: Vec<NodeName>,
    /// What to change, one for each node: `hosts.ip of d1`.
    cells: Vec<String>,
}

impl Duplicate {
    /// The cells to change, one for each node: `hosts.ip of d1`.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }
}

struct Claim<'a, A> {
    address: A,
    node: &'a NodeName,
    place: String,
}

impl Cluster<'_> {
    /// Duplicate addresses and MAC addresses in the inventory.
    pub(crate) fn find_duplicates(&self) -> Vec<Duplicate> {
        let mut found = shared("address", self.address_claims());
        found.extend(shared("MAC address", self.mac_claims()));
        found
    }

    /// The column and node that have an address: `hosts.ip of d1`. The first call reads all.
    pub(super) fn owner(&self, address: IpAddr) -> Option<&str> {
        let owners = self.owners().get_or_init(|| {
            let claims = self.address_claims().into_iter();
            claims.map(|claim| (claim.address, format!("{} of {}", claim.place, claim.node))).collect()
        });
        owners.get(&address).map(String::as_str)
    }

    /// `hosts.ip` and `nicips` of all nodes. An invalid row claims every address in these cells, because a running container
    /// may use them.
    fn address_claims(&self) -> Vec<Claim<'_, IpAddr>> {
        let mut claims = Vec::new();
        for node in self.nodes() {
            let place = "hosts.ip".to_owned();
            let addresses = self.addresses_of(node, "hosts.ip").into_iter();
            claims.extend(addresses.map(|address| Claim { address, node, place: place.clone() }));
            match self.nics_with_ips::<SpecError>(node) {
                Ok(nics) => claims.extend(nics.iter().flat_map(|nic| claims_of_nic(node, nic))),
                Err(_) => {
                    let place = "nics.nicips".to_owned();
                    let addresses = self.addresses_of(node, "nics.nicips").into_iter();
                    claims.extend(addresses.map(|address| Claim { address, node, place: place.clone() }));
                }
            }
        }
        claims
    }

    /// All addresses in a cell. Other text is ignored.
    fn addresses_of(&self, node: &NodeName, column: &str) -> Vec<IpAddr> {
        let text = self.text(node, column).ok().flatten().unwrap_or_default();
        let words = text.split(|letter: char| !letter.is_ascii_hexdigit() && !matches!(letter, '.' | ':'));
        words.filter_map(|word| word.trim_end_matches('.').parse().ok()).collect()
    }

    /// MAC addresses of containers, and of all NICs of other nodes. A container with an invalid row claims the addresses in
    /// its `mac.mac`.
    fn mac_claims(&self) -> Vec<Claim<'_, MacAddr>> {
        let containers = self.placed();
        let usable = || containers.iter().filter_map(|(node, placed)| Some((node, placed.as_ref().ok()?)));
        let mut claims: Vec<_> = usable().flat_map(|(node, placed)| claims_of(node, placed)).collect();
        let usable: HashSet<&NodeName> = usable().map(|(node, _)| node).collect();
        for node in self.nodes().iter().filter(|node| !usable.contains(node)) {
            let macs = self.text(node, "mac.mac").ok().flatten().map(|text| all_macs(&text));
            let macs = macs.into_iter().flatten();
            claims.extend(macs.map(|address| Claim { address, node, place: "mac.mac".to_owned() }));
        }
        claims
    }
}

fn claims_of_nic<'a>(node: &'a NodeName, nic: &Nic) -> Vec<Claim<'a, IpAddr>> {
    let place = format!("nicips.{}", nic.name);
    nic.ips.iter().map(|ip| Claim { address: *ip, node, place: place.clone() }).collect()
}

fn claims_of<'a>(node: &'a NodeName, placed: &'a Placed) -> impl Iterator<Item = Claim<'a, MacAddr>> {
    placed.attachments.iter().enumerate().map(move |(at, attachment)| Claim {
        address: attachment.mac,
        node,
        place: match at {
            0 => "mac.mac".to_owned(),
            _ => format!("the name (its MAC on {} is derived from it)", attachment.network),
        },
    })
}

/// Addresses that more than one node claims, sorted.
fn shared<A: Ord + fmt::Display>(kind: &'static str, mut claims: Vec<Claim<'_, A>>) -> Vec<Duplicate> {
    claims.sort_by(|one, other| one.address.cmp(&other.address).then_with(|| one.node.cmp(other.node)));
    // a node may have the same address in hosts.ip and in nicips
    claims.dedup_by(|one, other| one.address == other.address && one.node == other.node);
    let groups = claims.chunk_by(|one, other| one.address == other.address);
    groups.filter(|group| group.len() > 1).filter_map(|group| duplicate(kind, group)).collect()
}

fn duplicate<A: fmt::Display>(kind: &'static str, group: &[Claim<'_, A>]) -> Option<Duplicate> {
    Some(Duplicate {
        address: group.first()?.address.to_string(),
        kind,
        nodes: group.iter().map(|claim| claim.node.clone()).collect(),
        cells: group.iter().map(|claim| format!("{} of {}", claim.place, claim.node)).collect(),
    })
}

/// `a`, `a and b`, `a, b and c`.
fn listed<T: AsRef<str>>(items: &[T], word: &str) -> String {
    let texts: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        _ => texts.concat(),
    }
}
