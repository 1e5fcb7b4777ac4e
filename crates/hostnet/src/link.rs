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

use crate::bond::told;
use crate::error::NetError;
use crate::kernel::Kernel;

/// One interface of a network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number, never given to another interface of this namespace while the machine runs.
    pub index: u32,
    /// Its name.
    pub name: IfName,
    /// What it is.
    pub kind: Kind,
    /// Its own Ethernet address; `None` where it has none or one of another length (InfiniBand, tunnels).
    pub mac: Option<MacAddr>,
    /// The Ethernet address that the hardware came with (`IFLA_PERM_ADDRESS`); software devices have none.
    pub permanent_mac: Option<MacAddr>,
    /// Its alternative names (`ip link property add .. altname`).
    pub altnames: Vec<String>,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// Switched on (`IFF_UP`).
    pub up: bool,
    /// Has a carrier (`IFF_LOWER_UP`): of a veth, the other end is up too.
    pub running: bool,
    /// Index of the bridge that it is a port of.
    pub master: Option<u32>,
    /// `IFLA_LINK_NETNSID`: the other end is in another network namespace.
    pub peer_netns: Option<i32>,
    /// `ip link set .. alias`.
    pub alias: Option<String>,
    /// What its frames are.
    pub layer: Layer,
    /// Largest MTU that it takes, in bytes (`IFLA_MAX_MTU`); `None`: its driver tells no limit.
    pub max_mtu: Option<u32>,
    /// What its kind has besides.
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

/// What is set of one kind of device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Settings {
    /// Nothing that we look at.
    #[default]
    None,
    /// Of a bridge.
    Bridge(BridgeSettings),
    /// Of a VLAN.
    Vlan {
        /// Index of the NIC or bond that carries it.
        parent: u32,
        /// The VLAN.
        id: u16,
    },
    /// Of a bond.
    Bond {
        /// The driver's options by their own names, as [`crate::bond::canonical`] writes them; without `primary`.
        options: Vec<(String, String)>,
        /// Index of the port that is preferred.
        primary: Option<u32>,
    },
}

/// What decides how soon a port of a bridge forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeSettings {
    /// Whether it speaks the spanning tree protocol: a new port is then silent for twice the forward delay.
    pub stp: bool,
    /// In hundredths of a second. It counts with STP only (net/bridge/br_stp.c, br_make_forwarding).
    pub forward_delay: u32,
}

impl BridgeSettings {
    /// What our bridges have: no spanning tree, and a port forwards at once.
    pub const OURS: Self = Self { stp: false, forward_delay: 0 };
}

/// What sort of interface it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A Linux bridge.
    Bridge,
    /// Several NICs as one.
    Bond,
    /// One VLAN of a NIC or bond.
    Vlan,
    /// One end of a veth pair.
    Veth,
    /// The kernel's word for another software device; empty for hardware.
    Other(String),
}

impl Kernel {
    /// All interfaces. One whose name no table could hold (see [`IfName`]) is left out: none of ours is.
    ///
    /// # Errors
    /// No dump, or one that changed each time.
    pub async fn links(&self) -> Result<Vec<Link>, NetError> {
        let mut all = LinkMessage::default();
        // the counters are half of the answer, and nobody reads them
        all.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        let dumped = self.dump(RouteNetlinkMessage::GetLink(all)).await;
        let messages = dumped.map_err(|source| NetError::List { what: "interfaces", source })?;
        Ok(messages.into_iter().filter_map(read).collect())
    }

    /// One interface, if it is there.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub async fn link(&self, name: &IfName) -> Result<Option<Link>, NetError> {
        match self.get(RouteNetlinkMessage::GetLink(named(name))).await {
            Ok(message) => Ok(read(message)),
            Err(source) if is(&source, ENODEV) => Ok(None),
            Err(source) => Err(NetError::List { what: "interfaces", source }),
        }
    }

    /// Whether what is sent through it leaves: its operational state is up (RFC 2863). The kernel sets that some
    /// milliseconds after the carrier came, and drops silently until then (net/core/link_watch.c, `dev_activate`); a first
    /// ARP request that is lost that way costs a second.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel did not answer.
    pub async fn is_operational(&self, name: &IfName) -> Result<bool, NetError> {
        match self.get(RouteNetlinkMessage::GetLink(named(name))).await {
            Ok(RouteNetlinkMessage::NewLink(message)) => {
                Ok(message.attributes.contains(&LinkAttribute::OperState(State::Up)))
            }
            Ok(_) => Ok(false),
            Err(source) if is(&source, ENODEV) => Err(NetError::Missing { device: name.clone() }),
            Err(source) => Err(NetError::List { what: "interfaces", source }),
        }
    }

    /// Index of an interface that has to be there.
    pub(crate) async fn index(&self, name: &IfName) -> Result<u32, NetError> {
        let found = self.link(name).await?;
        found.map(|link| link.index).ok_or_else(|| NetError::Missing { device: name.clone() })
    }
}

/// A message about the interface of that name; the kernel finds it by name where the index is 0.
pub(crate) fn named(name: &IfName) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_string()));
    message
}

/// Whether an error is that errno.
pub(crate) fn is(error: &io::Error, errno: i32) -> bool {
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
    if let (Settings::Vlan { parent: on, .. }, Some(parent)) = (&mut link.settings, parent) {
        *on = parent;
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
    let known = infos.iter().filter_map(told);
    let primary = infos.iter().find_map(|info| match info {
        InfoBond::Primary(index) => Some(*index).filter(|index| *index > 0),
        _ => None,
    });
    Settings::Bond { options: known.map(|(name, value)| (name.to_owned(), value)).collect(), primary }
}
