//! Data that all nodes share. It is read once.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use chain::chain;

use crate::cell::{Cell, CellError};
use crate::compile::container::{Placed, SpecError};
use crate::compile::duplicates::Duplicate;
use crate::compile::names::NodeNames;
use crate::container::Network;
use crate::inventory::{Inventory, InventoryError};
use crate::name::NodeName;
use crate::networks::{NetworkError, NetworkRow};
use crate::nics::{COLUMNS, Nics};
use crate::tables::Row;

/// The inventory, prepared to compile many nodes and hosts.
#[derive(Debug)]
pub struct Cluster<'a> {
    inventory: &'a Inventory,
    nodes: Vec<NodeName>,
    networks: Vec<Network>,
    problems: Vec<NetworkError>,
    placed: OnceCell<Vec<(NodeName, Result<Placed, SpecError>)>>,
    duplicates: OnceCell<Vec<Duplicate>>,
    unusable: OnceCell<BTreeMap<NodeName, String>>,
    names: OnceCell<Vec<NodeNames>>,
    owners: OnceCell<HashMap<IpAddr, String>>,
}

impl<'a> Cluster<'a> {
    /// Reads node names and networks.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub fn read(inventory: &'a Inventory) -> Result<Self, InventoryError> {
        let nodes = inventory.nodes()?;
        let rows = inventory.rows("networks")?.iter();
        let rows = rows.map(|row| NetworkRow::parse(|column| row.get(column)));
        let (mut networks, mut problems) = Network::usable(rows, master(inventory)?);
        problems.extend(isolate(&mut networks, inventory.rows("site")?));
        Ok(Self {
            inventory,
            nodes,
            networks,
            problems,
            placed: OnceCell::new(),
            duplicates: OnceCell::new(),
            unusable: OnceCell::new(),
            names: OnceCell::new(),
            owners: OnceCell::new(),
        })
    }

    /// All nodes, sorted.
    pub fn nodes(&self) -> &[NodeName] {
        &self.nodes
    }

    /// Whether a node has this name.
    pub fn has_node(&self, name: &NodeName) -> bool {
        self.nodes.binary_search(name).is_ok()
    }

    /// Whether the node with this name is a container.
    pub fn is_container(&self, name: &NodeName) -> bool {
        self.placement(name).is_some()
    }

    /// Host and attachments of a container, or the error in its rows. `None`: the node is not a container.
    pub(crate) fn placement(&self, name: &NodeName) -> Option<&Result<Placed, SpecError>> {
        let at = self.placed().binary_search_by(|(node, _)| node.cmp(name)).ok()?;
        self.placed().get(at).map(|(_, placed)| placed)
    }

    /// Networks in the order of the table.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Errors of the invalid rows of `networks`.
    pub fn network_problems(&self) -> &[NetworkError] {
        &self.problems
    }

    /// `netname` and a column, of the rows that have both.
    pub(crate) fn network_cells(&self, column: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.cells("networks", "netname", column)
    }

    /// Text of `net` in the row with this `netname`.
    pub(crate) fn net_of(&self, netname: &str) -> Option<&'a str> {
        self.network_cells("net").find(|(name, _)| *name == netname).map(|(_, net)| net)
    }

    /// `key` and `value` of `site`.
    pub(crate) fn network_rows(&self) -> &'a [Row] {
        self.inventory.rows("networks").unwrap_or_default()
    }

    /// Names of all nodes.
    pub(super) fn node_names(&self) -> &[NodeNames] {
        self.names.get_or_init(|| self.nodes.iter().map(|node| self.names_of(node)).collect())
    }

    pub(crate) fn site(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.cells("site", "key", "value")
    }

    /// `routename` and `gateway` of `routes`.
    pub(crate) fn route_gateways(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.cells("routes", "routename", "gateway")
    }

    /// Two columns of a table, of the rows that have both. Callers that need the table report if it cannot be read.
    fn cells(&self, table: &str, key: &str, column: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let rows = self.inventory.rows(table).unwrap_or_default();
        let cells = rows.iter().filter_map(|row| Some((row.get(key)?, row.get(column)?)));
        cells.collect::<Vec<_>>().into_iter()
    }

    /// Names of all groups with members or a row.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.inventory.groups().unwrap_or_default()
    }

    /// Error of a table that cannot be read.
    pub(crate) fn unreadable(&self, table: &str) -> Option<InventoryError> {
        self.inventory.rows(table).err()
    }

    /// Whether the table of a column such as `ipmi.bmc` has rows.
    pub(crate) fn has_rows(&self, column: &str) -> bool {
        let table = column.split_once('.').map_or(column, |(table, _)| table);
        self.inventory.rows(table).is_ok_and(|rows| !rows.is_empty())
    }

    /// The node or group whose row has the value of a column for a node.
    pub(crate) fn row_key(&self, node: &NodeName, column: &str) -> Option<String> {
        self.inventory.row_key(node.as_str(), column)
    }

    /// Host and attachments of every container node, sorted by node. The first call computes them.
    pub(crate) fn placed(&self) -> &[(NodeName, Result<Placed, SpecError>)] {
        self.placed.get_or_init(|| {
            let containers = self.nodes.iter().filter(|node| self.may_be_container(node));
            containers.map(|node| (node.clone(), self.place(node))).collect()
        })
    }

    /// The column and node of each address, if they were read.
    pub(super) fn owners(&self) -> &OnceCell<HashMap<IpAddr, String>> {
        &self.owners
    }

    /// Addresses of more than one node. The first call computes them.
    pub fn duplicates(&self) -> &[Duplicate] {
        self.duplicates.get_or_init(|| self.find_duplicates())
    }

    /// Container nodes whose attachments are invalid or share an address with another node, each with the reason. The first
    /// call computes them.
    pub(crate) fn unusable(&self) -> &BTreeMap<NodeName, String> {
        self.unusable.get_or_init(|| {
            let wrong =
                self.placed().iter().filter_map(|(node, placed)| Some((node, placed.as_ref().err()?)));
            let mut unusable: BTreeMap<_, _> =
                wrong.map(|(node, error)| (node.clone(), chain(error))).collect();
            for duplicate in self.duplicates() {
                for node in duplicate.nodes.iter().filter(|node| self.is_container(node)) {
                    unusable.entry(node.clone()).or_insert_with(|| duplicate.to_string());
                }
            }
            unusable
        })
    }

    /// Whether a node shares an address with another node.
    pub(crate) fn is_duplicate(&self, node: &NodeName, address: IpAddr) -> bool {
        let shares = |duplicate: &&Duplicate| duplicate.nodes.contains(node);
        let address = address.to_string();
        self.duplicates().iter().filter(shares).any(|duplicate| duplicate.address == address)
    }

    /// Whether `nodehm.mgt` is `docker` or cannot be read. In the second case, compiling the node reports the error.
    fn may_be_container(&self, node: &NodeName) -> bool {
        self.text(node, "nodehm.mgt").map_or(true, |mgt| mgt.as_deref() == Some("docker"))
    }

    /// Text of a cell; `None` if it is empty.
    pub(crate) fn text(&self, node: &NodeName, column: &str) -> Result<Option<String>, InventoryError> {
        let value = self.inventory.value(node.as_str(), column)?;
        Ok(value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// A cell, parsed.
    pub(crate) fn parsed<T, E: From<InventoryError> + From<CellError>>(
        &self,
        node: &NodeName,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, E> {
        let Some(text) = self.text(node, column)? else { return Ok(None) };
        let refuse = |rule| Cell::new(column, node.as_str()).refuse(&text, &rule);
        Ok(Some(parse(&text).map_err(refuse)?))
    }

    /// `hosts.ip`.
    pub(crate) fn ip<E: From<InventoryError> + From<CellError>>(
        &self,
        node: &NodeName,
    ) -> Result<Option<IpAddr>, E> {
        self.parsed(node, "hosts.ip", |text| text.parse().map_err(|_| "an IP address is needed".to_owned()))
    }

    /// A container's row of `nics`. Without an address in it, the other columns define no attachment.
    pub(crate) fn nics_with_ips<E: From<InventoryError> + From<CellError>>(
        &self,
        node: &NodeName,
    ) -> Result<Nics, E> {
        match self.text(node, "nics.nicips")? {
            Some(_) => self.nics(node),
            None => Ok(Nics::default()),
        }
    }

    /// The row of `nics`.
    pub(crate) fn nics<E: From<InventoryError> + From<CellError>>(&self, node: &NodeName) -> Result<Nics, E> {
        let mut texts = Vec::with_capacity(COLUMNS.len());
        for column in COLUMNS {
            texts.push((column, self.inventory.value(node.as_str(), &format!("nics.{column}"))?));
        }
        let text =
            |name: &str| texts.iter().find(|(column, _)| *column == name).and_then(|(_, text)| text.clone());
        Ok(Nics::parse(node.as_str(), text)?)
    }
}

/// Column `key` of the rows of `site` whose value lists isolated networks. A stanza file has a row for each network.
pub(crate) const ISOLATE: &str = "xdockisolate";

/// Marks the isolated networks. Returns an error for each name that no network has: the others are isolated anyway.
fn isolate(networks: &mut [Network], site: &[Row]) -> Vec<NetworkError> {
    let lists = site.iter().filter(|row| row.get("key") == Some(ISOLATE)).filter_map(|row| row.get("value"));
    let mut unknown = Vec::new();
    for name in lists.flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        match networks.iter_mut().find(|network| network.name.as_str() == name) {
            Some(network) => network.isolate = true,
            None => unknown.push(NetworkError::NotIsolated { name: name.to_owned() }),
        }
    }
    unknown
}

/// `site.master`, where it is an address.
fn master(inventory: &Inventory) -> Result<Option<IpAddr>, InventoryError> {
    Ok(inventory.site("master")?.and_then(|master| master.parse().ok()))
}
