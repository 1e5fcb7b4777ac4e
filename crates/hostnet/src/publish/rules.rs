//! The rules of published ports, in the form in which `iptables-save` prints them. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use inventory::{IfName, NodeName, PortRun, PublishedPort, port_runs};
use ipnet::IpNet;

use super::{Hidden, Publication, has_family};
use crate::firewall::Family;

/// Chain of the `filter` table. The plan of [`crate::firewall`] knows that it drops nothing.
pub(crate) const FORWARD: &str = "XDOCK-FORWARD";
const PORTS: &str = "XDOCK-PORTS";
const SOURCE: &str = "XDOCK-SOURCE";
const LOOPBACK: &str = "XDOCK-LOOPBACK";

/// What one table must contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// Our chains; empty ones must not exist.
    pub(super) chains: Vec<Chain>,
}

/// One of our chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    /// Its name.
    pub(super) name: &'static str,
    /// The built-in chains that jump to it, each with the match of its jump.
    pub(super) jumps: &'static [Jump],
    /// Its rules, without `-A CHAIN`.
    pub(super) rules: Vec<String>,
}

/// A jump from a built-in chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jump {
    pub(super) from: &'static str,
    pub(super) matches: &'static str,
    /// Whether it must be before all rules that can drop.
    pub(super) first: bool,
}

const TO_PORTS: &[Jump] = &[
    Jump { from: "PREROUTING", matches: "-m addrtype --dst-type LOCAL", first: false },
    Jump { from: "OUTPUT", matches: "-m addrtype --dst-type LOCAL", first: false },
];
const TO_SOURCE: &[Jump] =
    &[Jump { from: "POSTROUTING", matches: "-m conntrack --ctstate DNAT", first: false }];
const TO_FORWARD: &[Jump] = &[Jump { from: "FORWARD", matches: "-m conntrack --ctstate DNAT", first: true }];
const TO_LOOPBACK: &[Jump] = &[Jump { from: "PREROUTING", matches: "-d 127.0.0.0/8", first: false }];

/// The tables of a family.
pub(super) fn tables(family: Family, published: &[Publication]) -> Vec<Table> {
    let of_family = |publication: &&Publication| family_of(&publication.address) == family;
    let published: Vec<&Publication> = published.iter().filter(of_family).collect();
    let each = |rules: fn(&Publication, Family) -> Vec<String>| {
        published.iter().flat_map(|publication| rules(publication, family)).collect()
    };
    let loopback = loopback_devices(&published).into_iter().map(|device| format!("-i {device} -j DROP"));
    vec![
        Table {
            name: "raw",
            chains: vec![Chain { name: LOOPBACK, jumps: TO_LOOPBACK, rules: loopback.collect() }],
        },
        Table {
            name: "nat",
            chains: vec![
                Chain { name: PORTS, jumps: TO_PORTS, rules: each(port_rules) },
                Chain { name: SOURCE, jumps: TO_SOURCE, rules: each(source_rules) },
            ],
        },
        Table {
            name: "filter",
            chains: vec![Chain { name: FORWARD, jumps: TO_FORWARD, rules: each(forward_rules) }],
        },
    ]
}

/// Devices through which programs of the host reach published ports at loopback addresses.
pub(super) fn loopback_devices<'a>(published: &[&'a Publication]) -> BTreeSet<&'a IfName> {
    let at_loopback = |port: &PublishedPort| match port.address {
        None => true,
        Some(IpAddr::V4(address)) => address.is_unspecified() || address.is_loopback(),
        Some(IpAddr::V6(_)) => false,
    };
    let on = published.iter().filter(|on| on.address.addr().is_ipv4() && on.ports.iter().any(at_loopback));
    on.map(|publication| &publication.device).collect()
}

/// The devices that the rules in this output of `iptables-save` protect: we have set their `route_localnet`.
pub(super) fn protected_devices(saved: &str) -> BTreeSet<&str> {
    let rule = |line| str::strip_prefix(line, "-A XDOCK-LOOPBACK -i ")?.strip_suffix(" -j DROP");
    saved.lines().filter_map(rule).collect()
}

pub(super) fn family_of(address: &IpNet) -> Family {
    match address {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

fn runs_of(publication: &Publication, family: Family) -> Vec<PortRun> {
    port_runs(publication.ports.iter().filter(|port| has_family(port, family)).copied())
}

fn port_rules(publication: &Publication, family: Family) -> Vec<String> {
    let to = publication.address.addr();
    let rule = |PortRun { first, last }: PortRun| {
        let at = match first.address.filter(|address| !address.is_unspecified()) {
            Some(address) => format!("-d {} ", IpNet::from(address)),
            None => String::new(),
        };
        let (protocol, target) = (first.protocol, target(to, first, last));
        let port = if first.host == last.host {
            first.host.to_string()
        } else {
            format!("{}:{}", first.host, last.host)
        };
        format!(
            "{at}-p {protocol} -m {protocol} --dport {port} {} -j DNAT --to-destination {target}",
            comment(&publication.node)
        )
    };
    runs_of(publication, family).into_iter().map(rule).collect()
}

/// `10.99.1.1:80`; for a range `10.99.1.1:9000-9010/8000`: host port 8000 leads to 9000, and so on.
fn target(to: IpAddr, first: PublishedPort, last: PublishedPort) -> String {
    let address = match to {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match (first.container, last.container) {
        (container, same) if container == same => format!("{address}:{container}"),
        // without a port the packet keeps its own
        (container, _) if container == first.host => to.to_string(),
        (container, end) => format!("{address}:{container}-{end}/{}", first.host),
    }
}

fn source_rules(publication: &Publication, family: Family) -> Vec<String> {
    if runs_of(publication, family).is_empty() {
        return Vec::new();
    }
    let (container, subnet) = (IpNet::from(publication.address.addr()), publication.address.trunc());
    let comment = comment(&publication.node);
    // the container itself, which would discard answers from its own address
    let own = format!("-s {container} -d {container} {comment} -j MASQUERADE");
    let others = match publication.hidden {
        Hidden::Host => {
            format!("! -s {subnet} -d {container} -m addrtype --src-type LOCAL {comment} -j MASQUERADE")
        }
        Hidden::OtherSubnets => format!("! -s {subnet} -d {container} {comment} -j MASQUERADE"),
        Hidden::All => return vec![format!("-d {container} {comment} -j MASQUERADE")],
    };
    vec![own, others]
}

fn forward_rules(publication: &Publication, family: Family) -> Vec<String> {
    if runs_of(publication, family).is_empty() {
        return Vec::new();
    }
    let (container, comment) = (IpNet::from(publication.address.addr()), comment(&publication.node));
    vec![format!("-d {container} {comment} -j ACCEPT"), format!("-s {container} {comment} -j ACCEPT")]
}

/// The name of a node needs no quotes, see `plan::normal`.
fn comment(node: &NodeName) -> String {
    format!("-m comment --comment {node}")
}
