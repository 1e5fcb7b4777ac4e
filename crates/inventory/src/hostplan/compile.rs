//! Compiles a host's columns to its plan. Pure: the tables and a postscript's environment give the same plan.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::HostPlanError;
use super::mtu::rows;
use super::{BondOptions, BridgedNetwork, Datapath, DeviceKind, DevicePlan, HostPlan, Port};
use crate::container::Network;
use crate::name::{IfName, NetName, NodeName};
use crate::networks::around;
use crate::nics::{Nic, NicKind, Nics};

/// Columns that define a host's network.
#[derive(Debug, Clone)]
pub struct HostTables {
    /// The host.
    pub host: NodeName,
    /// `hosts.ip`, in a postscript `IPADDR`.
    pub ip: IpAddr,
    /// Text of `noderes.installnic`. It may also be `mac` or a MAC address, which are not interface names.
    pub installnic: Option<String>,
    /// Row of `nics`.
    pub nics: Nics,
    /// All networks.
    pub networks: Vec<Network>,
}

impl HostPlan {
    /// Compiles the plan: the devices of the `nics` columns, and a default bridge for the network of `hosts.ip` if
    /// the columns have none. Containers need that bridge.
    ///
    /// # Errors
    /// Columns that contradict each other or `networks`.
    pub fn compile(tables: &HostTables) -> Result<Self, HostPlanError> {
        let primary = tables.primary()?;
        let mut bridges: Vec<DevicePlan> = Vec::new();
        for nic in &tables.nics {
            if matches!(nic.kind, Some(NicKind::Bridge | NicKind::BridgeOvs)) {
                bridges.push(tables.bridge(nic, primary)?);
            }
        }
        if !bridges.iter().any(|bridge| bridge.networks.iter().any(|on| on.network == *primary)) {
            bridges.insert(0, tables.default_bridge(primary)?);
        }
        let mut devices = tables.below(&bridges, primary)?;
        devices.extend(bridges);
        tables.refuse_impossible(&devices)?;
        tables.settle_vlans(&mut devices)?;
        tables.settle_mtus(&mut devices)?;
        Ok(Self { host: tables.host.clone(), devices, ignored: tables.ignored() })
    }
}

impl HostTables {
    /// The network of `hosts.ip`.
    fn primary(&self) -> Result<&Network, HostPlanError> {
        self.network_with(self.ip)
            .ok_or_else(|| HostPlanError::NoMatchingNetwork { host: self.host.clone(), ip: self.ip })
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

    /// NICs, bonds and VLANs in this order: lower devices come first.
    fn below(&self, bridges: &[DevicePlan], primary: &Network) -> Result<Vec<DevicePlan>, HostPlanError> {
        let is_port = |name: &IfName| bridges.iter().any(|bridge| bridge.below().contains(&name));
        let mut devices = Vec::new();
        for nic in self.nics.iter().filter(|nic| nic.kind == Some(NicKind::Bond)) {
            devices.push(self.bond(nic)?);
        }
        for nic in self.nics.iter().filter(|nic| nic.kind == Some(NicKind::Vlan)) {
            devices.push(self.vlan(nic)?);
        }
        for device in &mut devices {
            let Some(nic) = self.nics.get(device.name.as_str()) else { continue };
            // a bridge takes its port's addresses over
            if !is_port(&device.name) {
                device.addresses = self.addresses_of(nic)?;
                device.gateways = self.gateways(primary, &device.addresses);
                let around = device.addresses.iter().filter_map(|on| self.network_with(on.addr()));
                device.mtu = self.mtu(&device.name, Some(nic), &around.collect::<Vec<_>>())?;
            } else {
                device.mtu = self.mtu(&device.name, Some(nic), &[])?;
            }
        }
        let mut all = self.ethernets(&devices, bridges)?;
        all.extend(devices);
        Ok(all)
    }

    /// NICs with addresses, and NICs below other devices.
    fn ethernets(
        &self,
        stacked: &[DevicePlan],
        bridges: &[DevicePlan],
    ) -> Result<Vec<DevicePlan>, HostPlanError> {
        let mut devices: Vec<DevicePlan> = Vec::new();
        let is_port = |name: &IfName| bridges.iter().any(|bridge| bridge.below().contains(&name));
        let taken = |nic: &Nic| {
            self.primary_nic().is_some_and(|primary| primary.name == nic.name)
                && bridges.iter().any(|bridge| matches!(bridge.port(), Some(Port::Carrying(_))))
        };
        for nic in self.nics.iter().filter(|nic| nic.is_ethernet() && !taken(nic)) {
            if self.address_without_network(nic).is_some() {
                continue;
            }
            let addresses = if is_port(&nic.name) { Vec::new() } else { self.addresses_of(nic)? };
            let below = is_port(&nic.name) || stacked.iter().any(|upper| upper.below().contains(&&nic.name));
            if addresses.is_empty() && !below {
                continue;
            }
            let around: Vec<&Network> =
                addresses.iter().filter_map(|on| self.network_with(on.addr())).collect();
            let mtu = self.mtu(&nic.name, Some(nic), &around)?;
            devices.push(DevicePlan {
                addresses,
                mtu,
                ..self.device(nic.name.clone(), DeviceKind::Ethernet)
            });
        }
        let known = |devices: &[DevicePlan], name: &IfName| {
            devices.iter().any(|device| device.name == *name)
                || self.nics.get(name.as_str()).is_some_and(|nic| !nic.is_ethernet())
        };
        for name in stacked.iter().chain(bridges).flat_map(DevicePlan::below) {
            if !known(&devices, name) {
                devices.push(self.device(name.clone(), DeviceKind::Ethernet));
            }
        }
        Ok(devices)
    }

    pub(super) fn device(&self, name: IfName, kind: DeviceKind) -> DevicePlan {
        let known = |key: &str| match kind {
            _ if key.eq_ignore_ascii_case("MTU") => true,
            DeviceKind::Bond { .. } => BondOptions::is_option(key),
            DeviceKind::OvsBridge { .. } => key.eq_ignore_ascii_case(DATAPATH),
            _ => false,
        };
        let params = self
            .nics
            .get(name.as_str())
            .map(|nic| nic.params.iter().filter(|(key, _)| !known(key)).cloned().collect());
        DevicePlan {
            name,
            params: params.unwrap_or_default(),
            kind,
            addresses: Vec::new(),
            gateways: Vec::new(),
            mtu: None,
            networks: Vec::new(),
            tag: None,
        }
    }

    fn bond(&self, nic: &Nic) -> Result<DevicePlan, HostPlanError> {
        if nic.devices.is_empty() {
            return Err(self.ports_error(nic, NicKind::Bond, "at least one interface"));
        }
        let options = BondOptions::of(nic).map_err(|why| self.param_error(nic, why))?;
        Ok(self.device(nic.name.clone(), DeviceKind::Bond { ports: nic.devices.clone(), options }))
    }

    fn bridge(&self, nic: &Nic, primary: &Network) -> Result<DevicePlan, HostPlanError> {
        let kind = nic.kind.unwrap_or(NicKind::Bridge);
        let [port] = nic.devices.as_slice() else {
            return Err(self.ports_error(nic, kind, "one interface"));
        };
        let below = self.nics.get(port.as_str());
        let mut networks = self.networks_of(nic)?;
        let mut addresses = self.addresses_of(nic)?;
        if let Some(below) = below {
            addresses
                .extend(self.addresses_of(below)?.into_iter().filter(|ip| !nic.ips.contains(&ip.addr())));
            if networks.is_empty() {
                networks = self.networks_of(below)?;
            }
        }
        if networks.is_empty() {
            return Err(HostPlanError::NoNetwork { host: self.host.clone(), bridge: nic.name.clone(), kind });
        }
        if networks.contains(&primary) {
            self.put_own_first(&mut addresses, primary);
        }
        let port = Port::Named(port.clone());
        let device = match kind {
            NicKind::BridgeOvs => DeviceKind::OvsBridge { port, datapath: self.datapath(nic)? },
            _ => DeviceKind::Bridge { port },
        };
        Ok(DevicePlan {
            gateways: self.gateways(primary, &addresses),
            addresses,
            mtu: self.mtu(&nic.name, Some(nic), &networks)?,
            networks: networks.into_iter().map(untagged).collect(),
            ..self.device(nic.name.clone(), device)
        })
    }

    fn default_bridge(&self, primary: &Network) -> Result<DevicePlan, HostPlanError> {
        let name = primary.bridge_name();
        let nic = self.primary_nic();
        let mut addresses = nic.map(|nic| self.addresses_of(nic)).transpose()?.unwrap_or_default();
        self.put_own_first(&mut addresses, primary);
        let port = match nic {
            // xdock creates this device, so no interface has the address yet
            Some(nic) if !nic.is_ethernet() => Port::Named(nic.name.clone()),
            _ => Port::Carrying(self.ip),
        };
        let networks = vec![untagged(primary)];
        Ok(DevicePlan {
            gateways: self.gateways(primary, &addresses),
            addresses,
            mtu: self.mtu(&name, nic.filter(|nic| nic.is_ethernet()), &rows(&networks))?,
            networks,
            ..self.device(name, DeviceKind::Bridge { port })
        })
    }

    /// Entry of the interface with `hosts.ip`. It may have more addresses, for example IPv6.
    fn primary_nic(&self) -> Option<&Nic> {
        let carries = |nic: &&Nic| {
            !matches!(
                nic.kind,
                Some(
                    NicKind::Bridge | NicKind::BridgeOvs | NicKind::Bmc | NicKind::Unused | NicKind::Unknown
                )
            )
        };
        let has_ip = |nic: &&Nic| carries(nic) && nic.ips.contains(&self.ip);
        let installnic = || self.nics.get(self.installnic.as_deref()?).filter(|nic| nic.is_ethernet());
        self.nics.iter().find(has_ip).or_else(installnic)
    }

    fn put_own_first(&self, addresses: &mut Vec<IpNet>, primary: &Network) {
        let Some(own) = with_prefix(primary, self.ip) else { return };
        addresses.retain(|address| *address != own);
        addresses.insert(0, own);
    }

    /// Networks in `nicnetworks`, else those that contain its `nicips`.
    pub(super) fn networks_of(&self, nic: &Nic) -> Result<Vec<&Network>, HostPlanError> {
        let mut networks: Vec<&Network> = Vec::new();
        let named = nic.networks.iter().map(|name| self.network(nic, name));
        let around =
            nic.ips.iter().filter(|_| nic.networks.is_empty()).filter_map(|ip| self.network_with(*ip));
        for network in named.chain(around.map(Ok)) {
            let network = network?;
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        Ok(networks)
    }

    fn addresses_of(&self, nic: &Nic) -> Result<Vec<IpNet>, HostPlanError> {
        let mut addresses = Vec::new();
        for (ip, named) in nic.addresses() {
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

    /// Messages about entries that are not configured. They do not stop the plan.
    fn ignored(&self) -> Vec<String> {
        let foreign = self.nics.ignored().iter().map(ToString::to_string);
        let address_without_network = self.nics.iter().filter_map(|nic| {
            let (ip, name, host) = (self.address_without_network(nic)?, &nic.name, &self.host);
            Some(format!(
                "no row of networks contains nicips.{name}={ip} of {host}, and nictypes.{name} is empty: {name} is not configured; add the row or set nictypes.{name}"
            ))
        });
        foreign.chain(address_without_network).collect()
    }

    /// An address outside of all networks, of an interface without type, network or upper device.
    fn address_without_network(&self, nic: &Nic) -> Option<IpAddr> {
        let is_below = || self.nics.iter().any(|upper| upper.devices.contains(&nic.name));
        let is_primary = || self.primary_nic().is_some_and(|primary| primary.name == nic.name);
        if nic.kind.is_some() || !nic.networks.is_empty() || is_below() || is_primary() {
            return None;
        }
        nic.ips.iter().copied().find(|ip| self.network_with(*ip).is_none())
    }

    fn datapath(&self, nic: &Nic) -> Result<Datapath, HostPlanError> {
        match nic.param(DATAPATH) {
            None | Some("system") => Ok(Datapath::System),
            Some("netdev") => Ok(Datapath::Netdev),
            Some(other) => {
                Err(self.param_error(nic, format!("{DATAPATH}={other} is neither system nor netdev")))
            }
        }
    }

    /// Gateways of the network in address families of the host, without the host itself. Only for the
    /// device that has `hosts.ip`.
    fn gateways(&self, primary: &Network, addresses: &[IpNet]) -> Vec<IpAddr> {
        if !addresses.iter().any(|address| address.addr() == self.ip) {
            return Vec::new();
        }
        let reachable = |gateway: &&IpAddr| {
            let near = primary.subnet_of(**gateway);
            let same = addresses.iter().any(|address| address.addr() == **gateway);
            !same && near.is_some_and(|near| addresses.iter().any(|address| near.contains(&address.addr())))
        };
        primary.gateways.iter().filter(reachable).copied().collect()
    }

    fn ports_error(&self, nic: &Nic, kind: NicKind, needed: &'static str) -> HostPlanError {
        let found = nic.devices.len();
        HostPlanError::Ports { host: self.host.clone(), nic: nic.name.clone(), kind, needed, found }
    }

    fn param_error(&self, nic: &Nic, why: String) -> HostPlanError {
        HostPlanError::Param { host: self.host.clone(), nic: nic.name.clone(), why }
    }
}

/// `nicextraparams` of a `bridge_ovs`, by Open vSwitch's own name.
const DATAPATH: &str = "datapath_type";

fn untagged(network: &Network) -> BridgedNetwork {
    BridgedNetwork { network: network.clone(), tag: None }
}

impl Network {
    /// The name of the bridge that a host gets for its own network where the columns name none: the network's where an interface
    /// can have it, else one made of its address. xCAT names the networks that it finds `10_99_0_0-255_255_0_0`
    /// (`makenetworks`), which is longer than an interface's name.
    pub fn bridge_name(&self) -> IfName {
        self.name.as_str().parse().unwrap_or_else(|_| {
            let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
            let address = match self.subnets.first().map(IpNet::network) {
                Some(IpAddr::V4(v4)) => hex(&v4.octets()),
                // prefixes of one site differ at the end
                Some(IpAddr::V6(v6)) => hex(v6.octets().get(2..8).unwrap_or_default()),
                None => String::new(),
            };
            format!("br{address}").parse().unwrap_or_else(|_| IfName::eth0())
        })
    }
}

fn with_prefix(network: &Network, ip: IpAddr) -> Option<IpNet> {
    IpNet::new(ip, network.subnet_of(ip)?.prefix_len()).ok()
}
