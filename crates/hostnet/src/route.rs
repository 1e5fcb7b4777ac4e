//! Routes of an interface.

use std::net::IpAddr;

use inventory::IfName;
use ipnet::IpNet;
use nix::libc::ESRCH;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::is_errno;

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination; `0.0.0.0/0` and `::/0` are the default routes.
    pub destination: IpNet,
    /// Next hop; `None`: on the link.
    pub gateway: Option<IpAddr>,
    /// Metric; the lowest wins. `None`: the kernel's default.
    pub metric: Option<u32>,
}

impl Route {
    /// The default route through a gateway.
    pub fn default_via(gateway: IpAddr) -> Self {
        let any = match gateway {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        Self { destination: IpNet::new_assert(any, 0), gateway: Some(gateway), metric: None }
    }
}

impl Kernel {
    /// The configured routes of the main table through an interface, without those that the kernel derives from its
    /// addresses or from router advertisements.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the dump failed.
    pub async fn routes(&self, device: &IfName) -> Result<Vec<Route>, NetError> {
        let index = self.index(device).await?;
        let all = self.all_routes().await?.into_iter();
        Ok(all.filter(|(through, _)| *through == index).map(|(_, route)| route).collect())
    }

    /// The routes of all interfaces, each with the index of its interface.
    ///
    /// # Errors
    /// The dump failed.
    pub async fn all_routes(&self) -> Result<Vec<(u32, Route)>, NetError> {
        let dumped = self.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default())).await;
        let messages = dumped.map_err(|source| NetError::List { what: "routes", source })?;
        Ok(messages.into_iter().filter_map(read).collect())
    }

    /// Routes of further routing tables (ip-rule(8)), without those of the kernel itself, each with the index of its interface and its table.
    ///
    /// # Errors
    /// No dump.
    pub async fn routes_of_further_tables(&self) -> Result<Vec<(u32, u32, Route)>, NetError> {
        let dumped = self.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default())).await;
        let messages = dumped.map_err(|source| NetError::List { what: "routes", source })?;
        let further = messages.into_iter().filter_map(added).filter(|message| is_further(table(message)));
        Ok(further
            .filter_map(|message| parsed(&message).map(|(on, route)| (on, table(&message), route)))
            .collect())
    }

    /// Adds a route, or replaces the one with the same destination and metric.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused (the gateway is in no subnet of the interface).
    pub async fn add_route(&self, device: &IfName, route: &Route) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::NewRoute(route_message(self.index(device).await?, route));
        let done = self.change(message, NLM_F_CREATE | NLM_F_REPLACE).await;
        done.map_err(|source| NetError::AddRoute {
            device: device.clone(),
            destination: route.destination,
            gateway: route.gateway,
            source,
        })
    }

    /// Removes a route. Nothing happens where it is not there.
    ///
    /// # Errors
    /// Removes a route. A missing route is no error.
    pub async fn del_route(&self, device: &IfName, route: &Route) -> Result<(), NetError> {
        let message = RouteNetlinkMessage::DelRoute(route_message(self.index(device).await?, route));
        match self.change(message, 0).await {
            Err(source) if !is_errno(&source, ESRCH) => Err(NetError::DelRoute {
                device: device.clone(),
                destination: route.destination,
                gateway: route.gateway,
                source,
            }),
            _ => Ok(()),
        }
    }
}

fn route_message(index: u32, route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match route.destination {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.kind = RouteType::Unicast;
    message.header.scope = if route.gateway.is_some() { RouteScope::Universe } else { RouteScope::Link };
    message.header.destination_prefix_length = route.destination.prefix_len();
    if route.destination.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route.destination.network().into()));
    }
    message.attributes.push(RouteAttribute::Oif(index));
    message.attributes.extend(route.gateway.map(|gateway| RouteAttribute::Gateway(gateway.into())));
    message.attributes.extend(route.metric.map(RouteAttribute::Priority));
    message
}

fn read(message: RouteNetlinkMessage) -> Option<(u32, Route)> {
    let message = added(message).filter(|message| table(message) == u32::from(RouteHeader::RT_TABLE_MAIN))?;
    parsed(&message)
}

/// A route that the kernel did not add by itself.
fn added(message: RouteNetlinkMessage) -> Option<RouteMessage> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    let is_added = header.kind == RouteType::Unicast
        && !matches!(header.protocol, RouteProtocol::Kernel | RouteProtocol::Ra);
    is_added.then_some(message)
}

/// The header has 8 bits for it, an attribute 32 (rtnetlink(7), RTA_TABLE).
fn table(message: &RouteMessage) -> u32 {
    let attribute = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    attribute.unwrap_or(u32::from(message.header.table))
}

/// `RT_TABLE_LOCAL` (255) is the kernel's; 253 (`default`) and 254 (`main`) are where routes are looked up without rules.
fn is_further(table: u32) -> bool {
    !matches!(table, 0 | 253..=255)
}

fn parsed(message: &RouteMessage) -> Option<(u32, Route)> {
    let header = &message.header;
    let any = match header.address_family {
        AddressFamily::Inet => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let (mut destination, mut gateway, mut metric, mut through) = (any, None, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = ip(address)?,
            RouteAttribute::Gateway(address) => gateway = ip(address),
            RouteAttribute::Priority(priority) => metric = Some(*priority),
            RouteAttribute::Oif(oif) => through = Some(*oif),
            _ => {}
        }
    }
    let destination = IpNet::new(destination, header.destination_prefix_length).ok()?;
    Some((through?, Route { destination, gateway, metric }))
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
