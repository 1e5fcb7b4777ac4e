//! A step in words, as `--dry-run` prints it and an error names it.

use std::fmt;

use hostnet::{HostIpFilter, Route};

use super::step::{LinkKind, Step};

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddBridge(spec) => write!(f, "add bridge {}", spec.name),
            Self::AddBond(spec) => write!(f, "add bond {} with {}", spec.name, Options(&spec.options)),
            Self::AddVlan(spec) => write!(f, "add {} for VLAN {} of {}", spec.name, spec.id, spec.parent),
            Self::RemoveBridge(spec) => write!(f, "remove bridge {}", spec.name),
            Self::RemoveBond(spec) => write!(f, "remove bond {}", spec.name),
            Self::RemoveVlan(spec) => write!(f, "remove VLAN {}", spec.name),
            Self::Delete { kind, device } => write!(f, "delete {kind} {device}"),
            Self::SetBridge { device, from, to } => write!(f, "set {device} from {from} to {to}"),
            Self::SetBond { device, from, to } => {
                write!(f, "set {device} from {} to {}", Options(from), Options(to))
            }
            Self::SetMtu { device, from, to } => write!(f, "set mtu of {device} from {from} to {to}"),
            Self::SetHostIpFilter { device, to: HostIpFilter::BLOCKED, .. } => {
                write!(f, "have only the switch hear {device}")
            }
            Self::SetHostIpFilter { device, .. } => write!(f, "have the host itself hear {device}"),
            Self::StopManager(manager) => write!(f, "stop {manager} until its files are new"),
            Self::StartManager(manager) => write!(f, "start {manager}"),
            Self::DisableTxChecksumOffload(port) => {
                write!(f, "have the container behind {port} compute its checksums")
            }
            Self::SetUp(device) => write!(f, "set {device} up"),
            Self::SetDown(device) => write!(f, "set {device} down"),
            Self::AddAddress(device, address) => write!(f, "add {address} to {device}"),
            Self::DelAddress(device, address) => write!(f, "remove {address} from {device}"),
            Self::Enslave { port, bridge } => write!(f, "make {port} a port of {bridge}"),
            Self::WaitOperational(bridge) => write!(f, "wait for {bridge} to be operational"),
            Self::Release { port, bridge } => write!(f, "take {port} out of {bridge}"),
            Self::Route { device, route, .. } => write!(f, "route {} through {device}", RouteText(route)),
            Self::DelRoute(device, route) => {
                write!(f, "remove the route {} through {device}", RouteText(route))
            }
            Self::AddToZone { device, zone } => write!(f, "add {device} to firewalld's zone {zone}"),
            Self::RemoveFromZone { device, zone } => {
                write!(f, "remove {device} from firewalld's zone {zone}")
            }
            _ => self.of_switch(f),
        }
    }
}

impl Step {
    fn of_switch(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddOvs(spec) => {
                write!(f, "add Open vSwitch bridge {}", spec.name)?;
                spec.uplink.as_ref().map_or(Ok(()), |uplink| write!(f, " with port {uplink}"))?;
                spec.tag.map_or(Ok(()), |tag| write!(f, ", itself in VLAN {tag}"))
            }
            Self::RemoveOvs(spec) => write!(f, "remove Open vSwitch bridge {}", spec.name),
            Self::DelOvs(name) => write!(f, "delete Open vSwitch bridge {name}"),
            Self::SetOvs(spec) => {
                write!(f, "put spanning tree, mtu and address of Open vSwitch bridge {} right", spec.name)
            }
            Self::Plug { port, bridge } => write!(f, "plug {port} into Open vSwitch bridge {bridge}"),
            Self::Unplug { port, bridge } => write!(f, "unplug {port} from Open vSwitch bridge {bridge}"),
            Self::SetTag { port, from, to } => {
                write!(f, "move {port} from {} to {}", Tag(*from), Tag(*to))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Bond => "bond",
            Self::Vlan => "VLAN",
        })
    }
}

struct Options<'a>(&'a [(String, String)]);

impl fmt::Display for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&words.join(" "))
    }
}

struct Tag(Option<u16>);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(tag) => write!(f, "VLAN {tag}"),
            None => f.write_str("no VLAN"),
        }
    }
}

/// A route as `ip route` takes it, without its device.
pub struct RouteText<'a>(pub &'a Route);

impl fmt::Display for RouteText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.destination.prefix_len() {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.0.destination)?,
        }
        self.0.gateway.map_or(Ok(()), |gateway| write!(f, " via {gateway}"))?;
        self.0.metric.map_or(Ok(()), |metric| write!(f, " metric {metric}"))
    }
}
