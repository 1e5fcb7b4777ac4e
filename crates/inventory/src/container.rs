//! A container node as the tables define it, every value parsed.

mod ports;
mod settings;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use crate::mac::MacAddr;
use crate::name::{IfName, NetName, NodeName};

pub use ports::{ExposedPorts, PortRange, Protocol, PublishedPorts};
pub use settings::{Device, ExtraHost, Gpus, Health, Settings, Swap, Tmpfs, Ulimit};

/// All that the tables say of one container node (`nodehm.mgt` is `docker`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerSpec {
    /// Name of the node, of the container, and its hostname.
    pub node: NodeName,
    /// Where it lives (`vm.host`).
    pub host: DockerHost,
    /// Image (`nodetype.provmethod` before the `!`); `None`: the tables name none, `mk` must be told one.
    pub image: Option<String>,
    /// Words of the command (`nodetype.provmethod` after the `!`); `None`: the image's own.
    pub command: Option<Vec<String>>,
    /// `vm.cpus`.
    pub cpus: Option<Cpus>,
    /// `vm.memory`, in bytes.
    pub memory: Option<u64>,
    /// Its networks, the primary one (that of `hosts.ip`) first; never empty.
    pub attachments: Vec<Attachment>,
    /// `vm.storage`.
    pub volumes: Vec<VolumeMount>,
    /// `vm.othersettings`.
    pub settings: Settings,
}

/// `vm.host`: the host's node name, and how its engine is reached where the column says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DockerHost {
    /// Node name of the host.
    pub name: NodeName,
    /// Port of its engine when the column has `host:port` (xCAT's form): TCP with mutual TLS. Never Docker's port without TLS.
    pub port: Option<u16>,
}

/// How much of the host's processors a container gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Cpus {
    /// A number of CPUs, in 1e-9 CPU (Docker's `NanoCpus`): `2`, `0.5`.
    Amount(u64),
    /// A set of CPUs by number (Docker's `CpusetCpus`): `0-1`, `0,2`.
    Set(String),
}

/// A container's place on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The network.
    pub network: NetName,
    /// The interface that the tables name: `eth0` for `hosts.ip`, else the `nics` entry's name.
    pub nic: IfName,
    /// From `mac.mac`, else derived ([`MacAddr::derive`]).
    pub mac: MacAddr,
    /// Addresses, at most one of each family; never empty.
    #[serde(deserialize_with = "tight")]
    pub addresses: Vec<IpAddr>,
}

/// A vector without spare room. serde gives one of a single element room for four, which is a quarter of what netd needs
/// for a snapshot of ten thousand nodes.
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
    /// The IPv4 address, if the tables give one.
    pub fn ipv4(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv4)
    }

    /// The IPv6 address, if the tables give one.
    pub fn ipv6(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv6)
    }
}

/// One item of `vm.storage`: `SOURCE:TARGET[:OPTIONS]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeMount {
    /// A volume's name, or an absolute path of the host.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// Mount options as Docker takes them in a bind: `ro`, `z`, `rslave`. Without `rw`, which is the default.
    pub options: Vec<&'static str>,
}

/// A name in the container for another container on any host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The container node that is meant.
    pub node: NodeName,
    /// The name by which it is known; the node's own where none is given.
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
}

impl Network {
    /// The subnet that `address` is in, if it is in one of them.
    pub fn subnet_of(&self, address: IpAddr) -> Option<IpNet> {
        self.subnets.iter().copied().find(|subnet| subnet.contains(&address))
    }
}
