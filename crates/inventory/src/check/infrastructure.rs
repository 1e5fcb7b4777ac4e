//! Addresses of the infrastructure: management node, routers, servers of the network, service processors. A container with
//! such an address would take it over for the whole network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chain::chain;

use super::Finding;
use crate::compile::Cluster;
use crate::name::NodeName;

/// Keys of `site` whose values are addresses of machines.
const SITE: [&str; 7] =
    ["master", "nameservers", "forwarders", "ntpservers", "extntpservers", "tftpserver", "nfsserver"];

/// Columns of `networks` with addresses of machines.
const NETWORKS: [&str; 6] =
    ["gateway", "dhcpserver", "tftpserver", "nameservers", "ntpservers", "logservers"];

/// Columns of a node with addresses of other machines.
const NODES: [&str; 9] = [
    "ipmi.bmc",
    "openbmc.bmc",
    "noderes.xcatmaster",
    "noderes.servicenode",
    "noderes.tftpserver",
    "noderes.nfsserver",
    "noderes.monserver",
    "noderes.nameservers",
    "hosts.otherinterfaces",
];

/// The tables of these columns. A user of a database server may lack the right to read some of them.
const TABLES: [&str; 7] = ["hosts", "ipmi", "networks", "noderes", "openbmc", "routes", "site"];

/// Addresses of machines, with the cells that contain them.
struct Known(BTreeMap<IpAddr, Vec<Place>>);

struct Place {
    text: String,
    /// Node whose row contains the address.
    node: Option<NodeName>,
}

/// Containers whose address belongs to another machine in the tables.
pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let known = Known::read(cluster);
    let mut findings: Vec<Finding> = TABLES.into_iter().filter_map(|table| unread(cluster, table)).collect();
    for (node, placed) in cluster.placed() {
        let Ok(placed) = placed else { continue };
        for (at, attachment) in placed.attachments.iter().enumerate() {
            for (place, address) in attachment.addresses.iter().enumerate() {
                let own = match (at, place) {
                    (0, 0) => "hosts.ip".to_owned(),
                    _ => format!("nicips.{}", attachment.nic),
                };
                findings.extend(known.finding(node, &own, *address, cluster));
            }
        }
    }
    findings
}

/// A warning that the addresses of a table are unknown.
fn unread(cluster: &Cluster<'_>, table: &str) -> Option<Finding> {
    let error = cluster.unreadable(table)?;
    let error = chain(&error);
    let text =
        format!("{error}. The addresses in table {table} were not compared with those of the containers");
    Some(Finding::warning(table, &text, []))
}

impl Known {
    fn read(cluster: &Cluster<'_>) -> Self {
        let mut known = Self(BTreeMap::new());
        for (key, value) in cluster.site().filter(|(key, _)| SITE.contains(key)) {
            known.add(value, &format!("site.{key}"), None);
        }
        for column in NETWORKS {
            for (name, value) in cluster.network_cells(column) {
                known.add(value, &format!("networks.{column} of {name}"), None);
            }
        }
        for (name, value) in cluster.route_gateways() {
            known.add(value, &format!("routes.gateway of {name}"), None);
        }
        for column in NODES.into_iter().filter(|column| cluster.has_rows(column)) {
            for node in cluster.nodes() {
                let Some(value) = cluster.text(node, column).ok().flatten() else { continue };
                known.add(&value, &format!("{column} of {node}"), Some(node));
            }
        }
        known
    }

    /// Ignores names: their addresses belong to nodes or are not in the tables.
    fn add(&mut self, value: &str, place: &str, node: Option<&NodeName>) {
        for word in value.split([',', ';', ' ', '|']).map(str::trim) {
            // hosts.otherinterfaces: NAME:ADDRESS
            let address = word.parse().or_else(|_| word.split_once(':').map_or("", |(_, last)| last).parse());
            if let Ok(address) = address {
                let place = Place { text: place.to_owned(), node: node.cloned() };
                self.0.entry(address).or_default().push(place);
            }
        }
    }

    fn finding(&self, node: &NodeName, own: &str, address: IpAddr, cluster: &Cluster<'_>) -> Option<Finding> {
        let mut others = self.0.get(&address)?.iter().filter(|place| place.node.as_ref() != Some(node));
        let first = &others.next()?.text;
        // duplicate addresses of two nodes are another finding
        if cluster.is_duplicate(node, address) {
            return None;
        }
        let more = match others.count() {
            0 => String::new(),
            more => format!(" (and in {more} more)"),
        };
        let text = format!(
            "{address} is {own} of {node} and {first}{more}: another machine has this address; change {own} of {node} or {first}"
        );
        Some(Finding::error(format!("{own} of {node}, {first}"), &text, [node.clone()]))
    }
}
