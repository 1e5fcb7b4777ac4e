//! The daemon's state: the tables, and Docker's networks and endpoints. Changed only by [`State::apply`].

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use inventory::{Fabric, HostNetwork, IfName, MacAddr, NetName, NodeName, PublishedPort, Snapshot};
use ipnet::IpNet;
use plugin::{EndpointId, NetworkId};
use serde::{Deserialize, Serialize};

use crate::boot_time::BootTime;
use crate::interface;

/// Addresses that a container released this recently need no probe when it starts again.
pub(crate) const RECENTLY_RELEASED: Duration = Duration::from_secs(60);

/// The whole state.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The loaded snapshot; `None` until the first one was delivered.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    /// Docker's networks of driver netd.
    pub(crate) networks: BTreeMap<NetworkId, NetworkRecord>,
    /// Docker's endpoints on them.
    pub(crate) endpoints: BTreeMap<EndpointId, Endpoint>,
    /// Recently released addresses: their node, and until when they count as recent.
    released: BTreeMap<IpAddr, (NodeName, BootTime)>,
}

/// A Docker network. Stored over reboots, because Docker does not repeat `CreateNetwork` when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkRecord {
    /// Docker's network ID.
    #[serde(with = "text")]
    pub(crate) id: NetworkId,
    /// Its row of `networks`.
    pub(crate) network: NetName,
    /// Its subnets in Docker.
    pub(crate) subnets: Vec<IpNet>,
}

/// A container's attachment to a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// Docker's endpoint ID; it changes at each start.
    #[serde(with = "text")]
    pub(crate) id: EndpointId,
    /// The Docker network.
    #[serde(with = "text")]
    pub(crate) network: NetworkId,
    /// Its row of `networks`.
    pub(crate) on: NetName,
    /// The container node.
    pub(crate) node: NodeName,
    /// The interface name in the tables.
    pub(crate) nic: IfName,
    /// MAC.
    pub(crate) mac: MacAddr,
    /// Addresses with the prefix length of their subnet.
    pub(crate) addresses: Vec<IpNet>,
    /// The host's bridge that its port is attached to.
    pub(crate) bridge: IfName,
    /// The kind of bridge. (Records of netd 0.1 lack this field.)
    #[serde(default = "flat")]
    pub(crate) fabric: Fabric,
    /// VLAN on an Open vSwitch bridge; `None`: untagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<u16>,
    /// Location before reconciliation moved the port: the bridge may be created again.
    #[serde(default, rename = "before", skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<PortLocation>,
    /// Published ports of the host. All endpoints of a container have the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ports: Vec<PublishedPort>,
    /// The container's network namespace, after `Join`. (Records of netd 0.1 lack this field.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox: Option<PathBuf>,
    /// Progress of its life cycle.
    pub(crate) phase: Phase,
    /// When the phase began.
    pub(crate) since: BootTime,
}

fn flat() -> Fabric {
    Fabric::Flat
}

/// A port's bridge on this host, and its VLAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortLocation {
    /// The bridge.
    pub(crate) bridge: IfName,
    /// The kind of bridge.
    pub(crate) fabric: Fabric,
    /// VLAN on an Open vSwitch bridge; `None`: untagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<u16>,
}

impl PortLocation {
    /// The location of a network's ports according to the tables.
    pub(crate) fn of(on: &HostNetwork) -> Self {
        Self { bridge: on.bridge.clone(), fabric: on.fabric, tag: on.tag }
    }

    /// Whether both are on the same bridge, in any VLAN.
    pub(crate) fn same_bridge(&self, other: &Self) -> bool {
        self.bridge == other.bridge && self.fabric == other.fabric
    }
}

impl fmt::Display for PortLocation {
    /// `Open vSwitch bridge br0, VLAN 7`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fabric {
            Fabric::Flat => write!(f, "Linux bridge {}", self.bridge),
            Fabric::Ovs => write!(f, "Open vSwitch bridge {}", self.bridge),
        }?;
        self.tag.map_or(Ok(()), |tag| write!(f, ", VLAN {tag}"))
    }
}

/// The phases of an endpoint's life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Granted, before its veth pair is created. A netd that finds it at its start was killed in between, and Docker
    /// got no answer.
    Intended,
    /// Its veth pair exists.
    Created,
    /// The container end is in the container.
    Joined,
    /// The container end is on the host again.
    Left,
}

impl Endpoint {
    /// Name of the host end, a port of the bridge.
    pub(crate) fn port(&self) -> IfName {
        interface::ends(self.id.as_str()).0
    }

    /// Name of the container end while it is on the host.
    pub(crate) fn container_end(&self) -> IfName {
        interface::ends(self.id.as_str()).1
    }

    /// The location of its port.
    pub(crate) fn location(&self) -> PortLocation {
        PortLocation { bridge: self.bridge.clone(), fabric: self.fabric, tag: self.tag }
    }

    /// The endpoint with its port on another bridge.
    pub(crate) fn moved(&self, to: PortLocation) -> Self {
        let previous = Some(self.location());
        Self { bridge: to.bridge, fabric: to.fabric, tag: to.tag, previous, ..self.clone() }
    }

    /// Whether its start has begun and `Join` has not come yet.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Intended | Phase::Created)
    }

    /// Whether two records are of the same endpoint, in any phase.
    pub(crate) fn same_endpoint(&self, other: &Self) -> bool {
        let same_phase = Self {
            previous: self.previous.clone(),
            ports: self.ports.clone(),
            sandbox: self.sandbox.clone(),
            phase: self.phase,
            since: self.since,
            ..other.clone()
        };
        *self == same_phase
    }
}

impl fmt::Display for Endpoint {
    /// `host1c1 on mynet0 (10.99.1.1, 02:42:0a:63:01:01, port xh..)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} (", self.node, self.on)?;
        self.addresses.iter().try_for_each(|address| write!(f, "{}, ", address.addr()))?;
        write!(f, "{}, port {})", self.mac, self.port())
    }
}

/// One change of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Add or replace a network.
    PutNetwork(NetworkRecord),
    /// Docker removed it.
    RemoveNetwork(NetworkId),
    /// Add or replace an endpoint.
    PutEndpoint(Endpoint),
    /// An endpoint is gone.
    RemoveEndpoint(EndpointId),
}

impl State {
    /// A state without networks and endpoints.
    pub(crate) fn with(snapshot: Option<Snapshot>) -> Self {
        Self { snapshot: snapshot.map(Arc::new), ..Self::default() }
    }

    /// The name of this host in the tables, for messages.
    pub(crate) fn host_name(&self) -> String {
        self.snapshot.as_ref().map_or_else(|| "this host".to_owned(), |snapshot| snapshot.host.to_string())
    }

    /// Applies a change.
    pub(crate) fn apply(&mut self, change: Change, now: BootTime) {
        match change {
            Change::PutNetwork(record) => drop(self.networks.insert(record.id.clone(), record)),
            Change::RemoveNetwork(id) => drop(self.networks.remove(&id)),
            Change::PutEndpoint(endpoint) => drop(self.endpoints.insert(endpoint.id.clone(), endpoint)),
            Change::RemoveEndpoint(id) => {
                if let Some(gone) = self.endpoints.remove(&id) {
                    self.remember_released(&gone, now);
                }
            }
        }
    }

    /// The endpoint of a node on a network, other than `but`.
    pub(crate) fn endpoint_of(&self, node: &NodeName, on: &NetName, but: &EndpointId) -> Option<&Endpoint> {
        self.endpoints.values().find(|e| e.node == *node && e.on == *on && e.id != *but)
    }

    /// The endpoint with this address on a network.
    pub(crate) fn endpoint_with_address(&self, on: &NetName, address: IpAddr) -> Option<&Endpoint> {
        let has = |e: &&Endpoint| e.on == *on && e.addresses.iter().any(|a| a.addr() == address);
        self.endpoints.values().find(has)
    }

    /// Whether all endpoints of a sandbox joined earlier than this time before `now`.
    pub(crate) fn joined_before(&self, sandbox: &Path, now: BootTime, age: Duration) -> bool {
        let mut own = self.endpoints.values().filter(|endpoint| endpoint.sandbox.as_deref() == Some(sandbox));
        own.all(|endpoint| now.since(endpoint.since) >= age)
    }

    /// The containers' sandboxes, each with its node. A container in several networks has one sandbox.
    pub(crate) fn sandboxes(&self) -> BTreeMap<&Path, &NodeName> {
        let joined = self.endpoints.values().filter(|endpoint| endpoint.phase == Phase::Joined);
        joined.filter_map(|endpoint| Some((endpoint.sandbox.as_deref()?, &endpoint.node))).collect()
    }

    /// Whether the node released all these addresses on this host recently.
    pub(crate) fn recently_released(&self, node: &NodeName, addresses: &[IpNet], now: BootTime) -> bool {
        addresses.iter().all(|address| {
            self.released.get(&address.addr()).is_some_and(|(who, until)| who == node && now < *until)
        })
    }

    /// Whether the endpoint no longer matches the tables.
    pub(crate) fn is_orphan(&self, endpoint: &Endpoint) -> bool {
        let Some(snapshot) = &self.snapshot else { return false };
        let row = snapshot.node(endpoint.node.as_str()).filter(|row| row.host == snapshot.host);
        let nic = row.and_then(|row| row.nics.iter().find(|nic| nic.network == endpoint.on));
        !nic.is_some_and(|nic| {
            nic.mac == endpoint.mac && endpoint.addresses.iter().all(|a| nic.addresses.contains(&a.addr()))
        })
    }

    fn remember_released(&mut self, gone: &Endpoint, now: BootTime) {
        self.released.retain(|_, (_, until)| now < *until);
        // an address that no container used was not announced, so another machine may use it
        if matches!(gone.phase, Phase::Joined | Phase::Left) {
            for address in &gone.addresses {
                self.released.insert(address.addr(), (gone.node.clone(), now.after(RECENTLY_RELEASED)));
            }
        }
    }
}

/// Docker's IDs as JSON strings, validated when parsed.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(id: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
