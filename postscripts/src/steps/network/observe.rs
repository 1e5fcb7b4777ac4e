//! What this machine's network is now.

use std::net::IpAddr;

use hostnet::{Kernel, Link, NetError, Route};
use inventory::IfName;
use ipnet::IpNet;

/// Interfaces, addresses and routes of this machine.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// All interfaces.
    pub links: Vec<Link>,
    /// The addresses of each, without link-local ones, which come and go with the interface.
    pub addresses: Vec<(IfName, IpNet)>,
    /// The routes that somebody added.
    pub routes: Vec<(IfName, Route)>,
}

/// Asks the kernel.
///
/// # Errors
/// No answer.
pub async fn observe(kernel: &Kernel) -> Result<Observed, NetError> {
    let links = kernel.links().await?;
    let mut observed = Observed { links, ..Observed::default() };
    for link in observed.links.iter().filter(|link| !is_containers(&link.name)) {
        let name = &link.name;
        // an interface may be gone since the dump
        for address in present(kernel.addresses(name).await)?.into_iter().filter(is_global) {
            observed.addresses.push((name.clone(), address));
        }
        for route in present(kernel.routes(name).await)? {
            observed.routes.push((name.clone(), route));
        }
    }
    Ok(observed)
}

fn present<T>(answer: Result<Vec<T>, NetError>) -> Result<Vec<T>, NetError> {
    match answer {
        Err(NetError::Missing { .. }) => Ok(Vec::new()),
        answer => answer,
    }
}

fn is_global(address: &IpNet) -> bool {
    match address.addr() {
        IpAddr::V4(v4) => !v4.is_loopback(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_loopback(),
    }
}

/// The host's end of a container's veth, which netd names `xh` and a hash.
pub fn is_containers(name: &IfName) -> bool {
    name.as_str().starts_with("xh")
}

impl Observed {
    /// The interface of that name.
    pub fn link(&self, name: &IfName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == *name)
    }

    /// The interface that has that address.
    pub fn carrier(&self, address: IpAddr) -> Option<&Link> {
        let (name, _) = self.addresses.iter().find(|(_, on)| on.addr() == address)?;
        self.link(name)
    }

    /// The addresses of an interface.
    pub fn addresses<'a>(&'a self, of: &'a IfName) -> impl Iterator<Item = IpNet> + 'a {
        self.addresses.iter().filter(move |(name, _)| name == of).map(|(_, address)| *address)
    }

    /// The routes through an interface.
    pub fn routes<'a>(&'a self, through: &'a IfName) -> impl Iterator<Item = &'a Route> + 'a {
        self.routes.iter().filter(move |(name, _)| name == through).map(|(_, route)| route)
    }

    /// The default routes: interface and gateway of each.
    pub fn defaults(&self) -> impl Iterator<Item = (&IfName, IpAddr)> {
        let default = self.routes.iter().filter(|(_, route)| route.destination.prefix_len() == 0);
        default.filter_map(|(device, route)| Some((device, route.gateway?)))
    }

    /// The name of the interface with that index.
    pub fn name_of(&self, index: u32) -> String {
        let found = self.links.iter().find(|link| link.index == index);
        found.map_or_else(|| format!("interface {index}"), |link| link.name.to_string())
    }

    /// The interfaces, for a message.
    pub fn names(&self) -> String {
        let real = self.links.iter().filter(|link| link.name.as_str() != "lo" && !is_containers(&link.name));
        real.map(|link| link.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
