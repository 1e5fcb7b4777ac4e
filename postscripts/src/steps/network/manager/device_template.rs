//! A device as the templates take it. Pure.

use hostnet::Route;
use serde::Serialize;

/// A device. Fields that do not apply are `null` or empty: a template asks for them by `{% if %}`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DeviceTemplate {
    /// Its name.
    pub name: String,
    /// `ethernet`, `bond`, `vlan`, `bridge` or `ovs`.
    pub kind: &'static str,
    /// What it is, for a person.
    pub what: String,
    /// Its Ethernet address, where it shall not be its own.
    pub mac: Option<String>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// IPv4 by DHCP.
    pub dhcp: bool,
    /// The host's addresses on it.
    pub addresses: Vec<AddressTemplate>,
    /// Whether it has an IPv4 address, or gets one.
    pub v4: bool,
    /// Whether it has an IPv6 address of the tables.
    pub v6: bool,
    /// The IPv4 default gateway.
    pub gateway4: Option<String>,
    /// The IPv6 default gateway.
    pub gateway6: Option<String>,
    /// Further routes.
    pub routes: Vec<RouteTemplate>,
    /// Name servers that its NIC had.
    pub dns: Vec<String>,
    /// Those of IPv4.
    pub dns4: Vec<String>,
    /// Those of IPv6.
    pub dns6: Vec<String>,
    /// Domains that its NIC had.
    pub search: Vec<String>,
    /// Of a bond or bridge.
    pub ports: Vec<String>,
    /// Of a bond: the driver's options by their names, values by name, `mode` first.
    pub options: Vec<(String, String)>,
    /// Of a VLAN: the device below.
    pub parent: Option<String>,
    /// Of a VLAN: its number.
    pub id: Option<u16>,
    /// Of an Open vSwitch bridge: `system` or `netdev`.
    pub datapath: Option<&'static str>,
    /// Of an Open vSwitch bridge: access tag of the host's own port.
    pub tag: Option<u16>,
    /// The bond or bridge whose port it is.
    pub master: Option<MasterTemplate>,
    /// The VLANs on it.
    pub vlans: Vec<String>,
    /// Lines of others' files that ours takes over as they stand, with those that mark them.
    pub kept: Vec<String>,
    /// `nicextraparams` for the managers that take them.
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
    /// The default gateway, with the first address of its family only.
    pub gateway: Option<String>,
}

/// A route.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RouteTemplate {
    /// 4 or 6.
    pub family: u8,
    /// `10.0.0.0/8`
    pub to: String,
    /// The next hop; none: on the link.
    pub via: Option<String>,
    /// Priority.
    pub metric: Option<u32>,
    /// As `ip route` takes it, without the device.
    pub words: String,
}

/// The device that it is a port of.
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

/// In the order in which files are written: a NIC's own file is what moves it, so it is last.
pub(super) fn nics_last(views: &[DeviceTemplate]) -> impl Iterator<Item = &DeviceTemplate> {
    let (nics, made): (Vec<&DeviceTemplate>, Vec<&DeviceTemplate>) =
        views.iter().partition(|view| view.kind == "ethernet");
    made.into_iter().chain(nics)
}
