//! Interfaces as the kernel describes them.

use std::io;

use inventory::{IfName, MacAddr};
use nix::libc::ENODEV;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    BridgeStpState, InfoBond, InfoBridge, InfoData, InfoKind, InfoVlan, LinkAttribute, LinkExtentMask,
    LinkFlags, LinkInfo, LinkLayerType, LinkMessage, Prop, State,
};
use serde::{Deserialize, Serialize};

use crate::bond::option_of;
use crate::error::NetError;
use crate::kernel::Kernel;

/// One interface of a network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Index, not reused in this namespace while the machine runs.
    pub index: u32,
    /// Its name.
    pub name: IfName,
    /// Device type.
    pub kind: Kind,
    /// MAC; `None`: no MAC, or one of another length (InfiniBand, tunnels).
    pub mac: Option<MacAddr>,
    /// MAC of the hardware (`IFLA_PERM_ADDRESS`); software devices have none.
    pub permanent_mac: Option<MacAddr>,
    /// Alternative names (`ip link property add .. altname`).
    pub altnames: Vec<String>,
    /// MTU in bytes.
    pub mtu: u32,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// Has a carrier (`IFF_LOWER_UP`); of a veth: the other end is up too.
    pub running: bool,
    /// Index of the bridge or bond whose port it is.
    pub master: Option<u32>,
    /// `IFLA_LINK_NETNSID`; set if the other end is in another network namespace.
    pub peer_netns: Option<i32>,
    /// `ip link set .. alias`.
    pub alias: Option<String>,
    /// Kind of frames.
    pub layer: Layer,
    /// Maximum MTU in bytes (`IFLA_MAX_MTU`); `None`: the driver reports no limit.
    pub max_mtu: Option<u32>,
    /// Settings of its kind.
    pub settings: Settings,
}

/// The hardware type (`ARPHRD_*`, linux/if_arp.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Ethernet frames: what bonds, VLANs and bridges carry.
    Ethernet,
    /// IP over InfiniBand.
    Infiniband,
    /// Anything else: loopback, tunnels.
    Other,
}

/// Settings of one kind of device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Settings {
    /// None that are read here.
    #[default]
    None,
    /// A bridge.
    Bridge(BridgeSettings),
    /// A VLAN device.
    Vlan {
        /// Index of the NIC or bond below it.
        parent: u32,
        /// The VLAN.
        id: u16,
    },
    /// One end of a veth pair.
    Veth {
        /// Index of the other end in its namespace.
        peer: u32,
    },
    /// A bond.
    Bond {
        /// Options with the driver's names, in the form of [`crate::bond::canonical`], without `primary`.
        options: Vec<(String, String)>,
        /// Index of the primary port.
        primary: Option<u32>,
    },
}

/// When a bridge's ports forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeSettings {
    /// Spanning tree protocol: with it a new port is silent for twice the forward delay.
    pub stp: bool,
    /// Hundredths of a second. Used only with STP (net/bridge/br_stp.c, br_make_forwarding).
    pub forward_delay: u32,
}

impl BridgeSettings {
    /// The settings of our bridges: no spanning tree, and a port forwards at once.
    pub const OURS: Self = Self { stp: false, forward_delay: 0 };
}

/// Device type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A Linux bridge.
    Bridge,
    /// A bond.
    Bond,
    /// A VLAN of a NIC or bond.
    Vlan,
    /// One end of a veth pair.
    Veth,
    /// Another software device, with the kernel's name of its type; empty for hardware.
    Other(String),
}

impl Kernel {
    /// All interfaces, except those whose name is not a valid [`IfName`]: none of ours has such a name.
    ///
    /// # Errors
    /// The dump failed, or changed during each attempt.
    pub async fn links(&self) -> Result<Vec<Link>, NetError> {
        let mut all = LinkMessage::default();
        // counters are half of the answer and not used
        all.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        let dumped = self.dump(RouteNetlinkMessage::GetLink(all)).await;
        let messages = dumped.map_err(|source| NetError::List { what: "interfaces", source })?;
        Ok(messages.into_iter().filter_map(read).collect())
    }

    /// One interface; `None` if it does not exist.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub async fn link(&self, name: &IfName) -> Result<Option<Link>, NetError> {
        match self.get(RouteNetlinkMessage::GetLink(link_message(name))).await {
            Ok(message) => Ok(read(message)),
            Err(source) if is_errno(&source, ENODEV) => Ok(None),
            Err(source) => Err(NetError::List { what: "interfaces", source }),
        }
    }

    /// Whether the operational state is up (RFC 2863), so that sent frames leave the interface. The kernel sets it
    /// some milliseconds after the carrier, and drops frames silently until then (net/core/link_watch.c,
    /// `dev_activate`). Losing a first ARP request that way costs a second.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel did not answer.
    pub async fn is_operational(&self, name: &IfName) -> Result<bool, NetError> {
        match self.get(RouteNetlinkMessage::GetLink(link_message(name))).await {
            Ok(RouteNetlinkMessage::NewLink(message)) => {
                Ok(message.attributes.contains(&LinkAttribute::OperState(State::Up)))
            }
            Ok(_) => Ok(false),
            Err(source) if is_errno(&source, ENODEV) => Err(NetError::Missing { device: name.clone() }),
            Err(source) => Err(NetError::List { what: "interfaces", source }),
        }
    }

    /// The index of an interface that must exist.
    pub(crate) async fn index(&self, name: &IfName) -> Result<u32, NetError> {
        let found = self.link(name).await?;
        found.map(|link| link.index).ok_or_else(|| NetError::Missing { device: name.clone() })
    }
}

/// A message about the interface of this name. The kernel looks it up by name, because the index is 0.
pub(crate) fn link_message(name: &IfName) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_string()));
    message
}

/// Whether an error is this errno.
pub(crate) fn is_errno(error: &io::Error, errno: i32) -> bool {
    error.raw_os_error() == Some(errno)
}

fn read(message: RouteNetlinkMessage) -> Option<Link> {
    match message {
        RouteNetlinkMessage::NewLink(message) => parse(message),
        _ => None,
    }
}

fn parse(message: LinkMessage) -> Option<Link> {
    let mut name = None;
    let mut link = Link {
        index: message.header.index,
        name: "?".parse().ok()?,
        kind: Kind::Other(String::new()),
        mac: None,
        permanent_mac: None,
        altnames: Vec::new(),
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        running: message.header.flags.contains(LinkFlags::LowerUp),
        master: None,
        peer_netns: None,
        alias: None,
        layer: layer(message.header.link_layer_type),
        max_mtu: None,
        settings: Settings::None,
    };
    let mut parent = None;
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = text.parse().ok(),
            LinkAttribute::Address(bytes) => link.mac = ethernet(bytes),
            LinkAttribute::PermAddress(bytes) => link.permanent_mac = ethernet(bytes),
            LinkAttribute::PropList(props) => link.altnames = props.into_iter().filter_map(altname).collect(),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Controller(index) => link.master = Some(index),
            LinkAttribute::LinkNetNsId(id) => link.peer_netns = Some(id),
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::MaxMtu(max) => link.max_mtu = (max > 0).then_some(max),
            LinkAttribute::Link(index) => parent = Some(index),
            LinkAttribute::LinkInfo(infos) => (link.kind, link.settings) = info(infos),
            _ => {}
        }
    }
    link.name = name?;
    match (&mut link.settings, parent) {
        (Settings::Vlan { parent: on, .. }, Some(parent)) => *on = parent,
        (Settings::None, Some(peer)) if link.kind == Kind::Veth => link.settings = Settings::Veth { peer },
        _ => {}
    }
    Some(link)
}

fn ethernet(bytes: Vec<u8>) -> Option<MacAddr> {
    <[u8; 6]>::try_from(bytes).ok().map(MacAddr::from)
}

fn altname(property: Prop) -> Option<String> {
    match property {
        Prop::AltIfName(name) => Some(name),
        _ => None,
    }
}

fn layer(hardware: LinkLayerType) -> Layer {
    match hardware {
        LinkLayerType::Ether => Layer::Ethernet,
        LinkLayerType::Infiniband => Layer::Infiniband,
        _ => Layer::Other,
    }
}

fn info(infos: Vec<LinkInfo>) -> (Kind, Settings) {
    let (mut kind, mut settings) = (Kind::Other(String::new()), Settings::None);
    for info in infos {
        match info {
            LinkInfo::Kind(InfoKind::Bridge) => kind = Kind::Bridge,
            LinkInfo::Kind(InfoKind::Bond) => kind = Kind::Bond,
            LinkInfo::Kind(InfoKind::Vlan) => kind = Kind::Vlan,
            LinkInfo::Kind(InfoKind::Veth) => kind = Kind::Veth,
            LinkInfo::Kind(other) => kind = Kind::Other(other.to_string()),
            LinkInfo::Data(InfoData::Bridge(infos)) => settings = Settings::Bridge(bridge(&infos)),
            LinkInfo::Data(InfoData::Bond(infos)) => settings = bond(&infos),
            LinkInfo::Data(InfoData::Vlan(infos)) => {
                let id = infos.iter().find_map(|info| match info {
                    InfoVlan::Id(id) => Some(*id),
                    _ => None,
                });
                settings = Settings::Vlan { parent: 0, id: id.unwrap_or_default() };
            }
            _ => {}
        }
    }
    (kind, settings)
}

fn bridge(infos: &[InfoBridge]) -> BridgeSettings {
    let mut settings = BridgeSettings::OURS;
    for info in infos {
        match info {
            InfoBridge::StpState(state) => settings.stp = *state != BridgeStpState::Disabled,
            InfoBridge::ForwardDelay(delay) => settings.forward_delay = *delay,
            _ => {}
        }
    }
    settings
}

fn bond(infos: &[InfoBond]) -> Settings {
    let known = infos.iter().filter_map(option_of);
    let primary = infos.iter().find_map(|info| match info {
        InfoBond::Primary(index) => Some(*index).filter(|index| *index > 0),
        _ => None,
    });
    Settings::Bond { options: known.map(|(name, value)| (name.to_owned(), value)).collect(), primary }
}
