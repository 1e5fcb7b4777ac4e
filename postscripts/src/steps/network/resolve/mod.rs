//! The tables' plan on this machine: which NIC each bridge is over, what moves from lower to upper devices, and whether that can
//! be. Pure.
//!
//! ```text
//! carrier.rs   the NIC of a bridge whose tables name none
//! routing.rs   gateways that are kept, routes that are carried, the Ethernet address
//! refuse.rs    what can not be, before anything changes
//! error.rs     how that is said
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

/// What earlier runs left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The NIC of each bridge.
    pub ports: BTreeMap<IfName, IfName>,
    /// The routes that each device took over from what is below it.
    pub routes: BTreeMap<IfName, Vec<Route>>,
    /// The default gateways of each device, also those that the tables do not have.
    pub gateways: BTreeMap<IfName, Vec<IpAddr>>,
}

impl Memory {
    /// What the last confirmed plan says.
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

/// The plan of the tables on this machine.
///
/// # Errors
/// The machine can not follow it; the message says what to do.
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

/// NICs by name, then what stands on them: whichever column or argument named a NIC first, its files are the same.
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

/// The port of a bridge; one that the tables do not name becomes a device of the plan too.
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
#[allow(clippy::unwrap_used, reason = "a test that can not go on fails")]
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
