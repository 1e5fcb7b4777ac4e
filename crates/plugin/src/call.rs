//! Requests of dockerd: one variant per call, all fields parsed.
//!
//! This is the contract between the protocol and the daemon, which needs to know neither HTTP nor JSON. dockerd calls
//! `RequestAddress`, `CreateEndpoint`, `Join` to start a container, and `Leave`, `DeleteEndpoint`, `ReleaseAddress`
//! to stop it. Any call may be repeated, and after a crash any call may be missing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::id::{EndpointId, NetworkId};
use crate::mac::Mac;

/// A call of dockerd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `Plugin.Activate`: the first call of every plugin discovery, also by `docker volume ls`
    /// (moby `pkg/plugins/plugins.go`). Answer: [`Reply::Implements`](crate::Reply::Implements).
    Activate,
    /// `NetworkDriver.*`.
    Network(NetworkCall),
    /// `IpamDriver.*`.
    Ipam(IpamCall),
}

/// The driver of a call; it determines the JSON key of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// The plugin itself.
    Plugin,
    /// `NetworkDriver`.
    Network,
    /// `IpamDriver`.
    Ipam,
}

impl Call {
    /// The driver of this call, for [`render`](crate::render).
    pub fn driver(&self) -> Driver {
        match self {
            Self::Activate => Driver::Plugin,
            Self::Network(_) => Driver::Network,
            Self::Ipam(_) => Driver::Ipam,
        }
    }
}

/// A call of the network driver (moby `daemon/libnetwork/drivers/remote/driver.go`, `api/api.go`).
///
/// `AllocateNetwork` and `FreeNetwork` are only for swarm managers and drivers of global scope; they are
/// unknown paths here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkCall {
    /// Once per start of dockerd, after activation. Must not fail: dockerd does not retry, and the driver would stay
    /// unregistered. Answer: [`Reply::NetworkCapabilities`](crate::Reply::NetworkCapabilities).
    GetCapabilities,
    /// Docker 28 and later, before `CreateNetwork`, and only if our capabilities announce it: asks whether dockerd
    /// should not allocate a gateway address. Answer: [`Reply::GatewayCheck`](crate::Reply::GatewayCheck).
    GwAllocCheck(NetworkOptions),
    /// Create a network. `RequestPool` has granted its pools before. dockerd does not repeat this call when it
    /// starts, so the network must be stored durably.
    CreateNetwork(NewNetwork),
    /// Delete a network that has no endpoints. It may be unknown here (a repeated call).
    DeleteNetwork(NetworkId),
    /// A container starts. `RequestAddress` has granted its addresses before.
    /// Answer: [`Reply::Endpoint`](crate::Reply::Endpoint), see [`NewEndpoint::mac_reply`].
    CreateEndpoint(NewEndpoint),
    /// Twice after each `Join`, and on `docker inspect`. Answer: [`Reply::OperInfo`](crate::Reply::OperInfo).
    EndpointOperInfo(EndpointRef),
    /// Attach an endpoint to the container. The interface of the answer must exist in the host's namespace: dockerd
    /// moves it into the container (`libnetwork/osl/interface_linux.go`). Precondition: `CreateEndpoint`. Answer:
    /// [`Reply::Joined`](crate::Reply::Joined).
    Join(Join),
    /// The container stops. Its interface is still in the container; dockerd moves it back after the answer.
    /// After a crash dockerd skips this call for stale sandboxes.
    Leave(EndpointRef),
    /// The container has stopped, and its interface is back in the host's namespace or was removed with the
    /// container's. The driver must delete it: libnetwork does not.
    DeleteEndpoint(EndpointRef),
    /// The container's default route uses this endpoint. dockerd accepts a 404.
    ProgramExternalConnectivity(EndpointRef),
    /// The opposite, before `Leave`. dockerd accepts a 404.
    RevokeExternalConnectivity(EndpointRef),
    /// A swarm node, or this machine itself, appeared (`libnetwork/discoverapi`).
    DiscoverNew(Discovery),
    /// A swarm node disappeared.
    DiscoverDelete(Discovery),
}

/// A call of the address driver (moby `daemon/libnetwork/ipams/remote/remote.go`, `api/api.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpamCall {
    /// At registration. Answer: [`Reply::IpamCapabilities`](crate::Reply::IpamCapabilities).
    GetCapabilities,
    /// At registration, and before every `RequestPool`. Answer:
    /// [`Reply::AddressSpaces`](crate::Reply::AddressSpaces).
    GetDefaultAddressSpaces,
    /// A network with this subnet is about to be created, or dockerd starts and repeats its requests. Equal requests
    /// must have equal answers. Answer: [`Reply::Pool`](crate::Reply::Pool).
    RequestPool(PoolRequest),
    /// The network was deleted, or could not be created. The pool may be unknown here.
    ReleasePool {
        /// Pool ID that `RequestPool` returned.
        pool: String,
    },
    /// Allocate an address. Precondition: `RequestPool`. dockerd repeats it at its start for each stored endpoint, if
    /// our capabilities request a replay. Answer: [`Reply::Address`](crate::Reply::Address).
    RequestAddress(AddressRequest),
    /// Release an address. Not reliable: it is missing after a crash, and may name an address that was never granted.
    ReleaseAddress {
        /// Pool ID that `RequestPool` returned.
        pool: String,
        /// Address that `RequestAddress` returned, without prefix length.
        address: IpAddr,
    },
}

/// Options of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// The user's `-o KEY=VALUE` (`com.docker.network.generic`).
    pub generic: BTreeMap<String, String>,
    /// `--internal`: the network has no connection to the outside.
    pub internal: bool,
}

/// `CreateNetwork`. It does not contain the network's name: pass the name as an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNetwork {
    /// Network ID of later calls.
    pub network: NetworkId,
    /// Its options.
    pub options: NetworkOptions,
    /// IPv4 subnets; empty if IPv4 is off (Docker 28 and later).
    pub ipv4: Vec<Pool>,
    /// IPv6 subnets; empty without `--ipv6`.
    pub ipv6: Vec<Pool>,
}

/// A subnet of a network (moby `libnetwork/driverapi/driverapi.go`, `IPAMData`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Address space that `GetDefaultAddressSpaces` returned.
    pub address_space: String,
    /// The subnet.
    pub pool: IpNet,
    /// Gateway address with the subnet's prefix length, if dockerd has one.
    pub gateway: Option<IpNet>,
    /// `--aux-address NAME=IP`.
    pub auxiliary: BTreeMap<String, IpNet>,
}

/// One endpoint of one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRef {
    /// The network.
    pub network: NetworkId,
    /// The endpoint.
    pub endpoint: EndpointId,
}

/// `CreateEndpoint`. It does not contain the container's name (moby#52870).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Network and endpoint.
    pub id: EndpointRef,
    /// IPv4 address with the subnet's prefix length.
    pub ipv4: Option<IpNet>,
    /// IPv6 address with the subnet's prefix length.
    pub ipv6: Option<IpNet>,
    /// MAC that dockerd has chosen (`Interface.MacAddress`): the answer must not contain one then.
    pub fixed_mac: Option<Mac>,
    /// MAC that the user asked for (`com.docker.network.endpoint.macaddress`). Equal to `fixed_mac` if both are set.
    pub asked_mac: Option<Mac>,
    /// Ports of the host that the user wants published (`com.docker.network.portmap`). dockerd sends all ports of the
    /// container to each of its endpoints.
    pub ports: Vec<PortBinding>,
    /// All other text options: the endpoint's `--driver-opt KEY=VALUE`.
    pub options: BTreeMap<String, String>,
}

/// A published port (moby `libnetwork/types/types.go`, `PortBinding`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortBinding {
    /// Protocol.
    pub transport: Transport,
    /// Port of the container, 1 or more.
    pub container: u16,
    /// Address of the host; `None`: all of its addresses. `0.0.0.0` and `::` are all addresses of one family.
    pub address: Option<IpAddr>,
    /// Ports of the host of which the driver chooses one, first and last included; `None`: any port.
    pub host: Option<(u16, u16)>,
}

/// Transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl NewEndpoint {
    /// The requested MAC, if any.
    pub fn mac(&self) -> Option<Mac> {
        self.fixed_mac.or(self.asked_mac)
    }

    /// The addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> {
        self.ipv4.into_iter().chain(self.ipv6)
    }

    /// The answer for an interface with `mac`. dockerd treats an answer that repeats a field of the request as an
    /// error and rolls back the endpoint (`drivers/remote/driver.go` `CreateEndpoint`).
    pub fn mac_reply(&self, mac: Mac) -> crate::Reply {
        let mac = if self.fixed_mac.is_some() { None } else { Some(mac) };
        crate::Reply::Endpoint { mac }
    }
}

/// `Join`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Network and endpoint.
    pub id: EndpointRef,
    /// Path of the container's network namespace: `/var/run/docker/netns/1960dd7fab00`.
    pub sandbox: String,
}

/// `RequestPool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRequest {
    /// Address space that `GetDefaultAddressSpaces` returned.
    pub address_space: String,
    /// `--subnet`; `None`: the driver chooses.
    pub pool: Option<IpNet>,
    /// `--ip-range`.
    pub sub_pool: Option<IpNet>,
    /// `--ipam-opt KEY=VALUE`.
    pub options: BTreeMap<String, String>,
    /// Whether an IPv6 subnet is requested.
    pub v6: bool,
}

/// `RequestAddress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRequest {
    /// Pool ID that `RequestPool` returned.
    pub pool: String,
    /// The requested address (`--ip`); `None`: the driver chooses.
    pub address: Option<IpAddr>,
    /// Use of the address.
    pub purpose: Purpose,
}

/// Use of an address, as far as dockerd tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The network's gateway (`RequestAddressType` is `com.docker.network.gateway`).
    Gateway,
    /// A container.
    Endpoint {
        /// Its name (`com.docker.network.endpoint.name`: Docker 29 and later).
        name: Option<String>,
        /// Its MAC (`com.docker.network.endpoint.macaddress`: only if our capabilities ask for it).
        mac: Option<Mac>,
    },
    /// Unknown: a container (Docker before 29), or an auxiliary address.
    Plain,
}

/// `DiscoverNew`, `DiscoverDelete`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// A machine.
    Node {
        /// Its address.
        address: IpAddr,
        /// Whether it is this machine.
        this_host: bool,
    },
    /// Keys or a data store of the swarm.
    Other {
        /// `DiscoveryType` (a number of moby's).
        kind: u64,
    },
}
