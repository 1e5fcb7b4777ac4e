//! Ports that two containers publish on one host: the second could not start.

use std::collections::BTreeMap;

use super::Finding;
use crate::container::ContainerSpec;
use crate::name::NodeName;

/// The published ports of all containers.
#[derive(Default)]
pub(super) struct Published(BTreeMap<Place, Vec<(String, NodeName)>>);

/// Host, port and protocol.
type Place = (NodeName, u16, String);

impl Published {
    /// Adds those of a container.
    pub(super) fn add(&mut self, spec: &ContainerSpec) {
        for item in &spec.settings.ports {
            let Some((address, port, protocol)) = outside(item) else { continue };
            let place = (spec.host.name.clone(), port, protocol.to_owned());
            self.0.entry(place).or_default().push((address.to_owned(), spec.node.clone()));
        }
    }

    /// Those that meet: at the same address, or one of them at every address.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for ((host, port, protocol), users) in &self.0 {
            for (at, (address, node)) in users.iter().enumerate() {
                let earlier = users.iter().take(at);
                let mut meeting =
                    earlier.filter(|(other, _)| other.is_empty() || address.is_empty() || other == address);
                let Some((_, other)) = meeting.next() else { continue };
                let text = format!(
                    "port {port}/{protocol} of {host} is published by {other} and {node}: change port= in vm.othersettings of one of them"
                );
                let place = format!("vm.othersettings of {other}, vm.othersettings of {node}");
                findings.push(Finding::error(place, &text, [other.clone(), node.clone()]));
            }
        }
        findings
    }
}

/// Address, port and protocol of `[IP:]HOSTPORT:PORT[/PROTO]`.
fn outside(item: &str) -> Option<(&str, u16, &str)> {
    let (ends, protocol) = item.split_once('/').unwrap_or((item, "tcp"));
    let (rest, _) = ends.rsplit_once(':')?;
    let (address, port) = rest.rsplit_once(':').unwrap_or(("", rest));
    Some((address, port.parse().ok()?, protocol))
}
