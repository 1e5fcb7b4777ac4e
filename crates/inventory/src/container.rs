//! A container node as the tables define it, with parsed values.

mod port_list;
mod ports;
mod settings;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use crate::mac::MacAddr;
use crate::name::{IfName, NetName, NodeName};

pub(crate) use port_list::addresses_meet;
pub use port_list::{PortList, PortRun, PublishedPort, port_runs};
pub use ports::{ExposedPorts, PortRange, Protocol, PublishedPorts};
pub use settings::{Device, ExtraHost, Gpus, Health, Settings, Swap, Tmpfs, Ulimit};

/// Specification of a container node (`nodehm.mgt` is `docker`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerSpec {
    /// Name of the node and of its container; default host name.
    pub node: NodeName,
    /// Host of the container (`vm.host`).
    pub host: DockerHost,
    /// Image (`nodetype.provmethod` before the `!`); `None`: not in the tables, `mk` needs `image=`.
    pub image: Option<String>,
    /// Command and arguments (`nodetype.provmethod` after the `!`); `None`: the image's command.
    pub command: Option<Vec<String>>,
    /// `vm.cpus`.
    pub cpus: Option<Cpus>,
    /// `vm.memory`, in bytes.
    pub memory: Option<u64>,
    /// Attachments, first that of `hosts.ip`; never empty.
    pub attachments: Vec<Attachment>,
    /// `vm.storage`.
    pub volumes: Vec<VolumeMount>,
    /// `vm.othersettings`.
    pub settings: Settings,
}

/// `vm.host`: node name of the host, and optionally the port of its engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DockerHost {
    /// Node name of the host.
    pub name: NodeName,
    /// Port of the engine if the column has `host:port` (xCAT's form): TCP with mutual TLS. Never Docker's port without TLS.
    pub port: Option<u16>,
}

/// CPU limit of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Cpus {
    /// A number of CPUs, in 1e-9 CPU (Docker's `NanoCpus`): `2`, `0.5`.
    Amount(u64),
    /// A set of CPUs by number (Docker's `CpusetCpus`): `0-1`, `0,2`.
    Set(String),
}

/// A container's attachment to a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The network.
    pub network: NetName,
    /// Interface name: `eth0` for `hosts.ip`, else the name in `nics`.
    pub nic: IfName,
    /// From `mac.mac`, else derived ([`MacAddr::derive`]).
    pub mac: MacAddr,
    /// Addresses, at most one of each family; never empty.
    #[serde(deserialize_with = "tight")]
    pub addresses: Vec<IpAddr>,
}

/// A vector without spare capacity. serde allocates room for four elements instead of one, which is a quarter of the memory
/// that netd needs for a snapshot of ten thousand nodes.
pub(crate) fn tight<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let mut vector = Vec::deserialize(deserializer)?;
    vector.shrink_to_fit();
    Ok(vector)
}

impl Attachment {
    /// The IPv4 address, if there is one.
    pub fn ipv4(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv4)
    }

    /// The IPv6 address, if there is one.
    pub fn ipv6(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv6)
    }
}

/// One item of `vm.storage`: `SOURCE:TARGET[:OPTIONS]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeMount {
    /// Name of a volume, or an absolute path on the host.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// Mount options in Docker's form: `ro`, `z`, `rslave`. Without `rw`, which is the default.
    pub options: Vec<&'static str>,
}

/// A name for another container, which may be on another host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Node of the other container.
    pub node: NodeName,
    /// Name in this container; default: the node's name.
    pub alias: String,
}

/// A row (or, dual stack, two rows of one `netname`) of `networks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// `netname`.
    pub name: NetName,
    /// `net`/`mask`, at most one of each family, IPv4 first; never empty.
    pub subnets: Vec<IpNet>,
    /// `gateway` of each family that has one.
    #[serde(default)]
    pub gateways: Vec<IpAddr>,
    /// `vlanid`, 1 to 4094.
    #[serde(default)]
    pub vlan: Option<u16>,
    /// `mtu`, bytes.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Containers on it reach only those that they link to (`xdockisolate` of `site`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub isolate: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}

impl Network {
    /// The subnet that contains `address`.
    pub fn subnet_of(&self, address: IpAddr) -> Option<IpNet> {
        self.subnets.iter().copied().find(|subnet| subnet.contains(&address))
    }
}
