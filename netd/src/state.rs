//! What netd knows: the tables, and what Docker asked for so far. Changed only through [`State::apply`].

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use inventory::{Fabric, HostNetwork, IfName, MacAddr, NetName, NodeName, Snapshot};
use ipnet::IpNet;
use plugin::{EndpointId, NetworkId};
use serde::{Deserialize, Serialize};

use crate::interface;
use crate::moment::Moment;

/// How long a released address is taken as still ours: the same container that starts again needs no probe.
pub(crate) const RELEASED: Duration = Duration::from_secs(60);

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What the tables say; `None` until the first snapshot was delivered.
    pub(crate) snapshot: Option<Snapshot>,
    /// Docker's networks of driver netd.
    pub(crate) networks: BTreeMap<NetworkId, NetworkRecord>,
    /// Docker's endpoints on them.
    pub(crate) endpoints: BTreeMap<EndpointId, Endpoint>,
    /// Who had an address here lately, and until when.
    released: BTreeMap<IpAddr, (NodeName, Moment)>,
}

/// A Docker network. Docker does not tell it again when it starts (libnetwork replays no `CreateNetwork`), so
/// this is kept over reboots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkRecord {
    /// Docker's name for it.
    #[serde(with = "text")]
    pub(crate) id: NetworkId,
    /// The row of `networks` that it is.
    pub(crate) network: NetName,
    /// The subnets that Docker has for it.
    pub(crate) subnets: Vec<IpNet>,
}

/// A container's attachment to a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// Docker's name for it: another one at every start.
    #[serde(with = "text")]
    pub(crate) id: EndpointId,
    /// The Docker network.
    #[serde(with = "text")]
    pub(crate) network: NetworkId,
    /// The row of `networks`.
    pub(crate) on: NetName,
    /// The container node.
    pub(crate) node: NodeName,
    /// The interface that the tables name.
    pub(crate) nic: IfName,
    /// The Ethernet address.
    pub(crate) mac: MacAddr,
    /// The addresses with their subnet's length.
    pub(crate) addresses: Vec<IpNet>,
    /// The host's bridge that it is plugged into.
    pub(crate) bridge: IfName,
    /// What sort of bridge that is. (Records of netd 0.1 do not say it: they knew one.)
    #[serde(default = "flat")]
    pub(crate) fabric: Fabric,
    /// Its VLAN on an Open vSwitch bridge; `None`: untagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<u16>,
    /// Where its port was before reconciliation moved it: that bridge may come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Place>,
    /// How far it is.
    pub(crate) phase: Phase,
    /// When it came so far.
    pub(crate) since: Moment,
}

fn flat() -> Fabric {
    Fabric::Flat
}

/// A bridge of this host, and the VLAN of a port on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// The bridge.
    pub(crate) bridge: IfName,
    /// What sort of bridge it is.
    pub(crate) fabric: Fabric,
    /// The port's VLAN on an Open vSwitch bridge; `None`: untagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<u16>,
}

impl Place {
    /// Where the tables have the ports of a network.
    pub(crate) fn of(on: &HostNetwork) -> Self {
        Self { bridge: on.bridge.clone(), fabric: on.fabric, tag: on.tag }
    }

    /// Whether both are the same bridge, whatever the VLAN.
    pub(crate) fn same_bridge(&self, other: &Self) -> bool {
        self.bridge == other.bridge && self.fabric == other.fabric
    }
}

impl fmt::Display for Place {
    /// `Open vSwitch bridge br0, VLAN 7`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fabric {
            Fabric::Flat => write!(f, "Linux bridge {}", self.bridge),
            Fabric::Ovs => write!(f, "Open vSwitch bridge {}", self.bridge),
        }?;
        self.tag.map_or(Ok(()), |tag| write!(f, ", VLAN {tag}"))
    }
}

/// The life of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Granted; its pair is about to be made. A netd that finds this at its start was killed in between, and
    /// Docker was told nothing.
    Intended,
    /// Its pair is there.
    Created,
    /// The container has its end.
    Joined,
    /// The container gave its end back.
    Left,
}

impl Endpoint {
    /// The end that is a port of the bridge.
    pub(crate) fn port(&self) -> IfName {
        interface::ends(self.id.as_str()).0
    }

    /// The end that goes into the container, as it is named on the host.
    pub(crate) fn container_end(&self) -> IfName {
        interface::ends(self.id.as_str()).1
    }

    /// Where its port is.
    pub(crate) fn place(&self) -> Place {
        Place { bridge: self.bridge.clone(), fabric: self.fabric, tag: self.tag }
    }

    /// The same with its port on another bridge.
    pub(crate) fn moved(&self, to: Place) -> Self {
        let before = Some(self.place());
        Self { bridge: to.bridge, fabric: to.fabric, tag: to.tag, before, ..self.clone() }
    }

    /// Whether its start began and did not come to `Join`.
    pub(crate) fn is_begun(&self) -> bool {
        matches!(self.phase, Phase::Intended | Phase::Created)
    }

    /// Whether two records are the same place of the same node, whatever their phase and history.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        let same_time =
            Self { before: self.before.clone(), phase: self.phase, since: self.since, ..other.clone() };
        *self == same_time
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
    /// Docker made a network.
    Network(NetworkRecord),
    /// Docker removed it.
    NoNetwork(NetworkId),
    /// An endpoint is new, or came a phase further.
    Endpoint(Endpoint),
    /// An endpoint is gone.
    NoEndpoint(EndpointId),
}

impl State {
    /// Tables, and nothing asked for yet.
    pub(crate) fn with(snapshot: Option<Snapshot>) -> Self {
        Self { snapshot, ..Self::default() }
    }

    /// Makes one change.
    pub(crate) fn apply(&mut self, change: Change, now: Moment) {
        match change {
            Change::Network(record) => drop(self.networks.insert(record.id.clone(), record)),
            Change::NoNetwork(id) => drop(self.networks.remove(&id)),
            Change::Endpoint(endpoint) => drop(self.endpoints.insert(endpoint.id.clone(), endpoint)),
            Change::NoEndpoint(id) => {
                if let Some(gone) = self.endpoints.remove(&id) {
                    self.remember_released(&gone, now);
                }
            }
        }
    }

    /// The endpoint that a node has on a network, other than `but`.
    pub(crate) fn place_of(&self, node: &NodeName, on: &NetName, but: &EndpointId) -> Option<&Endpoint> {
        self.endpoints.values().find(|e| e.node == *node && e.on == *on && e.id != *but)
    }

    /// The endpoint that has an address on a network.
    pub(crate) fn holder(&self, on: &NetName, address: IpAddr) -> Option<&Endpoint> {
        let has = |e: &&Endpoint| e.on == *on && e.addresses.iter().any(|a| a.addr() == address);
        self.endpoints.values().find(has)
    }

    /// Whether the node had all those addresses on this host just now.
    pub(crate) fn had_lately(&self, node: &NodeName, addresses: &[IpNet], now: Moment) -> bool {
        addresses.iter().all(|address| {
            self.released.get(&address.addr()).is_some_and(|(who, until)| who == node && now < *until)
        })
    }

    /// Whether the tables still give the endpoint what it has.
    pub(crate) fn is_orphan(&self, endpoint: &Endpoint) -> bool {
        let Some(snapshot) = &self.snapshot else { return false };
        let row = snapshot.node(endpoint.node.as_str()).filter(|row| row.host == snapshot.host);
        let nic = row.and_then(|row| row.nics.iter().find(|nic| nic.network == endpoint.on));
        !nic.is_some_and(|nic| {
            nic.mac == endpoint.mac && endpoint.addresses.iter().all(|a| nic.addresses.contains(&a.addr()))
        })
    }

    fn remember_released(&mut self, gone: &Endpoint, now: Moment) {
        self.released.retain(|_, (_, until)| now < *until);
        // what never was in a container never was announced: it says nothing about who has the address
        if matches!(gone.phase, Phase::Joined | Phase::Left) {
            for address in &gone.addresses {
                self.released.insert(address.addr(), (gone.node.clone(), now.after(RELEASED)));
            }
        }
    }
}

/// Identifiers of the plugin protocol as JSON strings, checked when read back.
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
