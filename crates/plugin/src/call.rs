//! What Docker may ask, one variant a call, every field parsed.
//!
//! The contract between the wire and the daemon: nothing behind it knows of HTTP or JSON. The order in which
//! dockerd calls at a start is `RequestAddress`, `CreateEndpoint`, `Join`; at a stop `Leave`, `DeleteEndpoint`,
//! `ReleaseAddress`. Any call may come twice, and after a crash any may be missing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::id::{EndpointId, NetworkId};
use crate::mac::Mac;

/// A call of dockerd's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `Plugin.Activate`: the first call on every discovery, also by `docker volume ls`
    /// (moby `pkg/plugins/plugins.go`). Answer: [`Reply::Implements`](crate::Reply::Implements).
    Activate,
    /// `NetworkDriver.*`.
    Network(NetworkCall),
    /// `IpamDriver.*`.
    Ipam(IpamCall),
}

/// Which driver is called; an error's key in the answer depends on it.
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
    /// Whom the call is for: needed to [`render`](crate::render) its answer.
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
/// `AllocateNetwork` and `FreeNetwork` are for swarm managers and drivers of global scope only; they are unknown
/// paths here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkCall {
    /// Once a life of dockerd, right after activation. Must never fail: dockerd does not ask again, and the driver
    /// would stay unregistered. Answer: [`Reply::NetworkCapabilities`](crate::Reply::NetworkCapabilities).
    GetCapabilities,
    /// Docker 28 and later, before `CreateNetwork`, and only if our capabilities announced it: shall dockerd
    /// leave the gateway's address alone? Answer: [`Reply::GatewayCheck`](crate::Reply::GatewayCheck).
    GwAllocCheck(NetworkOptions),
    /// A network is made. Its pools were granted by `RequestPool` before. Not replayed when dockerd boots, so the
    /// network must be remembered durably.
    CreateNetwork(NewNetwork),
    /// The network has no endpoint any more. It may be unknown here (a repeated call).
    DeleteNetwork(NetworkId),
    /// A container is about to start. Its addresses were granted by `RequestAddress` before.
    /// Answer: [`Reply::Endpoint`](crate::Reply::Endpoint), see [`NewEndpoint::mac_reply`].
    CreateEndpoint(NewEndpoint),
    /// Twice after every `Join`, and by `docker inspect`. Answer: [`Reply::OperInfo`](crate::Reply::OperInfo).
    EndpointOperInfo(EndpointRef),
    /// The container's network namespace exists; the interface that is answered must exist in the host's when
    /// the answer is sent (`libnetwork/osl/interface_linux.go` moves it). Precondition: `CreateEndpoint`.
    /// Answer: [`Reply::Joined`](crate::Reply::Joined).
    Join(Join),
    /// The container stops. Its interface still has the container's end; dockerd brings it back after the answer.
    /// Skipped by dockerd for stale sandboxes after a crash.
    Leave(EndpointRef),
    /// The container has stopped, the interface is back in the host's namespace or gone with the container's. It must
    /// be deleted here: libnetwork never does.
    DeleteEndpoint(EndpointRef),
    /// The endpoint is the one that the container's default route goes through. 404 would be tolerated.
    ProgramExternalConnectivity(EndpointRef),
    /// The opposite, before `Leave`. 404 would be tolerated.
    RevokeExternalConnectivity(EndpointRef),
    /// A node of the swarm, or this machine itself, appeared (`libnetwork/discoverapi`).
    DiscoverNew(Discovery),
    /// A node of the swarm disappeared.
    DiscoverDelete(Discovery),
}

/// A call of the address driver (moby `daemon/libnetwork/ipams/remote/remote.go`, `api/api.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpamCall {
    /// At registration. Answer: [`Reply::IpamCapabilities`](crate::Reply::IpamCapabilities).
    GetCapabilities,
    /// At registration, and before every `RequestPool`. Answer: [`Reply::AddressSpaces`](crate::Reply::AddressSpaces).
    GetDefaultAddressSpaces,
    /// A network with this subnet is about to be made, or is replayed at dockerd's start. The same question must have
    /// the same answer. Answer: [`Reply::Pool`](crate::Reply::Pool).
    RequestPool(PoolRequest),
    /// The network is deleted, or could not be made. The pool may be unknown here.
    ReleasePool {
        /// Identifier that `RequestPool` answered.
        pool: String,
    },
    /// An address is wanted. Precondition: `RequestPool`. Repeated at dockerd's start for every endpoint it stored, if
    /// our capabilities ask for a replay. Answer: [`Reply::Address`](crate::Reply::Address).
    RequestAddress(AddressRequest),
    /// The address is free. Best effort: missing after a crash, and it may name an address that was never confirmed.
    ReleaseAddress {
        /// Identifier that `RequestPool` answered.
        pool: String,
        /// What `RequestAddress` answered, without its prefix length.
        address: IpAddr,
    },
}

/// Options of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// The user's `-o KEY=VALUE` (`com.docker.network.generic`).
    pub generic: BTreeMap<String, String>,
    /// `--internal`: nothing but the containers of this network is reachable from it.
    pub internal: bool,
}

/// `CreateNetwork`. The network's name is not in it: pass it as an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNetwork {
    /// Identifier by which later calls name it.
    pub network: NetworkId,
    /// Its options.
    pub options: NetworkOptions,
    /// IPv4 subnets; empty where IPv4 is off (Docker 28 and later).
    pub ipv4: Vec<Pool>,
    /// IPv6 subnets; empty without `--ipv6`.
    pub ipv6: Vec<Pool>,
}

/// A subnet of a network (moby `libnetwork/driverapi/driverapi.go`, `IPAMData`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Address space that the address driver answered.
    pub address_space: String,
    /// The subnet.
    pub pool: IpNet,
    /// The gateway's address with the subnet's prefix length, if dockerd has one.
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

/// `CreateEndpoint`. There is no container's name in it (moby#52870).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Network and endpoint.
    pub id: EndpointRef,
    /// IPv4 address with the subnet's prefix length.
    pub ipv4: Option<IpNet>,
    /// IPv6 address with the subnet's prefix length.
    pub ipv6: Option<IpNet>,
    /// MAC that dockerd has fixed (`Interface.MacAddress`): the answer must then not name one.
    pub fixed_mac: Option<Mac>,
    /// MAC that the user asks for (`com.docker.network.endpoint.macaddress`); where both are there they are equal.
    pub asked_mac: Option<Mac>,
    /// The other options that are text: the `--driver-opt KEY=VALUE` of this endpoint.
    pub options: BTreeMap<String, String>,
}

impl NewEndpoint {
    /// The MAC that the caller wants, if any.
    pub fn mac(&self) -> Option<Mac> {
        self.fixed_mac.or(self.asked_mac)
    }

    /// The addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> {
        self.ipv4.into_iter().chain(self.ipv6)
    }

    /// The answer for an interface with `mac`: an answer that repeats a field which the request had is an error
    /// for dockerd, which then rolls the endpoint back (`drivers/remote/driver.go` `CreateEndpoint`).
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
    /// File of the container's network namespace: `/var/run/docker/netns/1960dd7fab00`.
    pub sandbox: String,
}

/// `RequestPool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRequest {
    /// Address space that `GetDefaultAddressSpaces` answered.
    pub address_space: String,
    /// `--subnet`; none: the driver shall choose.
    pub pool: Option<IpNet>,
    /// `--ip-range`.
    pub sub_pool: Option<IpNet>,
    /// `--ipam-opt KEY=VALUE`.
    pub options: BTreeMap<String, String>,
    /// An IPv6 subnet is wanted.
    pub v6: bool,
}

/// `RequestAddress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRequest {
    /// Identifier that `RequestPool` answered.
    pub pool: String,
    /// The address that is wanted (`--ip`); none: the driver shall choose.
    pub address: Option<IpAddr>,
    /// What it is for.
    pub purpose: Purpose,
}

/// What an address is for, as far as dockerd says.
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
    /// Not said: a container of an engine before Docker 29, or an auxiliary address.
    Plain,
}

/// `DiscoverNew`, `DiscoverDelete`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// A machine.
    Node {
        /// Its address.
        address: IpAddr,
        /// It is this one.
        this_host: bool,
    },
    /// Keys or a data store of the swarm, by moby's number of the kind.
    Other {
        /// `DiscoveryType`.
        kind: u64,
    },
}
