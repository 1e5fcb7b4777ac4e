//! What this machine's network is now.

use std::collections::HashMap;
use std::net::IpAddr;

use hostnet::{HostIpFilter, Kernel, Link, NetError, Route};
use inventory::IfName;
use ipnet::IpNet;

use super::modules::Module;
use super::switch::OvsBridge;

/// Interfaces, addresses and routes of this machine.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// All interfaces.
    pub links: Vec<Link>,
    /// The addresses of each, without link-local ones, which come and go with the interface.
    pub addresses: Vec<(IfName, IpNet)>,
    /// The routes that somebody added.
    pub routes: Vec<(IfName, Route)>,
    /// The routes of further tables, each with its table.
    pub further_routes: Vec<(IfName, u32, Route)>,
    /// Open vSwitch's bridges; `None`: it does not run, or nobody asked.
    pub switch: Option<Vec<OvsBridge>>,
    /// What the host itself takes of what comes in through each; none where nobody asked.
    pub host_ip_filters: Vec<(IfName, HostIpFilter)>,
    /// Parts of the kernel that the plan needs and that are not there.
    pub lacking: Vec<Module>,
}

/// Asks the kernel: four dumps, however many interfaces there are.
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
    // one of an interface that came since the first dump is left out
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

/// The host's end of a container's veth, which netd names `xh` and a hash.
pub fn is_container_port(name: &IfName) -> bool {
    name.as_str().starts_with("xh")
}

impl Observed {
    /// The interface of that name.
    pub fn link(&self, name: &IfName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == *name)
    }

    /// The interface that has that address.
    pub fn link_with_address(&self, address: IpAddr) -> Option<&Link> {
        let (name, _) = self.addresses.iter().find(|(_, on)| on.addr() == address)?;
        self.link(name)
    }

    /// The addresses of an interface.
    pub fn addresses<'a>(&'a self, of: &'a IfName) -> impl Iterator<Item = IpNet> + 'a {
        self.addresses.iter().filter(move |(name, _)| name == of).map(|(_, address)| *address)
    }

    /// What the host itself takes of what comes in through an interface.
    pub fn host_ip_filter(&self, through: &IfName) -> Option<HostIpFilter> {
        self.host_ip_filters.iter().find(|(name, _)| name == through).map(|(_, hearing)| *hearing)
    }

    /// Whether that is nothing.
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

    /// Whether one interface is a port of the other, a bond or Linux bridge.
    pub fn is_port(&self, port: &IfName, master: &IfName) -> bool {
        let index = self.link(master).map(|link| link.index);
        index.is_some() && self.link(port).and_then(|link| link.master) == index
    }

    /// The ports of a bond or Linux bridge.
    pub fn ports<'a>(&'a self, master: &Link) -> impl Iterator<Item = &'a Link> + 'a {
        let index = master.index;
        self.links.iter().filter(move |link| link.master == Some(index))
    }

    /// The name of the interface with that index.
    pub fn name_of(&self, index: u32) -> String {
        let found = self.links.iter().find(|link| link.index == index);
        found.map_or_else(|| format!("interface {index}"), |link| link.name.to_string())
    }

    /// The Open vSwitch bridge of that name.
    pub fn ovs(&self, name: &IfName) -> Option<&OvsBridge> {
        self.switch.iter().flatten().find(|bridge| bridge.name == *name)
    }

    /// The Open vSwitch bridge that has that port.
    pub fn ovs_of(&self, port: &IfName) -> Option<&OvsBridge> {
        self.switch.iter().flatten().find(|bridge| bridge.ports.contains(port))
    }

    /// The interfaces, for a message.
    pub fn names(&self) -> String {
        let real =
            self.links.iter().filter(|link| link.name.as_str() != "lo" && !is_container_port(&link.name));
        real.map(|link| link.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
