//! The networks that a container is on, against those that it was made for: a network may be removed and made again, and a
//! container connected and disconnected by hand.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::belonging::made_for;
use super::network::is_ours;
use super::settle::seal;
use super::{API_ENDPOINTS, Step, Subject};
use crate::engine::{ApiVersion, Attached, Container, Network};

/// One network of a container that is not as the container was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The network.
    pub(crate) network: String,
    /// In what.
    pub(crate) kind: FaultKind,
}

/// In what a container's place on a network is not as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// It is not connected.
    Disconnected,
    /// The host has no such network any more.
    Removed,
    /// The host has another network of that name.
    Replaced,
    /// It has another address.
    Address {
        /// What it has.
        has: String,
        /// What it was made with.
        made: String,
    },
    /// It was not made for this network.
    Foreign,
}

impl FaultKind {
    /// Whether connecting it anew mends it. A foreign network was connected on purpose: it is only reported.
    pub(crate) fn is_mended(&self) -> bool {
        *self != Self::Foreign
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = &self.network;
        match &self.kind {
            FaultKind::Disconnected => write!(f, "not connected to {network}"),
            FaultKind::Removed => write!(f, "network {network} was removed"),
            FaultKind::Replaced => write!(f, "network {network} was removed and recreated"),
            FaultKind::Address { has, made } => write!(f, "has {has} on {network}, not {made}"),
            FaultKind::Foreign => write!(f, "manually connected to {network}"),
        }
    }
}

/// What is wrong with the attachments of a container; `made`: the create body that it was made from.
pub(crate) fn faults(made: &Value, container: &Container, networks: &[Network]) -> Vec<Fault> {
    let wanted = endpoints(made);
    let mode = made.pointer("/HostConfig/NetworkMode").and_then(Value::as_str);
    let mut found = Vec::new();
    for (network, endpoint) in &wanted {
        let attached = container.networks.iter().find(|attached| attached.network == *network);
        let kind = fault(network, endpoint, attached, networks);
        found.extend(kind.map(|kind| Fault { network: network.clone(), kind }));
    }
    for attached in &container.networks {
        if !wanted.contains_key(&attached.network) && mode != Some(attached.network.as_str()) {
            found.push(Fault { network: attached.network.clone(), kind: FaultKind::Foreign });
        }
    }
    found
}

fn fault(
    network: &str,
    endpoint: &Value,
    attached: Option<&Attached>,
    networks: &[Network],
) -> Option<FaultKind> {
    let Some(attached) = attached else { return Some(FaultKind::Disconnected) };
    let named: Vec<&Network> = networks.iter().filter(|listed| listed.name == network).collect();
    match &attached.id {
        _ if named.is_empty() => return Some(FaultKind::Removed),
        Some(id) if named.iter().all(|listed| listed.id != *id) => return Some(FaultKind::Replaced),
        _ => {}
    }
    let made = addresses(endpoint);
    let listed = |addresses: &[IpAddr]| match addresses {
        [] => "no address".to_owned(),
        some => some.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", "),
    };
    (made != attached.addresses)
        .then(|| FaultKind::Address { has: listed(&attached.addresses), made: listed(&made) })
}

/// What connects a container to its networks as it was made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejoin {
    /// What is wrong.
    pub(crate) faults: Vec<Fault>,
    /// The networks that are to be made before.
    pub(crate) networks: Vec<String>,
    /// It runs: what is connected to it gets the next name of an interface.
    pub(crate) runs: bool,
    /// The container's own steps.
    pub(crate) steps: Vec<Step>,
}

/// What mends the networks of a container that xdock made; `None`: nothing is wrong with them.
pub(crate) fn rejoin(container: &Container, networks: &[Network], api: ApiVersion) -> Option<Rejoin> {
    let made = seal(container)?;
    let faults = faults(&made, container, networks);
    if faults.is_empty() {
        return None;
    }
    let runs = container.state == "running";
    let mut steps = mend(&made, container, &faults, api >= API_ENDPOINTS);
    if !steps.is_empty() && runs {
        // netd is asked at once
        steps.insert(0, Step::Tables);
    }
    let networks = missing(&faults, networks).map(str::to_owned).collect();
    Some(Rejoin { faults, networks, runs, steps })
}

/// What is wrong with the networks of a node's container. One that was renamed, or runs of an image that was committed of a
/// node's container, is on its networks as somebody wanted it.
pub(crate) fn faults_of(container: &Container, networks: &[Network]) -> Vec<Fault> {
    if made_for(container) != Some(container.name.as_str()) {
        return Vec::new();
    }
    seal(container).map(|made| faults(&made, container, networks)).unwrap_or_default()
}

/// The steps that mend it; the networks that are missing are made before.
pub(crate) fn mend(made: &Value, container: &Container, faults: &[Fault], takes_mac: bool) -> Vec<Step> {
    let wanted = endpoints(made);
    let mut steps = Vec::new();
    for Fault { network, kind } in faults.iter().filter(|fault| fault.kind.is_mended()) {
        let Some(endpoint) = wanted.get(network) else { continue };
        if *kind != FaultKind::Disconnected {
            steps.push(Step::Disconnect { of: container.id.clone(), network: network.clone() });
        }
        let mut endpoint = endpoint.clone();
        if let (false, Some(fields)) = (takes_mac, endpoint.as_object_mut()) {
            fields.remove("MacAddress");
        }
        let of = Subject::Listed(container.id.clone());
        steps.push(Step::Connect { of, network: network.clone(), endpoint });
    }
    steps
}

/// The networks that are to be made before.
pub(crate) fn missing<'a>(faults: &'a [Fault], networks: &'a [Network]) -> impl Iterator<Item = &'a str> {
    let there = |name: &str| networks.iter().any(|listed| listed.name == name && is_ours(listed));
    faults
        .iter()
        .filter(move |fault| fault.kind.is_mended() && !there(&fault.network))
        .map(|fault| fault.network.as_str())
}

/// `EndpointsConfig` of a create body.
fn endpoints(made: &Value) -> BTreeMap<String, Value> {
    let found = made.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
    found.cloned().unwrap_or_else(Map::new).into_iter().collect()
}

fn addresses(endpoint: &Value) -> Vec<IpAddr> {
    ["/IPAMConfig/IPv4Address", "/IPAMConfig/IPv6Address"]
        .iter()
        .filter_map(|pointer| endpoint.pointer(pointer)?.as_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::network::tests::there;
    use super::*;
    use crate::engine::{ContainerId, NetworkId};

    fn made() -> Value {
        json!({"NetworkingConfig": {"EndpointsConfig": {
            "mynet0": {"IPAMConfig": {"IPv4Address": "10.99.1.1"}, "MacAddress": "02:00:00:00:00:01",
                "DriverOpts": {"netd.node": "d1"}}
        }}})
    }

    fn attached(network: &str, id: &str, address: &str) -> Attached {
        Attached {
            network: network.into(),
            id: (!id.is_empty()).then(|| NetworkId::of_test(id)),
            addresses: address.parse().ok().into_iter().collect(),
            endpoint: None,
        }
    }

    const ID: &str = "0123456789abcdef";

    fn container(networks: Vec<Attached>) -> Container {
        Container { id: ContainerId::of_test("c0"), networks, ..Container::default() }
    }

    /// What is wrong, and the steps that mend it.
    fn told(networks: Vec<Attached>, listed: &[Network]) -> (Vec<String>, Vec<String>) {
        let container = container(networks);
        let found = faults(&made(), &container, listed);
        let steps = mend(&made(), &container, &found, true);
        (
            found.iter().map(Fault::to_string).collect(),
            missing(&found, listed)
                .map(|name| format!("create {name}"))
                .chain(steps.iter().map(Step::to_string))
                .collect(),
        )
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_is_as_it_was_made_needs_nothing() {
        assert_eq!(told(vec![attached("mynet0", ID, "10.99.1.1")], &[there()]), (vec![], vec![]));
        // never started: the engine has not looked for the network yet
        assert_eq!(told(vec![attached("mynet0", "", "10.99.1.1")], &[there()]), (vec![], vec![]));
    }

    #[test]
    fn a_network_that_was_removed_is_made_and_joined_anew() {
        // moby/moby #17160
        let both = ["create mynet0", "disconnect from mynet0", "connect to mynet0"];
        for id in [ID, ""] {
            assert_eq!(
                told(vec![attached("mynet0", id, "10.99.1.1")], &[]),
                (words(&["network mynet0 was removed"]), words(&both))
            );
        }
        assert_eq!(
            told(vec![attached("mynet0", "dead", "10.99.1.1")], &[there()]),
            (words(&["network mynet0 was removed and recreated"]), words(&both[1..]))
        );
    }

    #[test]
    fn one_disconnected_or_connected_otherwise_by_hand_is_joined_as_it_was_made() {
        assert_eq!(
            told(vec![], &[there()]),
            (words(&["not connected to mynet0"]), words(&["connect to mynet0"]))
        );
        assert_eq!(
            told(vec![], &[]),
            (words(&["not connected to mynet0"]), words(&["create mynet0", "connect to mynet0"]))
        );
        let again = words(&["disconnect from mynet0", "connect to mynet0"]);
        assert_eq!(
            told(vec![attached("mynet0", ID, "10.99.1.9")], &[there()]),
            (words(&["has 10.99.1.9 on mynet0, not 10.99.1.1"]), again.clone())
        );
        assert_eq!(
            told(vec![attached("mynet0", ID, "")], &[there()]),
            (words(&["has no address on mynet0, not 10.99.1.1"]), again)
        );
    }

    #[test]
    fn another_network_is_only_reported() {
        let networks = vec![attached("mynet0", ID, "10.99.1.1"), attached("bridge", "b", "")];
        assert_eq!(told(networks, &[there()]), (words(&["manually connected to bridge"]), vec![]));
    }

    #[test]
    fn it_is_connected_as_it_was_made() {
        let (container, listed) = (container(vec![]), [there()]);
        let found = faults(&made(), &container, &listed);
        for (takes_mac, mac) in [(true, json!("02:00:00:00:00:01")), (false, Value::Null)] {
            let steps = mend(&made(), &container, &found, takes_mac);
            let [Step::Connect { of, endpoint, .. }] = steps.as_slice() else { panic!("{steps:?}") };
            assert_eq!(*of, Subject::Listed(ContainerId::of_test("c0")));
            assert_eq!((&endpoint["MacAddress"], &endpoint["DriverOpts"]["netd.node"]), (&mac, &json!("d1")));
        }
    }
}
