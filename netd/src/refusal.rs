//! Refusals of plugin calls. Each message names the row of the tables and, if possible, the remedy. Docker shows it
//! to the user after "remote: ".

use std::net::IpAddr;

use inventory::{IfName, MacAddr, NetName, NodeName, Protocol};
use ipnet::IpNet;
use thiserror::Error;

/// Why a plugin call is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// The host has no snapshot yet.
    #[error("no snapshot on this host yet: run \"xdock sync HOST\" on the management node")]
    NoSnapshot,
    /// No row of `networks` has this subnet.
    #[error("{pool} is not a network of this host: snapshot {version} has {known}")]
    UnknownPool { pool: IpNet, version: u64, known: String },
    /// The request has no subnet.
    #[error("a subnet is required (--subnet): snapshot {version} has {known}")]
    NoPool { version: u64, known: String },
    /// Not a pool ID of netd.
    #[error("{0:?} is not a pool of netd: its pools have names like v4:10.99.0.0/16")]
    PoolId(String),
    /// The requested gateway differs from the tables.
    #[error("gateway {asked} of {network} was requested, but the tables have {}", gateway_text(.tables))]
    Gateway { asked: IpAddr, network: NetName, tables: Option<IpAddr> },
    /// No row has this address.
    #[error(
        "{address} is the address of no container node on {network} (snapshot {version}): define it with ip={address}, then \"xdock sync {host}\""
    )]
    UnknownAddress { address: IpAddr, network: NetName, version: u64, host: NodeName },
    /// The row has another host.
    #[error("{address} belongs to {node}, and {node} lives on {lives} (vm.host), not on {host}")]
    OtherHost { address: IpAddr, node: NodeName, lives: NodeName, host: NodeName },
    /// The address is not in the network.
    #[error("{address} is outside of {network} ({subnets})")]
    Outside { address: IpAddr, network: NetName, subnets: String },
    /// The request has neither an address nor a name.
    #[error(
        "an address is required on {network}: this engine does not send the container's name; use \"xdock mk NODE\", or --ip ADDRESS"
    )]
    NoAddress { network: NetName },
    /// The container's name is not a node.
    #[error(
        "{name} is not a container node on {network} (snapshot {version}): define it with ip=ADDRESS, then \"xdock sync {host}\""
    )]
    UnknownNode { name: String, network: NetName, version: u64, host: NodeName },
    /// The row has no address of this family.
    #[error("{node} has no {family} address on {network} in the tables (hosts.ip, nics.nicips)")]
    NoSuchFamily { node: NodeName, family: &'static str, network: NetName },
    /// Address and container name differ.
    #[error("{address} belongs to {node}, but the container is named {name}")]
    OtherName { address: IpAddr, node: NodeName, name: String },
    /// Address and driver option differ.
    #[error("{address} belongs to {node}, but the container has netd.node={option}")]
    OtherNode { address: IpAddr, node: NodeName, option: String },
    /// The requested MAC differs from the tables.
    #[error("MAC {asked} was requested, but {node} has {tables} in the tables (mac.mac)")]
    OtherMac { asked: MacAddr, node: NodeName, tables: MacAddr },
    /// `CreateNetwork` without the option `netd.network`.
    #[error(
        "the option netd.network is missing: use \"xdock mk\", or docker network create -d netd --ipam-driver netd -o netd.network=NETWORK --subnet SUBNET"
    )]
    NoNetworkOption,
    /// No network of the snapshot has the name in `netd.network`.
    #[error("{name} is not a network of this host: snapshot {version} has {known}")]
    UnknownNetworkName { name: String, version: u64, known: String },
    /// Docker's subnets differ from the tables.
    #[error("network {network} is {tables} in the tables, but Docker requests {asked}")]
    OtherSubnets { network: NetName, tables: String, asked: String },
    /// A repeated `CreateNetwork` with other content.
    #[error("Docker network {id} already belongs to {network}")]
    NetworkTaken { id: String, network: NetName },
    /// netd has no record of the Docker network.
    #[error(
        "Docker network {id} is unknown to netd on this host: remove it, and \"xdock mk\" creates it again"
    )]
    UnknownNetwork { id: String },
    /// The network of a Docker network was removed from the tables.
    #[error("network {network} is no longer in the tables (snapshot {version})")]
    VanishedNetwork { network: NetName, version: u64 },
    /// netd has no record of the endpoint.
    #[error("endpoint {id} is unknown to netd on this host: start the container again")]
    UnknownEndpoint { id: String },
    /// A repeated `CreateEndpoint` with other content.
    #[error("endpoint {id} already belongs to {node}")]
    EndpointTaken { id: String, node: NodeName },
    /// The node already runs. `xdock` finds the container by the endpoint in this message.
    #[error(
        "{node} is on {network} already, as endpoint {id} (port {port}): a node runs once; stop its other container"
    )]
    Running { node: NodeName, network: NetName, id: String, port: IfName },
    /// Another container publishes the port.
    #[error(
        "port {port}/{protocol} of {host} is published by {by} and {node}: change port= in vm.othersettings of one of them"
    )]
    PortTaken { port: u16, protocol: Protocol, host: String, node: NodeName, by: NodeName },
    /// The container publishes the port twice.
    #[error(
        "port {port}/{protocol} of {host} is published twice by {node}: correct port= in vm.othersettings"
    )]
    PortTwice { port: u16, protocol: Protocol, host: String, node: NodeName },
    /// A process of the host uses the port.
    #[error(
        "port {port}/{protocol} of {host}, which {node} publishes, is in use by a process of the host (ss -nlp | grep :{port}): stop it, or change port= in vm.othersettings of {node}"
    )]
    PortInUse { port: u16, protocol: Protocol, host: String, node: NodeName },
    /// No port of a range is free.
    #[error(
        "no port of {first}-{last}/{protocol} of {host} is free for {node}: change port= in vm.othersettings of {node}"
    )]
    NoFreePort { first: u16, last: u16, protocol: Protocol, host: String, node: NodeName },
    /// Another machine on the network uses the address.
    #[error(
        "address {address} of {node} is in use on the wire by {mac} (network {network}): stop that machine, or change the address in the tables"
    )]
    AddressInUse { address: IpAddr, node: NodeName, mac: MacAddr, network: NetName },
    /// The bridge does not exist.
    #[error("bridge {bridge} of network {network} is not on this host: run the postscript xdockhost network")]
    NoBridge { bridge: IfName, network: NetName },
    /// The bridge is in Open vSwitch's database, but its device does not exist.
    #[error(
        "bridge {bridge} of network {network} is in Open vSwitch's database, but ovs-vswitchd has not made it: systemctl restart openvswitch-switch"
    )]
    NotMade { bridge: IfName, network: NetName },
}

fn gateway_text(gateway: &Option<IpAddr>) -> String {
    gateway.map_or_else(|| "none (networks.gateway)".to_owned(), |gateway| gateway.to_string())
}
