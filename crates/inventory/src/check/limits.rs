//! Limits of the kernel, DNS and Docker. A container beyond them is created but does not start.

use std::collections::BTreeMap;

use super::Finding;
use super::hosts::Plans;
use crate::container::ContainerSpec;
use crate::hostplan::DeviceKind;
use crate::name::{IfName, NetName, NodeName};

/// `__NEW_UTS_LEN` (sethostname(2), setdomainname(2)).
const HOST_NAME: usize = 64;

/// RFC 1035, 2.3.4.
const LABEL: usize = 63;

/// `MAX_ARG_STRLEN` with the final NUL (execve(2)): one argument or one variable.
const WORD: usize = 131_071;

/// Ports of a Linux bridge: `BR_MAX_PORTS` is 1024 and number 0 is none (net/bridge/br_private.h, br_if.c).
const BRIDGE_PORTS: usize = 1023;

/// Docker's predefined networks, and a reserved word (moby `api/types/container/hostconfig.go`).
const OF_DOCKER: [&str; 5] = ["bridge", "host", "none", "default", "container"];

/// Findings about one container.
pub(super) fn of_container(spec: &ContainerSpec) -> Vec<Finding> {
    let node = &spec.node;
    let finding =
        |(place, text): (&str, String)| Finding::error(format!("{place} of {node}"), &text, [node.clone()]);
    let own = [host_name(spec), long_word(spec)].into_iter().flatten().map(finding);
    own.chain(network_of_docker(spec)).collect()
}

fn host_name(spec: &ContainerSpec) -> Option<(&'static str, String)> {
    let node = spec.node.as_str();
    let own = spec.settings.hostname.as_deref();
    if own.is_none()
        && let Some(label) = node.split('.').find(|label| label.len() > LABEL)
    {
        let length = label.len();
        let text = format!(
            "{label} of node {node} has {length} bytes; DNS allows {LABEL} between dots; rename the node"
        );
        return Some(("nodelist.node", text));
    }
    let (place, name, rename) = match own {
        Some(name) => ("vm.othersettings", name, "shorten hostname= in vm.othersettings"),
        None => ("nodelist.node", node, "rename the node"),
    };
    // Docker passes both to the kernel as one name (moby, `FullHostname`)
    let (full, remedy) = match &spec.settings.domain {
        Some(domain) => {
            (format!("{name}.{domain}"), format!("{rename}, or shorten domain= in vm.othersettings"))
        }
        None => (name.to_owned(), rename.to_owned()),
    };
    let length = full.len();
    (length > HOST_NAME).then(|| {
        let text =
            format!("{full} has {length} bytes; the kernel allows {HOST_NAME} in a host name; {remedy}");
        (place, text)
    })
}

fn long_word(spec: &ContainerSpec) -> Option<(&'static str, String)> {
    let command = spec.command.iter().flatten().map(|word| ("nodetype.provmethod", word));
    let entrypoint = spec.settings.entrypoint.iter().flatten().map(|word| ("vm.othersettings", word));
    let variables = spec.settings.env.iter().map(|variable| ("vm.othersettings", variable));
    let mut all = command.chain(entrypoint).chain(variables);
    let (place, word) = all.find(|(_, word)| word.len() > WORD)?;
    let (node, length) = (&spec.node, word.len());
    let begin: String = word.chars().take(20).collect();
    let text = format!(
        "{place} of {node}: {begin}... has {length} bytes; the kernel allows {WORD} in one argument or variable; put it into a file"
    );
    Some((place, text))
}

fn network_of_docker(spec: &ContainerSpec) -> Option<Finding> {
    let on = spec.attachments.iter().find(|on| OF_DOCKER.contains(&on.network.as_str()))?;
    let (node, network) = (&spec.node, &on.network);
    let text =
        format!("{node} is on network {network}, a name that Docker reserves; rename the row of networks");
    let place = format!("networks {network}");
    Some(Finding::error(place.clone(), &text, [node.clone()]).because_of(Some(place)))
}

/// Containers by the Linux bridge that they are attached to.
#[derive(Default)]
pub(super) struct BridgePorts<'a>(BTreeMap<(&'a NodeName, &'a IfName), Users>);

struct Users {
    network: NetName,
    ports: usize,
}

impl<'a> BridgePorts<'a> {
    /// Adds the ports of a container.
    pub(super) fn add(&mut self, plans: &'a Plans<'_>, spec: &ContainerSpec) {
        for on in &spec.attachments {
            let Some((host, plan)) = plans.entry(&spec.host.name) else { continue };
            let Some((bridge, _)) = plan.bridge_of(&on.network) else { continue };
            if matches!(bridge.kind, DeviceKind::Bridge { .. }) {
                // the uplink
                let first = || Users { network: on.network.clone(), ports: 1 };
                self.0.entry((host, &bridge.name)).or_insert_with(first).ports += 1;
            }
        }
    }

    /// Bridges with more ports than the kernel allows.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let full = self.0.iter().filter(|(_, users)| users.ports > BRIDGE_PORTS);
        full.map(|((host, bridge), Users { network, ports })| {
            let text = format!(
                "bridge {bridge} of {host} needs {ports} ports for its containers on network {network}; the kernel allows {BRIDGE_PORTS}; move some to another host"
            );
            Finding::error(format!("vm.host of the containers of {host}"), &text, [])
        })
        .collect()
    }
}
