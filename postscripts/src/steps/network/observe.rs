//! Observes this host's network.

use std::collections::HashMap;
use std::net::IpAddr;

use hostnet::{HostIpFilter, Kernel, Link, NetError, Route};
use inventory::IfName;
use ipnet::IpNet;

use super::modules::Module;
use super::switch::OvsBridge;

/// Interfaces, addresses and routes of this host.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// All interfaces.
    pub links: Vec<Link>,
    /// The addresses of each interface, without link-local ones, which the kernel adds and removes itself.
    pub addresses: Vec<(IfName, IpNet)>,
    /// The routes that were configured, not those that the kernel adds itself.
    pub routes: Vec<(IfName, Route)>,
    /// The routes of other tables, each with its table.
    pub further_routes: Vec<(IfName, u32, Route)>,
    /// Open vSwitch's bridges; `None` if it is not running or not needed.
    pub switch: Option<Vec<OvsBridge>>,
    /// The host IP filter of each interface; empty if Open vSwitch is not needed.
    pub host_ip_filters: Vec<(IfName, HostIpFilter)>,
    /// Kernel modules that the plan needs and the host does not have.
    pub lacking: Vec<Module>,
}

/// Reads links, addresses and routes with four netlink dumps, for any number of interfaces.
///
/// # Errors
/// No answer.
pub async fn observe(kernel: &Kernel) -> Result<Observed, NetError> {
    let links = kernel.links().await?;
    let (addresses, routes, further) =
        tokio::try_join!(kernel.all_addresses(), kernel.all_routes(), kernel.routes_of_further_tables())?;
    let names: HashMap<u32, &IfName> = links
        .iter()
        .filter(|link| !is_container_port(&link.name))
        .map(|link| (link.index, &link.name))
        .collect();
    // addresses of an interface that was created after the first dump are ignored
    let named = |index: u32| names.get(&index).map(|name| (*name).clone());
    Ok(Observed {
        addresses: addresses
            .into_iter()
            .filter(|(_, address)| is_global(address))
            .filter_map(|(index, address)| Some((named(index)?, address)))
            .collect(),
        routes: routes.into_iter().filter_map(|(index, route)| Some((named(index)?, route))).collect(),
        further_routes: further
            .into_iter()
            .filter_map(|(index, table, route)| Some((named(index)?, table, route)))
            .collect(),
        links,
        ..Observed::default()
    })
}

fn is_global(address: &IpNet) -> bool {
    match address.addr() {
        IpAddr::V4(v4) => !v4.is_loopback(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_loopback(),
    }
}

/// The host end of a container's veth. netd names it `xh` and a hash.
pub fn is_container_port(name: &IfName) -> bool {
    name.as_str().starts_with("xh")
}

impl Observed {
    /// The interface with this name.
    pub fn link(&self, name: &IfName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == *name)
    }

    /// The interface that has the address.
    pub fn link_with_address(&self, address: IpAddr) -> Option<&Link> {
        let (name, _) = self.addresses.iter().find(|(_, on)| on.addr() == address)?;
        self.link(name)
    }

    /// The addresses of an interface.
    pub fn addresses<'a>(&'a self, of: &'a IfName) -> impl Iterator<Item = IpNet> + 'a {
        self.addresses.iter().filter(move |(name, _)| name == of).map(|(_, address)| *address)
    }

    /// The host IP filter of an interface.
    pub fn host_ip_filter(&self, through: &IfName) -> Option<HostIpFilter> {
        self.host_ip_filters.iter().find(|(name, _)| name == through).map(|(_, filter)| *filter)
    }

    /// Whether the interface is isolated from the host's IP stack.
    pub fn is_isolated(&self, through: &IfName) -> bool {
        self.host_ip_filter(through).is_some_and(HostIpFilter::is_blocked)
    }

    /// The routes through an interface.
    pub fn routes<'a>(&'a self, through: &'a IfName) -> impl Iterator<Item = &'a Route> + 'a {
        self.routes.iter().filter(move |(name, _)| name == through).map(|(_, route)| route)
    }

    /// The default routes: interface and gateway of each.
    pub fn default_routes(&self) -> impl Iterator<Item = (&IfName, IpAddr)> {
        let default = self.routes.iter().filter(|(_, route)| route.destination.prefix_len() == 0);
        default.filter_map(|(device, route)| Some((device, route.gateway?)))
    }

    /// Whether `port` is a port of `master`, a bond or Linux bridge.
    pub fn is_port(&self, port: &IfName, master: &IfName) -> bool {
        let index = self.link(master).map(|link| link.index);
        index.is_some() && self.link(port).and_then(|link| link.master) == index
    }

    /// The ports of a bond or Linux bridge.
    pub fn ports<'a>(&'a self, master: &Link) -> impl Iterator<Item = &'a Link> + 'a {
        let index = master.index;
        self.links.iter().filter(move |link| link.master == Some(index))
    }

    /// The name of the interface with this index.
    pub fn name_of(&self, index: u32) -> String {
        let found = self.links.iter().find(|link| link.index == index);
        found.map_or_else(|| format!("interface {index}"), |link| link.name.to_string())
    }

    /// The Open vSwitch bridge with this name.
    pub fn ovs(&self, name: &IfName) -> Option<&OvsBridge> {
        self.switch.iter().flatten().find(|bridge| bridge.name == *name)
    }

    /// The Open vSwitch bridge that has the port.
    pub fn ovs_of(&self, port: &IfName) -> Option<&OvsBridge> {
        self.switch.iter().flatten().find(|bridge| bridge.ports.contains(port))
    }

    /// The names of all interfaces, for a message.
    pub fn names(&self) -> String {
        let real =
            self.links.iter().filter(|link| link.name.as_str() != "lo" && !is_container_port(&link.name));
        real.map(|link| link.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
