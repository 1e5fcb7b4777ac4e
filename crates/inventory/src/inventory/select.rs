//! Selects nodes by noderange.

use std::io;
use std::path::Path;

use super::{Inventory, InventoryError};
use crate::attributes::{self, schema};
use crate::name::NodeName;
use crate::noderange::{self, Cluster, Criterion, NodeSet, NumberNames};
use crate::tables::Row;

/// Short names of columns in criteria (xCAT `NodeRange.pm`, `nodesbycriteria`).
const SHORT: [(&str, &str); 3] =
    [("groups", "nodelist.groups"), ("tags", "nodelist.groups"), ("mgt", "nodehm.mgt")];

impl Inventory {
    /// Nodes of a noderange, sorted, without those of `site.excludenodes`. A number alone is the
    /// name `node` and the number.
    ///
    /// # Errors
    /// A member is neither node nor group, or a table cannot be read.
    pub fn select(&self, noderange: &str) -> Result<Vec<NodeName>, InventoryError> {
        self.select_with(noderange, &NumberNames::default())
    }

    /// Same with other names for numbers (the environment's `XCAT_NODE_PREFIX` and `XCAT_NODE_SUFFIX`).
    ///
    /// # Errors
    /// As [`Inventory::select`].
    pub fn select_with(
        &self,
        noderange: &str,
        numbers: &NumberNames,
    ) -> Result<Vec<NodeName>, InventoryError> {
        let cluster = Nodes { tables: self, names: self.node_index()?.names() };
        let mut nodes = noderange::evaluate(&noderange::parse(noderange)?, numbers, &cluster)?;
        if let Some(text) = self.site("excludenodes")? {
            let excluded = noderange::parse(text)
                .map_err(InventoryError::from)
                .and_then(|range| noderange::evaluate(&range, numbers, &cluster));
            nodes.remove(&excluded.map_err(|source| InventoryError::ExcludeNodes {
                origin: self.origin("site", "excludenodes"),
                source: source.into(),
            })?);
        }
        Ok(nodes.iter().filter_map(|at| cluster.names.get(at).cloned()).collect())
    }
}

struct Nodes<'a> {
    tables: &'a Inventory,
    names: &'a [NodeName],
}

impl Nodes<'_> {
    /// `mgt==docker::groups=~debnodes`: all of them must hold.
    fn dynamic(&self, group: &Row, name: &str) -> Result<NodeSet, InventoryError> {
        let mut nodes: NodeSet = (0..self.names.len()).collect();
        let criteria = group.get("wherevals").unwrap_or_default();
        for text in criteria.split("::").map(str::trim).filter(|text| !text.is_empty()) {
            let wrong = || InventoryError::Wherevals {
                criterion: text.to_owned(),
                origin: self.tables.origin("nodegroup", name),
            };
            let criterion = Criterion::parse(text).ok_or_else(wrong)?;
            nodes.intersect(&noderange::by_criterion(self, &criterion)?.ok_or_else(wrong)?);
        }
        Ok(nodes)
    }
}

impl Cluster for Nodes<'_> {
    type Error = InventoryError;

    fn names(&self) -> &[NodeName] {
        self.names
    }

    /// A group is in the nodes' lists, or is dynamic, or has a row and no members.
    fn group(&self, name: &str) -> Result<Option<NodeSet>, InventoryError> {
        let row = self.tables.row("nodegroup", name)?;
        if let Some(row) = row.filter(|row| row.get("grouptype") == Some("dynamic")) {
            return self.dynamic(row, name).map(Some);
        }
        let members = self.tables.node_index()?.members(name);
        Ok(members.map(Iterator::collect).or_else(|| row.map(|_| NodeSet::default())))
    }

    fn column(&self, name: &str) -> Option<String> {
        if let Some((_, column)) = SHORT.iter().find(|(short, _)| *short == name) {
            return Some((*column).to_owned());
        }
        match name.split_once('.') {
            Some((table, column)) => {
                let spec = schema::TABLES.get(schema::position(table)?)?;
                spec.has(column).then(|| name.to_owned())
            }
            None => attributes::named(name).next().map(|found| format!("{}.{}", found.table, found.column)),
        }
    }

    fn value(&self, node: &str, column: &str) -> Result<Option<String>, InventoryError> {
        self.tables.value(node, column)
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a file that the user names: one that is missing is an error too"
    )]
    fn file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}
