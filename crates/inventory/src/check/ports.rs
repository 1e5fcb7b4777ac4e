//! Ports that two containers publish on one host: the second container cannot start.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Finding;
use crate::container::{ContainerSpec, PortRange, Protocol, addresses_meet};
use crate::name::NodeName;

/// The published ports of all containers, by host and protocol.
#[derive(Default)]
pub(super) struct Published(BTreeMap<(NodeName, Protocol), Vec<Use>>);

struct Use {
    ports: PortRange,
    address: Option<IpAddr>,
    node: NodeName,
}

impl Published {
    /// Adds the ports of a container.
    pub(super) fn add(&mut self, spec: &ContainerSpec) {
        for published in &spec.settings.ports {
            let place = (spec.host.name.clone(), published.protocol);
            let (ports, address) = (published.host, published.address);
            self.0.entry(place).or_default().push(Use { ports, address, node: spec.node.clone() });
        }
    }

    /// Conflicts: the same port at the same address, or at all addresses.
    pub(super) fn findings(mut self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for ((host, protocol), users) in &mut self.0 {
            // stable: users of one port stay in the order of their names
            users.sort_by_key(|user| user.ports.first);
            let mut open: Vec<&Use> = Vec::new();
            for user in users.iter() {
                open.retain(|other| other.ports.last >= user.ports.first);
                if let Some(other) = open.iter().find(|other| addresses_meet(other.address, user.address)) {
                    findings.push(finding(host, *protocol, other, user));
                }
                open.push(user);
            }
        }
        findings
    }
}

/// `later` begins within the range of `other`.
fn finding(host: &NodeName, protocol: Protocol, other: &Use, later: &Use) -> Finding {
    let port = later.ports.first;
    let mut nodes = [other.node.clone(), later.node.clone()];
    nodes.sort();
    let [first, second] = &nodes;
    let text = match first == second {
        true => format!(
            "port {port}/{protocol} of {host} is published twice by {first}: correct port= in vm.othersettings"
        ),
        false => format!(
            "port {port}/{protocol} of {host} is published by {first} and {second}: change port= in vm.othersettings of one of them"
        ),
    };
    let place = format!("vm.othersettings of {first}, vm.othersettings of {second}");
    Finding::error(place, &text, nodes)
}
