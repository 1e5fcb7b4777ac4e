//! The ends of a path, from the words of the command line.

use std::net::{IpAddr, SocketAddr};

use chain::chain;
use inventory::compile::Cluster;
use inventory::container::Link;
use inventory::{HostPlan, IfName, Inventory, InventoryError, MacAddr, NetName, Network, NodeName};
use thiserror::Error;

/// What an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A container node.
    Container,
    /// A docker host.
    Host,
    /// Any other machine: only packets to it can be tested.
    Outside,
}

/// One end of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// Its node name, or its address.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The node, if the tables have one.
    pub(crate) node: Option<NodeName>,
    /// The docker host on which it is.
    pub(crate) host: Option<NodeName>,
    /// Its addresses, or the error of its rows.
    pub(crate) addresses: Result<Vec<EndAddress>, String>,
    /// TCP port to connect to.
    pub(crate) port: Option<u16>,
    /// Its links to other containers.
    pub(crate) links: Vec<Link>,
    /// Name under which the other end was named: a node or the alias of a link.
    pub(crate) called: Option<String>,
}

/// An address of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndAddress {
    pub(crate) address: IpAddr,
    /// The network of the tables that contains it.
    pub(crate) network: Option<NetName>,
    /// Its MAC in the tables, of containers only.
    pub(crate) mac: Option<MacAddr>,
    /// Interface in the tables.
    pub(crate) nic: Option<IfName>,
}

/// A word that names no end.
#[derive(Debug, Error)]
pub(crate) enum EndError {
    /// The tables cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Neither a node nor an address.
    #[error("{0:?} is no node of the tables and no address; run \"xdock nodes all\" to list the nodes")]
    Unknown(String),
    /// A port without a number.
    #[error("{0:?}: a port is a number from 1 to 65535, as in host1:8080")]
    Port(String),
}

impl End {
    /// Finds the end that a word names: a node, a node with the cluster's domain, an address, or one of these with a
    /// TCP port.
    pub(crate) fn parse(word: &str, cluster: &Cluster<'_>, tables: &Inventory) -> Result<Self, EndError> {
        Self::parse_linked(word, &[], cluster, tables)
    }

    /// The same for the second end, which may also be the alias of a link of the first.
    pub(crate) fn parse_linked(
        word: &str,
        links: &[Link],
        cluster: &Cluster<'_>,
        tables: &Inventory,
    ) -> Result<Self, EndError> {
        if let Ok(address) = word.parse() {
            return Self::of_address(address, cluster);
        }
        if let Ok(socket) = word.parse::<SocketAddr>() {
            let end = Self::of_address(socket.ip(), cluster)?;
            return Ok(Self { port: Some(socket.port()), ..end });
        }
        let (name, port) = match word.rsplit_once(':') {
            Some((name, port)) => {
                let number = port.parse().ok().filter(|port| *port > 0);
                (name, Some(number.ok_or_else(|| EndError::Port(word.to_owned()))?))
            }
            None => (word, None),
        };
        let linked = links.iter().find(|link| link.alias == name).map(|link| link.node.clone());
        let known = linked.filter(|node| cluster.has_node(node));
        let found = known.map_or_else(|| node(name, cluster, tables), |node| Ok(Some(node)))?;
        let node = found.ok_or_else(|| EndError::Unknown(word.to_owned()))?;
        Ok(Self { port, called: Some(name.to_owned()), ..Self::of_node(&node, cluster) })
    }

    fn of_node(node: &NodeName, cluster: &Cluster<'_>) -> Self {
        if cluster.is_container(node) {
            return Self::container(node, cluster);
        }
        if cluster.is_host(node) {
            return Self::host(node, cluster);
        }
        let found = cluster.address(node).map_err(|error| chain(&error));
        let addresses = found.and_then(|address| match address {
            Some(address) => Ok(vec![outside(address, cluster.networks())]),
            None => Err(format!("hosts.ip of {node} is empty; set its address")),
        });
        let node = Some(node.clone());
        Self {
            name: name_of(&node),
            kind: Kind::Outside,
            node,
            host: None,
            addresses,
            port: None,
            links: Vec::new(),
            called: None,
        }
    }

    fn container(node: &NodeName, cluster: &Cluster<'_>) -> Self {
        let placed = cluster.attachments(node).map_err(|error| chain(&error));
        let host = placed.as_ref().ok().map(|(host, _)| host.name.clone());
        let addresses = placed.map(|(_, attachments)| {
            let of_nic = attachments.iter().flat_map(|nic| {
                nic.addresses.iter().map(|address| EndAddress {
                    address: *address,
                    network: Some(nic.network.clone()),
                    mac: Some(nic.mac),
                    nic: Some(nic.nic.clone()),
                })
            });
            of_nic.collect()
        });
        let links = cluster.links(node);
        let node = Some(node.clone());
        Self {
            name: name_of(&node),
            kind: Kind::Container,
            node,
            host,
            addresses,
            port: None,
            links,
            called: None,
        }
    }

    fn host(node: &NodeName, cluster: &Cluster<'_>) -> Self {
        let plan = cluster.host_plan(node).map_err(|error| chain(&error));
        let addresses = plan.map(|plan| host_addresses(&plan, cluster.networks()));
        let (host, node) = (Some(node.clone()), Some(node.clone()));
        Self {
            name: name_of(&node),
            kind: Kind::Host,
            node,
            host,
            addresses,
            port: None,
            links: Vec::new(),
            called: None,
        }
    }

    /// The container or host with this address; otherwise a machine outside.
    fn of_address(address: IpAddr, cluster: &Cluster<'_>) -> Result<Self, EndError> {
        let has =
            |end: &Self| end.addresses.as_ref().is_ok_and(|all| all.iter().any(|one| one.address == address));
        let mut attached = cluster.attached();
        let holds = |nics: &[inventory::Attachment]| nics.iter().any(|nic| nic.addresses.contains(&address));
        let container = attached.find(|(_, _, nics)| holds(nics)).map(|(node, _, _)| node.clone());
        let others = || {
            let others = cluster.nodes().iter().filter(|node| !cluster.is_container(node));
            let with = others.filter(|node| cluster.address(node).is_ok_and(|ip| ip == Some(address)));
            with.map(|node| Self::of_node(node, cluster)).find(has)
        };
        let found = container.map(|node| Self::container(&node, cluster)).or_else(others);
        Ok(match found {
            Some(end) => end.only(address),
            None => Self {
                name: address.to_string(),
                kind: Kind::Outside,
                node: None,
                host: None,
                addresses: Ok(vec![outside(address, cluster.networks())]),
                port: None,
                links: Vec::new(),
                called: None,
            },
        })
    }

    fn only(self, address: IpAddr) -> Self {
        let addresses =
            self.addresses.map(|all| all.into_iter().filter(|one| one.address == address).collect());
        Self { addresses, ..self }
    }
}

fn name_of(node: &Option<NodeName>) -> String {
    node.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn outside(address: IpAddr, networks: &[Network]) -> EndAddress {
    let network = networks.iter().find(|network| network.subnet_of(address).is_some());
    EndAddress { address, network: network.map(|network| network.name.clone()), mac: None, nic: None }
}

fn host_addresses(plan: &HostPlan, networks: &[Network]) -> Vec<EndAddress> {
    let on_device = plan.devices.iter().flat_map(|device| {
        device.addresses.iter().map(|net| {
            let on_bridge = device.networks.iter().map(|on| &on.network);
            let network = on_bridge.chain(networks).find(|network| network.subnet_of(net.addr()).is_some());
            EndAddress {
                address: net.addr(),
                network: network.map(|network| network.name.clone()),
                mac: None,
                nic: Some(device.name.clone()),
            }
        })
    });
    on_device.collect()
}

/// The node of a name, also with a domain of the cluster.
fn node(name: &str, cluster: &Cluster<'_>, tables: &Inventory) -> Result<Option<NodeName>, InventoryError> {
    let known = |name: &str| name.parse().ok().filter(|node| cluster.has_node(node));
    if let Some(node) = known(name) {
        return Ok(Some(node));
    }
    let Some((short, domain)) = name.split_once('.') else { return Ok(None) };
    let site = tables.row("site", "domain")?.and_then(|row| row.get("value")).map(str::to_owned);
    let of_networks = tables.rows("networks")?.iter().filter_map(|row| row.get("domain"));
    let is_ours = site.as_deref().into_iter().chain(of_networks).any(|ours| ours == domain);
    Ok(if is_ours { known(short) } else { None })
}
