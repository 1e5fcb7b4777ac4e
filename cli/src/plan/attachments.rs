//! Compares a container's networks with those it was created with: networks may be removed and recreated, and
//! containers connected and disconnected manually.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::belonging::made_for;
use super::network::is_ours;
use super::settle::seal;
use super::{API_ENDPOINTS, Step, Subject};
use crate::engine::{ApiVersion, Attached, Container, Network};

/// Deviation of a container's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The network.
    pub(crate) network: String,
    /// Kind.
    pub(crate) kind: FaultKind,
}

/// Kind of deviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Not connected.
    Disconnected,
    /// The network was removed.
    Removed,
    /// The network was recreated.
    Replaced,
    /// Wrong address.
    Address {
        /// What it has.
        has: String,
        /// Its configured address.
        made: String,
    },
    /// Not configured for this network.
    Foreign,
}

impl FaultKind {
    /// Whether a reconnect repairs it. Foreign networks were connected on purpose and are only reported.
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

/// Deviations of a container's networks. `made`: its create body.
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

/// Repair of a container's networks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejoin {
    /// Deviations.
    pub(crate) faults: Vec<Fault>,
    /// Networks to create first.
    pub(crate) networks: Vec<String>,
    /// It runs: new interfaces get new names.
    pub(crate) runs: bool,
    /// Steps of the container.
    pub(crate) steps: Vec<Step>,
}

/// Repair of a container that xdock created; `None`: no deviation.
pub(crate) fn rejoin(container: &Container, networks: &[Network], api: ApiVersion) -> Option<Rejoin> {
    let made = seal(container)?;
    let faults = faults(&made, container, networks);
    if faults.is_empty() {
        return None;
    }
    let runs = container.state == "running";
    let mut steps = mend(&made, container, &faults, api >= API_ENDPOINTS);
    if !steps.is_empty() && runs {
        // netd is called immediately
        steps.insert(0, Step::Tables);
    }
    let networks = missing(&faults, networks).map(str::to_owned).collect();
    Some(Rejoin { faults, networks, runs, steps })
}

/// Deviations of a node's container. Renamed containers and containers from a committed image have the networks that
/// the user chose.
pub(crate) fn faults_of(container: &Container, networks: &[Network]) -> Vec<Fault> {
    if made_for(container) != Some(container.name.as_str()) {
        return Vec::new();
    }
    seal(container).map(|made| faults(&made, container, networks)).unwrap_or_default()
}

/// Repair steps; missing networks are created first.
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

/// Networks to create first.
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
