//! Resolves the plan of the tables on this host: the NIC of each bridge, what moves from lower to upper
//! devices, and whether it is possible. Pure.
//!
//! ```text
//! addressed_nic.rs  the NIC of a bridge for which the tables name none
//! routing.rs        gateways and routes that are kept, and the MAC
//! check.rs          checks before the first change
//! error.rs          error messages
//! ```

mod addressed_nic;
mod check;
mod error;
mod routing;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hostnet::Route;
use inventory::{DeviceKind, DevicePlan, HostPlan, IfName, Port};

use self::addressed_nic::nic_with_address;
use self::check::check_feasible;
pub use self::error::ResolveError;
use super::observe::Observed;
use super::resolved::{Device, Kind, ResolvedNetwork};

/// Values from earlier runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The NIC of each bridge.
    pub ports: BTreeMap<IfName, IfName>,
    /// The routes that each device took over from lower devices.
    pub routes: BTreeMap<IfName, Vec<Route>>,
    /// The default gateways of each device, including those that are not in the tables.
    pub gateways: BTreeMap<IfName, Vec<IpAddr>>,
}

impl Memory {
    /// Values of the last confirmed network.
    pub fn of(network: &ResolvedNetwork) -> Self {
        let mut memory = Self::default();
        for device in &network.devices {
            if let Kind::Bridge { port } | Kind::OvsBridge { port, .. } = &device.kind {
                memory.ports.insert(device.name.clone(), port.clone());
            }
            if !device.gateways.is_empty() {
                memory.gateways.insert(device.name.clone(), device.gateways.clone());
            }
            if !device.routes.is_empty() {
                memory.routes.insert(device.name.clone(), device.routes.clone());
            }
        }
        memory
    }
}

/// Resolves the plan of the tables on this host.
///
/// # Errors
/// The plan does not fit this host. The message says what to do.
pub fn resolve(
    plan: &HostPlan,
    observed: &Observed,
    memory: &Memory,
) -> Result<ResolvedNetwork, ResolveError> {
    let mut network = ResolvedNetwork::default();
    for device in &plan.devices {
        let kind = match &device.kind {
            DeviceKind::Ethernet => Kind::Ethernet,
            DeviceKind::Bond { ports, options } => {
                Kind::Bond { ports: ports.clone(), options: options.clone() }
            }
            DeviceKind::Vlan { parent, id } => Kind::Vlan { parent: parent.clone(), id: *id },
            DeviceKind::Bridge { port } => {
                Kind::Bridge { port: uplink(device, port, observed, memory, &mut network)? }
            }
            DeviceKind::OvsBridge { port, datapath } => Kind::OvsBridge {
                port: uplink(device, port, observed, memory, &mut network)?,
                datapath: *datapath,
                tag: device.tag,
            },
        };
        network.devices.push(resolved(device, kind));
    }
    sort_devices(&mut network);
    check_feasible(&network, observed)?;
    routing::fill_in(&mut network, observed, memory);
    Ok(network)
}

/// Sorts NICs by name, then the devices above them, so that files do not depend on which column named a NIC
/// first.
fn sort_devices(network: &mut ResolvedNetwork) {
    network.devices.sort_by_cached_key(|device| {
        let nic = (device.kind == Kind::Ethernet).then(|| device.name.clone());
        (nic.is_none(), nic)
    });
}

fn resolved(device: &DevicePlan, kind: Kind) -> Device {
    Device {
        addresses: device.addresses.clone(),
        gateways: device.gateways.clone(),
        mtu: device.mtu,
        networks: device.networks.iter().map(|on| on.network.name.clone()).collect(),
        params: device.params.clone(),
        ..Device::bare(device.name.clone(), kind)
    }
}

/// The uplink of a bridge. A NIC that the tables do not name is added to the plan.
fn uplink(
    bridge: &DevicePlan,
    port: &Port,
    observed: &Observed,
    memory: &Memory,
    network: &mut ResolvedNetwork,
) -> Result<IfName, ResolveError> {
    let address = match port {
        Port::Named(name) => return Ok(name.clone()),
        Port::Carrying(address) => *address,
    };
    let port = nic_with_address(&bridge.name, address, observed, memory.ports.get(&bridge.name), network)?;
    match network.devices.iter_mut().find(|device| device.name == port) {
        Some(known) => known.mtu = known.mtu.max(bridge.mtu),
        None => {
            let nic = Device { mtu: bridge.mtu, ..Device::bare(port.clone(), Kind::Ethernet) };
            network.devices.push(nic);
        }
    }
    Ok(port)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test")]
mod tests {
    use super::*;

    #[test]
    fn nics_stand_first_by_name_and_the_others_as_they_were() {
        let device = |name: &str, kind| Device::bare(name.parse().unwrap(), kind);
        let bridge = |name, port: &str| device(name, Kind::Bridge { port: port.parse().unwrap() });
        let nic = |name| device(name, Kind::Ethernet);
        let devices = vec![nic("eth1"), bridge("mynet0", "eth0"), bridge("br98", "eth1"), nic("eth0")];
        let mut network = ResolvedNetwork { devices };
        sort_devices(&mut network);
        let names: Vec<&str> = network.devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["eth0", "eth1", "mynet0", "br98"]);
    }
}
