//! Compiles a container node's columns to a [`ContainerSpec`].

use std::str::FromStr;

use thiserror::Error;

use super::attachments::{AddressColumns, AttachError};
use super::cluster::Cluster;
use super::extra::ExtraError;
use crate::cell::{Cell, CellError};
use crate::columns;
use crate::container::{Attachment, ContainerSpec, DockerHost, Link, Settings, Swap};
use crate::container::{Protocol, PublishedPorts};
use crate::inventory::InventoryError;
use crate::name::{NetName, NodeName};
use crate::snapshot::OwnSettings;

/// Error in the rows of a container. Each message names row, column and value.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The tables cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Invalid value of a column.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// Addresses and networks do not match.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Invalid further address.
    #[error(transparent)]
    Extra(#[from] ExtraError),
    /// No row of `nodelist`.
    #[error("no such node: {0}")]
    NoNode(NodeName),
    /// Another kind of node.
    #[error("nodehm.mgt of {node} is {}, not docker: it is not a container", mgt.as_deref().unwrap_or("empty"))]
    NotContainer {
        /// The node.
        node: NodeName,
        /// Value of the column.
        mgt: Option<String>,
    },
    /// `vm.host` is empty.
    #[error("vm.host of {0} is empty; set it to the node name of its docker host")]
    NoHost(NodeName),
    /// `vm.host` names no node.
    #[error("vm.host={host} of {node}: no node has this name; define it or correct the row")]
    UnknownHost {
        /// The node.
        node: NodeName,
        /// Value of the column.
        host: NodeName,
    },
    /// `vm.host` names a container, which may be the node itself.
    #[error(
        "vm.host={host} of {node}: {host} is a container (mgt=docker), not a Docker host; correct the row"
    )]
    ContainerHost {
        /// The node.
        node: NodeName,
        /// Value of the column.
        host: NodeName,
    },
    /// `hosts.ip` is empty.
    #[error("hosts.ip of {0} is empty; set its address")]
    NoAddress(NodeName),
}

/// Host and attachments of a container: the part that a snapshot needs.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) host: DockerHost,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) links: Vec<Link>,
    pub(crate) own: OwnSettings,
    /// `vm.othersettings` is invalid: the previous links and settings apply.
    pub(crate) keeps_settings: bool,
}

impl Cluster<'_> {
    /// Complete specification of a container node.
    ///
    /// # Errors
    /// The first invalid row.
    pub fn container(&self, node: &NodeName) -> Result<ContainerSpec, SpecError> {
        self.complete(node, self.place(node)?)
    }

    /// Every container node with its specification or its error, sorted by node.
    pub fn containers(&self) -> impl Iterator<Item = (&NodeName, Result<ContainerSpec, SpecError>)> {
        self.placed().iter().map(|(node, placed)| match placed {
            Ok(placed) => (node, self.complete(node, placed.clone())),
            // computed again, because errors cannot be cloned
            Err(_) => (node, self.container(node)),
        })
    }

    /// Every usable container with its host and its attachments, sorted by node.
    pub fn attached(&self) -> impl Iterator<Item = (&NodeName, &NodeName, &[Attachment])> {
        let placed = self.placed().iter();
        placed.filter_map(|(node, placed)| {
            let Placed { host, attachments, .. } = placed.as_ref().ok()?;
            Some((node, &host.name, attachments.as_slice()))
        })
    }

    /// Host and attachments of a container, without its other columns.
    ///
    /// # Errors
    /// The first invalid row.
    pub fn attachments(&self, node: &NodeName) -> Result<(DockerHost, Vec<Attachment>), SpecError> {
        self.place(node).map(|Placed { host, attachments, .. }| (host, attachments))
    }

    /// The containers to which a container links. None if its rows are invalid.
    pub fn links(&self, node: &NodeName) -> Vec<Link> {
        self.place(node).map(|placed| placed.links).unwrap_or_default()
    }

    /// The container of a host that publishes a TCP port of it, and its own port.
    pub fn publisher(&self, host: &NodeName, port: u16) -> Option<(&NodeName, u16)> {
        let here = self.attached().filter(|(_, on, _)| *on == host).map(|(node, _, _)| node);
        let published = |node: &NodeName| {
            let ports = self.container(node).ok()?.settings.ports;
            let tcp = ports.iter().filter(|published| published.protocol == Protocol::Tcp);
            let mut pairs = tcp.flat_map(PublishedPorts::pairs);
            pairs.find(|(of_host, _)| *of_host == port).map(|(_, own)| own)
        };
        here.filter_map(|node| Some((node, published(node)?))).next()
    }

    /// `hosts.ip` of any node.
    ///
    /// # Errors
    /// It is no address, or the table cannot be read.
    pub fn address(&self, node: &NodeName) -> Result<Option<std::net::IpAddr>, SpecError> {
        self.ip(node)
    }

    pub(crate) fn complete(&self, node: &NodeName, placed: Placed) -> Result<ContainerSpec, SpecError> {
        let Placed { host, attachments, .. } = placed;
        let image = self.parsed::<_, SpecError>(node, "nodetype.provmethod", columns::image_and_command)?;
        let (image, command) = image.map_or((None, None), |(image, command)| (Some(image), command));
        let memory = self.parsed::<_, SpecError>(node, "vm.memory", columns::memory)?;
        let bounded = |text: &str| {
            let settings: Settings = text.parse()?;
            match (settings.swap, memory) {
                (Some(Swap::Bytes(_)), None) => Err("swap= needs vm.memory, which is empty".to_owned()),
                _ => Ok(settings),
            }
        };
        let settings = self.parsed::<_, SpecError>(node, "vm.othersettings", bounded)?.unwrap_or_default();
        self.check_extra(node, &attachments, &settings.extra_addresses)?;
        Ok(ContainerSpec {
            node: node.clone(),
            host,
            image,
            command,
            cpus: self.parsed::<_, SpecError>(node, "vm.cpus", FromStr::from_str)?,
            memory,
            attachments,
            volumes: self.parsed::<_, SpecError>(node, "vm.storage", columns::volumes)?.unwrap_or_default(),
            settings,
        })
    }

    pub(crate) fn place(&self, node: &NodeName) -> Result<Placed, SpecError> {
        if !self.has_node(node) {
            return Err(SpecError::NoNode(node.clone()));
        }
        let mgt = self.text(node, "nodehm.mgt")?;
        if mgt.as_deref() != Some("docker") {
            return Err(SpecError::NotContainer { node: node.clone(), mgt });
        }
        let host = self.docker_host(node)?;
        let mac = self.parsed::<_, SpecError>(node, "mac.mac", columns::primary_mac)?.flatten();
        let columns = AddressColumns {
            node,
            ip: self.ip::<SpecError>(node)?.ok_or_else(|| SpecError::NoAddress(node.clone()))?,
            mac,
            listed: &self.listed_networks(node)?,
            nics: &self.nics_with_ips::<SpecError>(node)?,
            networks: self.networks(),
        };
        let attachments = columns.attachments()?;
        // an invalid item is an error of `mk`, but the container keeps its addresses
        let settings = self.parsed::<Settings, SpecError>(node, "vm.othersettings", FromStr::from_str);
        let valid = |settings: &Option<Settings>| {
            settings.as_ref().is_none_or(|s| self.check_extra(node, &attachments, &s.extra_addresses).is_ok())
        };
        let settings = settings.ok().filter(valid);
        let keeps_settings = settings.is_none();
        let Settings { links, dns, antispoof, extra_addresses, .. } = settings.flatten().unwrap_or_default();
        let own = OwnSettings { dns, spoofing: antispoof == Some(false), extra_addresses };
        Ok(Placed { host, attachments, links, own, keeps_settings })
    }

    pub(crate) fn docker_host(&self, node: &NodeName) -> Result<DockerHost, SpecError> {
        let host: DockerHost = self
            .parsed::<_, SpecError>(node, "vm.host", FromStr::from_str)?
            .ok_or_else(|| SpecError::NoHost(node.clone()))?;
        if !self.has_node(&host.name) {
            return Err(SpecError::UnknownHost { node: node.clone(), host: host.name });
        }
        if self.text(&host.name, "nodehm.mgt")?.as_deref() == Some("docker") {
            return Err(SpecError::ContainerHost { node: node.clone(), host: host.name });
        }
        Ok(host)
    }

    /// `vm.nics`: names of networks, separated by commas.
    fn listed_networks(&self, node: &NodeName) -> Result<Vec<NetName>, SpecError> {
        let text = self.text(node, "vm.nics")?.unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let refuse = |error| Cell::new("vm.nics", node.as_str()).refuse(&text, &error);
        Ok(names.map(NetName::from_str).collect::<Result<_, _>>().map_err(refuse)?)
    }
}
