//! Neighbour caches and the forwarding databases of Linux bridges.

use std::net::IpAddr;
use std::time::Duration;

use inventory::{IfName, MacAddr};
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState as State,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::error::NetError;
use crate::kernel::Kernel;

/// `USER_HZ` is 100 on all architectures of Linux that we build for.
const TICK_MILLIS: u64 = 10;

/// An entry of a neighbour cache (ARP or NDP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of its interface.
    pub device: u32,
    /// Its IP address.
    pub address: IpAddr,
    /// Its MAC; `None`: not known.
    pub mac: Option<MacAddr>,
    /// Who set the MAC.
    pub state: NeighbourState,
}

/// State of an entry (ip-neighbour(8), `nud`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourState {
    /// Learned from the neighbour's answers.
    Learned,
    /// Set by a program or a person; the kernel does not verify it.
    Permanent,
    /// The neighbour does not answer.
    Failed,
}

/// An entry of a bridge's forwarding database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FdbEntry {
    /// The MAC.
    pub mac: MacAddr,
    /// Index of the bridge.
    pub bridge: u32,
    /// Index of the port behind which the MAC is.
    pub port: u32,
    /// Set by a program or a person, and not learned from frames.
    pub fixed: bool,
    /// The MAC is the port's own: frames to it are for this host.
    pub local: bool,
    /// Time since the last frame from the MAC.
    pub age: Option<Duration>,
}

impl Kernel {
    /// All entries of the neighbour caches that concern one neighbour.
    ///
    /// # Errors
    /// The dump failed.
    pub async fn neighbours(&self) -> Result<Vec<Neighbour>, NetError> {
        let dumped = self.dump(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default())).await;
        let messages = dumped.map_err(|source| NetError::List { what: "neighbours", source })?;
        Ok(messages.into_iter().filter_map(neighbour).collect())
    }

    /// Makes a bridge forward frames for a MAC to this port, until it learns otherwise: as if the MAC had sent a frame there.
    ///
    /// # Errors
    /// [`NetError::Missing`], or it is no bridge port, or it is not up.
    pub async fn learn(&self, port: &IfName, mac: MacAddr) -> Result<(), NetError> {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        message.header.ifindex = self.index(port).await?;
        message.header.state = State::Reachable;
        message.header.flags = NeighbourFlags::Controller;
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.octets().to_vec()));
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        let learned = self.change(RouteNetlinkMessage::NewNeighbour(message), flags).await;
        learned.map_err(|source| NetError::Set {
            device: port.clone(),
            property: format!("forwarding of {mac}"),
            source,
        })
    }

    /// The forwarding databases of all Linux bridges.
    ///
    /// # Errors
    /// The dump failed.
    pub async fn forwarding_database(&self) -> Result<Vec<FdbEntry>, NetError> {
        let mut all = NeighbourMessage::default();
        all.header.family = AddressFamily::Bridge;
        let dumped = self.dump(RouteNetlinkMessage::GetNeighbour(all)).await;
        let messages =
            dumped.map_err(|source| NetError::List { what: "forwarding databases of bridges", source })?;
        Ok(messages.into_iter().filter_map(fdb_entry).collect())
    }
}

fn neighbour(message: RouteNetlinkMessage) -> Option<Neighbour> {
    let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
    let state = match message.header.state {
        State::Permanent => NeighbourState::Permanent,
        State::Failed | State::Incomplete => NeighbourState::Failed,
        State::Reachable | State::Stale | State::Delay | State::Probe => NeighbourState::Learned,
        // multicast and broadcast addresses, and devices without neighbours
        _ => return None,
    };
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    });
    Some(Neighbour { device: message.header.ifindex, address: address?, mac: mac(&message), state })
}

fn fdb_entry(message: RouteNetlinkMessage) -> Option<FdbEntry> {
    let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
    let bridge = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Controller(index) => Some(*index),
        _ => None,
    });
    Some(FdbEntry {
        mac: mac(&message)?,
        bridge: bridge?,
        port: message.header.ifindex,
        // net/bridge/br_fdb.c, fdb_to_nud
        fixed: matches!(message.header.state, State::Permanent | State::Noarp),
        local: message.header.state == State::Permanent,
        age: message.attributes.iter().find_map(|attribute| match attribute {
            NeighbourAttribute::CacheInfo(times) => {
                Some(Duration::from_millis(u64::from(times.updated) * TICK_MILLIS))
            }
            _ => None,
        }),
    })
}

fn mac(message: &NeighbourMessage) -> Option<MacAddr> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => {
            <[u8; 6]>::try_from(bytes.as_slice()).ok().map(MacAddr::from)
        }
        _ => None,
    })
}
