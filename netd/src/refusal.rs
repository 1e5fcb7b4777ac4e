//! Why netd says no. Each message names the row of the tables, and what to do where there is something to do.
//! Docker shows them to the person who typed the command, after "remote: ".

use std::net::IpAddr;

use inventory::{IfName, MacAddr, NetName, NodeName};
use ipnet::IpNet;
use thiserror::Error;

/// A plugin call that is not granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// No tables yet.
    #[error("no snapshot on this host yet: run \"xdock sync HOST\" on the management node")]
    NoSnapshot,
    /// A subnet that is in no row of `networks`.
    #[error("{pool} is no network of the tables on this host: snapshot {version} has {known}")]
    UnknownPool { pool: IpNet, version: u64, known: String },
    /// No subnet was named.
    #[error("a subnet must be named (--subnet): snapshot {version} has {known}")]
    NoPool { version: u64, known: String },
    /// A pool's identifier that netd never gave.
    #[error("{0:?} is no pool of netd: pools are named like v4:10.99.0.0/16")]
    PoolId(String),
    /// The gateway differs from the tables.
    #[error("{asked} was asked for as gateway of {network}, but the tables give {}", given(.tables))]
    Gateway { asked: IpAddr, network: NetName, tables: Option<IpAddr> },
    /// No row has that address.
    #[error(
        "{address} is the address of no container node on {network} (snapshot {version}): define it with ip={address}, then \"xdock sync {host}\""
    )]
    UnknownAddress { address: IpAddr, network: NetName, version: u64, host: NodeName },
    /// The row lives elsewhere.
    #[error("{address} is {node}'s, and {node} lives on {lives} (vm.host), not on {host}")]
    OtherHost { address: IpAddr, node: NodeName, lives: NodeName, host: NodeName },
    /// Not within the network.
    #[error("{address} is outside of {network} ({subnets})")]
    Outside { address: IpAddr, network: NetName, subnets: String },
    /// Neither address nor name was given.
    #[error(
        "an address must be asked for on {network}: this engine does not tell the container's name; use \"xdock mk NODE\", or --ip ADDRESS"
    )]
    NoAddress { network: NetName },
    /// The container's name is no node.
    #[error(
        "{name} is no container node on {network} (snapshot {version}): define it with ip=ADDRESS, then \"xdock sync {host}\""
    )]
    UnknownNode { name: String, network: NetName, version: u64, host: NodeName },
    /// The row has no address of that family.
    #[error("the tables give {node} no {family} address on {network} (hosts.ip, nics.nicips)")]
    NoSuchFamily { node: NodeName, family: &'static str, network: NetName },
    /// Address and name disagree.
    #[error("{address} is {node}'s, but the container is named {name}")]
    OtherName { address: IpAddr, node: NodeName, name: String },
    /// Address and driver option disagree.
    #[error("{address} is {node}'s but the container says netd.node={said}")]
    OtherNode { address: IpAddr, node: NodeName, said: String },
    /// MAC and tables disagree.
    #[error("MAC {asked} was asked for, but the tables give {node} {tables} (mac.mac)")]
    OtherMac { asked: MacAddr, node: NodeName, tables: MacAddr },
    /// `CreateNetwork` without our option.
    #[error(
        "the option netd.network is missing: use \"xdock mk\", or docker network create -d netd --ipam-driver netd -o netd.network=NETWORK --subnet SUBNET"
    )]
    NoNetworkOption,
    /// `netd.network` is not in the snapshot.
    #[error("{name} is no network of the tables on this host: snapshot {version} has {known}")]
    UnknownNetworkName { name: String, version: u64, known: String },
    /// Docker's subnets differ from the tables'.
    #[error("network {network} is {tables} in the tables, but Docker asks for {asked}")]
    OtherSubnets { network: NetName, tables: String, asked: String },
    /// The same Docker network again, with another content.
    #[error("Docker network {id} is {network} already")]
    NetworkTaken { id: String, network: NetName },
    /// A Docker network that was not made through netd, or whose record is lost.
    #[error(
        "Docker network {id} is not known to netd on this host: remove it and let \"xdock mk\" make it anew"
    )]
    UnknownNetwork { id: String },
    /// A Docker network whose row is gone from the tables.
    #[error("network {network} is in the tables no more (snapshot {version})")]
    VanishedNetwork { network: NetName, version: u64 },
    /// An endpoint that was never made, or is gone.
    #[error("endpoint {id} is not known to netd on this host: start the container again")]
    UnknownEndpoint { id: String },
    /// The same endpoint again, with another content.
    #[error("endpoint {id} is {node}'s already")]
    EndpointTaken { id: String, node: NodeName },
    /// The node runs already.
    #[error(
        "{node} is on {network} already, as endpoint {id} (port {port}): a node runs once; stop its other container"
    )]
    Running { node: NodeName, network: NetName, id: String, port: IfName },
    /// Somebody on the wire has the address.
    #[error(
        "address {address} of {node} is in use on the wire by {mac} (network {network}): stop that machine, or change the address in the tables"
    )]
    Squatter { address: IpAddr, node: NodeName, mac: MacAddr, network: NetName },
    /// The host has no such bridge.
    #[error("bridge {bridge} of network {network} is not on this host: run the postscript xdockhost network")]
    NoBridge { bridge: IfName, network: NetName },
    /// The bridge is configured, and ovs-vswitchd has not made it.
    #[error(
        "bridge {bridge} of network {network} is in Open vSwitch's database, but ovs-vswitchd has not made it: systemctl restart openvswitch-switch"
    )]
    NotMade { bridge: IfName, network: NetName },
}

fn given(gateway: &Option<IpAddr>) -> String {
    gateway.map_or_else(|| "it none (networks.gateway)".to_owned(), |gateway| gateway.to_string())
}
