//! Settings of bridges that published ports need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use inventory::IfName;
use nix::libc::ENODEV;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, LinkAttribute, LinkInfo,
    LinkMessage,
};

use super::Publication;
use super::rules::{family_of, loopback_devices};
use crate::error::NetError;
use crate::firewall::Family;
use crate::kernel::Kernel;
use crate::link::{is_errno, link_message};

/// What the packet filter sees of a bridge's frames, and which packets of the host may leave through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeFilter {
    /// The bridge; also another device, which has only `route_localnet`.
    pub device: IfName,
    /// Whether bridged IPv4 frames pass iptables (`nf_call_iptables`).
    pub v4: bool,
    /// Whether bridged IPv6 frames pass ip6tables (`nf_call_ip6tables`).
    pub v6: bool,
    /// Whether packets from the host's loopback addresses may leave through the bridge (`route_localnet`).
    pub loopback: bool,
}

impl fmt::Display for BridgeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, v4, v6, loopback } = self;
        let (v4, v6, loopback) = (u8::from(*v4), u8::from(*v6), u8::from(*loopback));
        write!(
            f,
            "set nf_call_iptables {v4}, nf_call_ip6tables {v6} and route_localnet {loopback} on {device}"
        )
    }
}

/// The changes of devices. `nf_call_iptables` stays when no port needs it any longer: Docker sets it for all bridges.
/// `protected`: devices whose `route_localnet` we have set.
pub(super) fn plan(
    published: &[Publication],
    protected: &BTreeSet<&str>,
    observed: &[BridgeFilter],
) -> Vec<BridgeFilter> {
    let mut wanted: BTreeMap<&IfName, (bool, bool)> = BTreeMap::new();
    for publication in published.iter().filter(|publication| publication.bridge_port.is_some()) {
        let (v4, v6) = wanted.entry(&publication.device).or_default();
        match family_of(&publication.address) {
            Family::V4 => *v4 = true,
            Family::V6 => *v6 = true,
        }
    }
    let all: Vec<&Publication> = published.iter().collect();
    let loopback = loopback_devices(&all);
    let correct = |found: &BridgeFilter| {
        let (v4, v6) = wanted.get(&found.device).copied().unwrap_or_default();
        let needs_loopback = loopback.contains(&found.device);
        let loopback = needs_loopback || found.loopback && !protected.contains(found.device.as_str());
        let needed = BridgeFilter { v4: found.v4 || v4, v6: found.v6 || v6, loopback, ..found.clone() };
        (needed != *found).then_some(needed)
    };
    observed.iter().filter_map(correct).collect()
}

impl Kernel {
    /// The settings of a bridge or another device; `None`: it does not exist.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub async fn bridge_filter(&self, bridge: &IfName) -> Result<Option<BridgeFilter>, NetError> {
        let message = match self.get(RouteNetlinkMessage::GetLink(link_message(bridge))).await {
            Ok(RouteNetlinkMessage::NewLink(message)) => message,
            Ok(_) => return Ok(None),
            Err(source) if is_errno(&source, ENODEV) => return Ok(None),
            Err(source) => return Err(NetError::List { what: "interfaces", source }),
        };
        let (v4, v6) = calls(message);
        let loopback = durable::read_text(&route_localnet(bridge)).ok().flatten();
        let loopback = loopback.is_some_and(|text| text.trim() == "1");
        Ok(Some(BridgeFilter { device: bridge.clone(), v4, v6, loopback }))
    }

    /// Changes the settings of a bridge.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_bridge_filter(&self, filter: &BridgeFilter) -> Result<(), NetError> {
        let bridge = &filter.device;
        if filter.v4 || filter.v6 {
            let calls = vec![InfoBridge::NfCallIpTables(filter.v4), InfoBridge::NfCallIp6Tables(filter.v6)];
            let mut message = link_message(bridge);
            let data = LinkInfo::Data(InfoData::Bridge(calls));
            message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), data]));
            self.set_info(bridge, message, || "nf_call_iptables".to_owned()).await?;
        }
        let value = u8::from(filter.loopback).to_string();
        std::fs::write(route_localnet(bridge), &value).map_err(|source| NetError::Set {
            device: bridge.clone(),
            property: format!("route_localnet {value}"),
            source,
        })
    }

    /// Whether a port of a bridge sends frames to itself; `None`: no such port.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub async fn is_hairpin(&self, port: &IfName) -> Result<Option<bool>, NetError> {
        match self.get(RouteNetlinkMessage::GetLink(link_message(port))).await {
            Ok(RouteNetlinkMessage::NewLink(message)) => Ok(hairpin(message)),
            Ok(_) => Ok(None),
            Err(source) if is_errno(&source, ENODEV) => Ok(None),
            Err(source) => Err(NetError::List { what: "interfaces", source }),
        }
    }

    /// Lets a port of a bridge send frames to itself, so that a container reaches its own published ports.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn set_hairpin(&self, port: &IfName) -> Result<(), NetError> {
        let mut message = link_message(port);
        let data = LinkInfo::PortData(InfoPortData::BridgePort(vec![InfoBridgePort::HairpinMode(true)]));
        message
            .attributes
            .push(LinkAttribute::LinkInfo(vec![LinkInfo::PortKind(InfoPortKind::Bridge), data]));
        self.set_info(port, message, || "hairpin mode".to_owned()).await
    }
}

/// Whether a port of a bridge sends frames to itself; `None`: no such port.
fn hairpin(message: LinkMessage) -> Option<bool> {
    let infos = message.attributes.into_iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    let port = infos.flatten().find_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(infos)) => Some(infos),
        _ => None,
    });
    Some(port?.contains(&InfoBridgePort::HairpinMode(true)))
}

fn route_localnet(bridge: &IfName) -> PathBuf {
    Path::new("/proc/sys/net/ipv4/conf").join(bridge.as_str()).join("route_localnet")
}

/// `nf_call_iptables` and `nf_call_ip6tables`.
fn calls(message: LinkMessage) -> (bool, bool) {
    let infos = message.attributes.into_iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    let bridge = infos.flatten().find_map(|info| match info {
        LinkInfo::Data(InfoData::Bridge(infos)) => Some(infos),
        _ => None,
    });
    let bridge = bridge.unwrap_or_default();
    let has = |wanted: &InfoBridge| bridge.contains(wanted);
    (has(&InfoBridge::NfCallIpTables(true)), has(&InfoBridge::NfCallIp6Tables(true)))
}
