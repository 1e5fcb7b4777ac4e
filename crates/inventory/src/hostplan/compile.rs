//! From a host's columns to its plan. Pure: the tables and a postscript's environment give the same plan.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use super::{BridgePlan, HostPlan, Port};
use crate::container::Network;
use crate::name::{IfName, NetName, NodeName};
use crate::networks::around;
use crate::nics::{Nic, NicKind, Nics};

/// What the tables say of a host's own network.
#[derive(Debug, Clone)]
pub struct HostTables {
    /// The host.
    pub host: NodeName,
    /// `hosts.ip`, in a postscript `IPADDR`.
    pub ip: IpAddr,
    /// `noderes.installnic` as it stands (also `mac` or a MAC address, which name no interface here).
    pub installnic: Option<String>,
    /// Its row of `nics`.
    pub nics: Nics,
    /// All of `networks`.
    pub networks: Vec<Network>,
}

/// Columns from which no plan can be made. Each message names host, column and value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostPlanError {
    /// `hosts.ip` lies nowhere.
    #[error("no row of networks contains {ip}, the hosts.ip of {host}; add the row or correct the address")]
    Homeless {
        /// The host.
        host: NodeName,
        /// Its address.
        ip: IpAddr,
    },
    /// The network's name can not be its bridge's (`IFNAMSIZ`).
    #[error(
        "network {network} can not give its name to a bridge on {host}: an interface's name has at most 15 bytes; rename the networks row, or name the bridge with nictypes.BRIDGE=bridge nicdevices.BRIDGE=NIC nicnetworks.BRIDGE={network}"
    )]
    LongName {
        /// The host.
        host: NodeName,
        /// The network.
        network: NetName,
    },
    /// A type that is not built.
    #[error(
        "nictypes.{nic}={kind} of {host} is not supported yet; bridges over Ethernet are (nictypes.{nic}=bridge nicdevices.{nic}=NIC)"
    )]
    Unsupported {
        /// The host.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// Its type.
        kind: NicKind,
    },
    /// A bridge without its one port.
    #[error("nictypes.{bridge}=bridge of {host} needs one interface in nicdevices.{bridge}, not {found}")]
    Ports {
        /// The host.
        host: NodeName,
        /// The bridge.
        bridge: IfName,
        /// How many there are.
        found: usize,
    },
    /// `nicnetworks` names none of `networks`.
    #[error("nicnetworks.{nic}={network} of {host}: no row of networks has this netname")]
    UnknownNetwork {
        /// The node.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// What it says.
        network: NetName,
    },
    /// A bridge for no network.
    #[error("nictypes.{bridge}=bridge of {host} is for no network; name it in nicnetworks.{bridge}")]
    NoNetwork {
        /// The host.
        host: NodeName,
        /// The bridge.
        bridge: IfName,
    },
    /// An address outside of the network that is named for it, or of every one.
    #[error("nicips.{nic}={ip} of {host} is not in {networks}")]
    Outside {
        /// The host.
        host: NodeName,
        /// The interface.
        nic: IfName,
        /// The address.
        ip: IpAddr,
        /// Where it was looked for.
        networks: String,
    },
    /// Two bridges that can not both be.
    #[error("bridges {first} and {second} of {host} share {what}; each needs its own")]
    Shared {
        /// The host.
        host: NodeName,
        /// One bridge.
        first: IfName,
        /// The other.
        second: IfName,
        /// Their common name, network or port.
        what: String,
    },
    /// Two networks on one bridge, or `nicextraparams`, give no one MTU.
    #[error("bridge {bridge} of {host} has no one MTU: {why}")]
    Mtu {
        /// The host.
        host: NodeName,
        /// The bridge.
        bridge: IfName,
        /// The values.
        why: String,
    },
}

impl HostPlan {
    /// The plan: the bridges of the `nics` columns, and before them a bridge for the network of `hosts.ip` where
    /// the columns have none for it. Containers need that one, and a host has one row less to fill.
    ///
    /// # Errors
    /// Columns that contradict each other or `networks`.
    pub fn compile(tables: &HostTables) -> Result<Self, HostPlanError> {
        let primary = tables.primary()?;
        let mut bridges: Vec<BridgePlan> = Vec::new();
        for nic in &tables.nics {
            tables.refuse_unsupported(nic, primary)?;
            if nic.kind == Some(NicKind::Bridge) {
                bridges.push(tables.bridge_over(nic, primary)?);
            }
        }
        if !bridges.iter().any(|bridge| bridge.networks.contains(primary)) {
            bridges.insert(0, tables.default_bridge(primary)?);
        }
        tables.refuse_shared(&bridges)?;
        Ok(Self { host: tables.host.clone(), bridges })
    }
}

impl HostTables {
    /// The network of `hosts.ip`.
    fn primary(&self) -> Result<&Network, HostPlanError> {
        self.network_with(self.ip)
            .ok_or_else(|| HostPlanError::Homeless { host: self.host.clone(), ip: self.ip })
    }

    fn network_with(&self, ip: IpAddr) -> Option<&Network> {
        around(&self.networks, ip)
    }

    fn network(&self, nic: &Nic, name: &NetName) -> Result<&Network, HostPlanError> {
        self.networks.iter().find(|network| network.name == *name).ok_or_else(|| {
            HostPlanError::UnknownNetwork {
                host: self.host.clone(),
                nic: nic.name.clone(),
                network: name.clone(),
            }
        })
    }

    /// A stacked interface is in our way only when a bridge is to stand on it or on its network; others are
    /// `confignetwork`'s.
    fn refuse_unsupported(&self, nic: &Nic, primary: &Network) -> Result<(), HostPlanError> {
        let Some(kind) = nic.kind else { return Ok(()) };
        let below_a_bridge = || {
            self.nics
                .iter()
                .any(|other| other.kind == Some(NicKind::Bridge) && other.devices.contains(&nic.name))
        };
        let unsupported = match kind {
            NicKind::BridgeOvs => true,
            NicKind::Bond | NicKind::Vlan | NicKind::Infiniband | NicKind::Omnipath => {
                below_a_bridge() || nic.ips.contains(&self.ip) || nic.networks.contains(&primary.name)
            }
            NicKind::Ethernet | NicKind::Bridge | NicKind::Bmc | NicKind::Unused => false,
        };
        if unsupported {
            return Err(HostPlanError::Unsupported { host: self.host.clone(), nic: nic.name.clone(), kind });
        }
        Ok(())
    }

    fn bridge_over(&self, nic: &Nic, primary: &Network) -> Result<BridgePlan, HostPlanError> {
        let [port] = nic.devices.as_slice() else {
            return Err(HostPlanError::Ports {
                host: self.host.clone(),
                bridge: nic.name.clone(),
                found: nic.devices.len(),
            });
        };
        let networks = self.networks_of(nic)?;
        let mut addresses = self.addresses_of(nic)?;
        if networks.contains(primary) {
            self.put_own_first(&mut addresses, primary);
        }
        let bridge = BridgePlan {
            name: nic.name.clone(),
            port: Port::Named(port.clone()),
            gateways: gateways(primary, &addresses),
            addresses,
            mtu: self.mtu(nic.name.clone(), Some(nic), &networks)?,
            networks,
        };
        Ok(bridge)
    }

    fn default_bridge(&self, primary: &Network) -> Result<BridgePlan, HostPlanError> {
        let name: IfName = primary.name.as_str().parse().map_err(|_| HostPlanError::LongName {
            host: self.host.clone(),
            network: primary.name.clone(),
        })?;
        let nic = self.primary_nic();
        let mut addresses = nic.map(|nic| self.addresses_of(nic)).transpose()?.unwrap_or_default();
        self.put_own_first(&mut addresses, primary);
        let networks = vec![primary.clone()];
        Ok(BridgePlan {
            port: Port::Carrying(self.ip),
            gateways: gateways(primary, &addresses),
            addresses,
            mtu: self.mtu(name.clone(), nic, &networks)?,
            networks,
            name,
        })
    }

    /// The entry of the interface that has `hosts.ip`: it may give more addresses, such as those of IPv6.
    fn primary_nic(&self) -> Option<&Nic> {
        let has_ip = |nic: &&Nic| nic.is_ethernet() && nic.ips.contains(&self.ip);
        let installnic = || self.nics.get(self.installnic.as_deref()?).filter(|nic| nic.is_ethernet());
        self.nics.iter().find(has_ip).or_else(installnic)
    }

    fn put_own_first(&self, addresses: &mut Vec<IpNet>, primary: &Network) {
        let Some(own) = with_prefix(primary, self.ip) else { return };
        addresses.retain(|address| *address != own);
        addresses.insert(0, own);
    }

    /// The networks that `nicnetworks` names, else those that contain its `nicips`.
    fn networks_of(&self, nic: &Nic) -> Result<Vec<Network>, HostPlanError> {
        let mut networks: Vec<Network> = Vec::new();
        let named = nic.networks.iter().map(|name| self.network(nic, name));
        let around =
            nic.ips.iter().filter(|_| nic.networks.is_empty()).filter_map(|ip| self.network_with(*ip));
        for network in named.chain(around.map(Ok)) {
            let network = network?;
            if !networks.contains(network) {
                networks.push(network.clone());
            }
        }
        if networks.is_empty() {
            return Err(HostPlanError::NoNetwork { host: self.host.clone(), bridge: nic.name.clone() });
        }
        Ok(networks)
    }

    fn addresses_of(&self, nic: &Nic) -> Result<Vec<IpNet>, HostPlanError> {
        let mut addresses = Vec::new();
        for (ip, named) in nic.places() {
            let found = match named {
                Some(name) => with_prefix(self.network(nic, name)?, ip),
                None => self.network_with(ip).and_then(|network| with_prefix(network, ip)),
            };
            addresses.push(found.ok_or_else(|| HostPlanError::Outside {
                host: self.host.clone(),
                nic: nic.name.clone(),
                ip,
                networks: named.map_or_else(
                    || "any row of networks".to_owned(),
                    |name| format!("network {name}, which nicnetworks names"),
                ),
            })?);
        }
        Ok(addresses)
    }

    fn mtu(
        &self,
        bridge: IfName,
        nic: Option<&Nic>,
        networks: &[Network],
    ) -> Result<Option<u32>, HostPlanError> {
        let refuse = |why| HostPlanError::Mtu { host: self.host.clone(), bridge, why };
        if let Some(text) = nic.and_then(|nic| nic.param("MTU")) {
            let mtu = text.parse().ok().filter(|mtu| (68..=65535).contains(mtu));
            return mtu
                .map(Some)
                .ok_or_else(|| refuse(format!("nicextraparams MTU={text} is no number from 68 to 65535")));
        }
        let mut said = networks.iter().filter_map(|network| Some((&network.name, network.mtu?)));
        let Some((first, mtu)) = said.next() else { return Ok(None) };
        match said.find(|(_, other)| *other != mtu) {
            None => Ok(Some(mtu)),
            Some((name, other)) => {
                Err(refuse(format!("networks.mtu is {mtu} of {first} and {other} of {name}")))
            }
        }
    }

    fn refuse_shared(&self, bridges: &[BridgePlan]) -> Result<(), HostPlanError> {
        for (at, second) in bridges.iter().enumerate() {
            for first in bridges.iter().take(at) {
                if let Some(what) = self.shared(first, second) {
                    return Err(HostPlanError::Shared {
                        host: self.host.clone(),
                        first: first.name.clone(),
                        second: second.name.clone(),
                        what,
                    });
                }
            }
        }
        Ok(())
    }

    fn shared(&self, first: &BridgePlan, second: &BridgePlan) -> Option<String> {
        let port = |bridge: &BridgePlan| match &bridge.port {
            Port::Named(name) => Some(name.as_str().to_owned()),
            Port::Carrying(_) => self.installnic.clone(),
        };
        if first.name == second.name {
            return Some("their name".to_owned());
        }
        if let Some(network) = first.networks.iter().find(|network| second.networks.contains(network)) {
            return Some(format!("network {}", network.name));
        }
        port(first).filter(|name| port(second).as_ref() == Some(name)).map(|name| format!("port {name}"))
    }
}

fn with_prefix(network: &Network, ip: IpAddr) -> Option<IpNet> {
    IpNet::new(ip, network.subnet_of(ip)?.prefix_len()).ok()
}

/// The network's gateways of the families that the host has an address of, but never the host itself.
fn gateways(primary: &Network, addresses: &[IpNet]) -> Vec<IpAddr> {
    let reachable = |gateway: &&IpAddr| {
        let near = primary.subnet_of(**gateway);
        let same = addresses.iter().any(|address| address.addr() == **gateway);
        !same && near.is_some_and(|near| addresses.iter().any(|address| near.contains(&address.addr())))
    };
    primary.gateways.iter().filter(reachable).copied().collect()
}
