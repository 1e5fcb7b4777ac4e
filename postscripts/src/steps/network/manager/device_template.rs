//! A device as the templates read it. Pure.

use hostnet::Route;
use serde::Serialize;

/// A device. Fields that do not apply are `null` or empty, so a template can test them with `{% if %}`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DeviceTemplate {
    /// Its name.
    pub name: String,
    /// `ethernet`, `bond`, `vlan`, `bridge` or `ovs`.
    pub kind: &'static str,
    /// Description for a person.
    pub what: String,
    /// Its MAC, if it is not the device's own.
    pub mac: Option<String>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// IPv4 by DHCP.
    pub dhcp: bool,
    /// The host's addresses on it.
    pub addresses: Vec<AddressTemplate>,
    /// Whether it has an IPv4 address, static or by DHCP.
    pub v4: bool,
    /// Whether it has an IPv6 address in the tables.
    pub v6: bool,
    /// The IPv4 default gateway.
    pub gateway4: Option<String>,
    /// The IPv6 default gateway.
    pub gateway6: Option<String>,
    /// Further routes.
    pub routes: Vec<RouteTemplate>,
    /// Name servers of its NIC.
    pub dns: Vec<String>,
    /// IPv4 name servers.
    pub dns4: Vec<String>,
    /// IPv6 name servers.
    pub dns6: Vec<String>,
    /// Search domains of its NIC.
    pub search: Vec<String>,
    /// Ports of a bond or bridge.
    pub ports: Vec<String>,
    /// Options of a bond by the driver's names, values as names, `mode` first.
    pub options: Vec<(String, String)>,
    /// Parent of a VLAN device.
    pub parent: Option<String>,
    /// Number of a VLAN.
    pub id: Option<u16>,
    /// Datapath of an Open vSwitch bridge: `system` or `netdev`.
    pub datapath: Option<&'static str>,
    /// Access tag of the internal port of an Open vSwitch bridge.
    pub tag: Option<u16>,
    /// The bond or bridge that has it as a port.
    pub master: Option<MasterTemplate>,
    /// Its VLAN devices.
    pub vlans: Vec<String>,
    /// Lines of foreign files that ours contains unchanged, between their two marker lines.
    pub kept: Vec<String>,
    /// `nicextraparams`, for managers that support them.
    pub params: Vec<(String, String)>,
}

/// An address.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AddressTemplate {
    /// 4 or 6.
    pub family: u8,
    /// `10.99.0.11/16`
    pub address: String,
    /// `10.99.0.11`
    pub ip: String,
    /// `16`
    pub prefix: u8,
    /// The default gateway, only with the first address of its family.
    pub gateway: Option<String>,
}

/// A route.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RouteTemplate {
    /// 4 or 6.
    pub family: u8,
    /// `10.0.0.0/8`
    pub to: String,
    /// The next hop; `None` if the destination is on the link.
    pub via: Option<String>,
    /// Priority.
    pub metric: Option<u32>,
    /// In the syntax of `ip route`, without the device.
    pub words: String,
}

/// The master of a port.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MasterTemplate {
    /// Its name.
    pub name: String,
    /// Its kind, as [`DeviceTemplate::kind`].
    pub kind: &'static str,
}

impl RouteTemplate {
    pub(super) fn of(route: &Route) -> Self {
        Self {
            family: if route.destination.addr().is_ipv4() { 4 } else { 6 },
            to: route.destination.to_string(),
            via: route.gateway.map(|gateway| gateway.to_string()),
            metric: route.metric,
            words: words(route),
        }
    }
}

fn words(route: &Route) -> String {
    let via = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
    let metric = route.metric.map(|metric| format!(" metric {metric}")).unwrap_or_default();
    format!("{}{via}{metric}", route.destination)
}

/// The order in which files are written: a NIC's file is last, because it moves the NIC.
pub(super) fn nics_last(views: &[DeviceTemplate]) -> impl Iterator<Item = &DeviceTemplate> {
    let (nics, made): (Vec<&DeviceTemplate>, Vec<&DeviceTemplate>) =
        views.iter().partition(|view| view.kind == "ethernet");
    made.into_iter().chain(nics)
}
