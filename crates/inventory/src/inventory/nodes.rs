//! The node list: names in order, and the groups of each.

use std::collections::HashMap;

use super::{Inventory, InventoryError};
use crate::attributes::schema;
use crate::name::NodeName;
use crate::tables::Row;

/// All nodes, small: a hundred thousand of them are a common question's whole cost.
#[derive(Debug)]
pub(super) struct NodeIndex {
    /// Sorted.
    names: Vec<NodeName>,
    /// Of each node its place in `lists`.
    groups: Vec<u32>,
    /// The different values of `nodelist.groups`.
    lists: Vec<Box<str>>,
    /// Of each group the places in `lists` that have it.
    by_group: HashMap<Box<str>, Vec<u32>>,
    /// Places in `names` in the order of the table.
    table_order: Vec<u32>,
}

impl NodeIndex {
    fn build(mut nodes: Vec<(NodeName, u32)>, lists: Vec<Box<str>>) -> Self {
        let unsorted: Vec<NodeName> = nodes.iter().map(|(name, _)| name.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup_by(|a, b| a.0 == b.0);
        let (names, groups): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        let place = |name| names.binary_search(name).ok().and_then(|at| u32::try_from(at).ok());
        let table_order = unsorted.iter().filter_map(place).collect();
        let mut by_group: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (place, list) in (0..).zip(&lists) {
            for group in groups_in(list) {
                by_group.entry(group.into()).or_default().push(place);
            }
        }
        Self { names, groups, lists, by_group, table_order }
    }

    /// Its place in the sorted list.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    pub(super) fn names(&self) -> &[NodeName] {
        &self.names
    }

    /// Its `nodelist.groups`, in their order.
    pub(super) fn groups(&self, at: usize) -> impl Iterator<Item = &str> {
        let list = self.groups.get(at).and_then(|list| self.lists.get(usize::try_from(*list).ok()?));
        list.into_iter().flat_map(|list| groups_in(list))
    }

    /// The members of a group, in the order of the table; `None` if no node is in it.
    pub(super) fn members(&self, group: &str) -> Option<impl Iterator<Item = usize>> {
        let mut in_list = vec![false; self.lists.len()];
        for place in self.by_group.get(group)? {
            if let Some(flag) = usize::try_from(*place).ok().and_then(|place| in_list.get_mut(place)) {
                *flag = true;
            }
        }
        let all = self.table_order.iter().filter_map(|at| usize::try_from(*at).ok());
        Some(all.filter(move |at| {
            let list = self.groups.get(*at).and_then(|list| usize::try_from(*list).ok());
            list.and_then(|list| in_list.get(list)) == Some(&true)
        }))
    }
}

fn groups_in(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|group| !group.is_empty())
}

impl Inventory {
    /// All nodes, sorted.
    ///
    /// # Errors
    /// The table can not be read, or has a name that can not be a node's.
    pub fn nodes(&self) -> Result<Vec<NodeName>, InventoryError> {
        Ok(self.node_index()?.names().to_vec())
    }

    /// The groups of a node in the order of `nodelist.groups`, which is that of inheritance; none of an unknown node.
    ///
    /// # Errors
    /// As [`Inventory::nodes`].
    pub fn groups_of(&self, node: &str) -> Result<Vec<String>, InventoryError> {
        let index = self.node_index()?;
        let groups = index.position(node).into_iter().flat_map(|at| index.groups(at));
        Ok(groups.map(str::to_owned).collect())
    }

    pub(super) fn node_index(&self) -> Result<&NodeIndex, InventoryError> {
        if let Some(index) = self.nodes.get() {
            return Ok(index);
        }
        let read = self.read_nodes()?;
        Ok(self.nodes.get_or_init(|| read))
    }

    fn read_nodes(&self) -> Result<NodeIndex, InventoryError> {
        let Some(spec) = schema::position("nodelist").and_then(|at| schema::TABLES.get(at)) else {
            return Err(InventoryError::unknown_table("nodelist"));
        };
        let rows = self.source.rows(spec, Some(&["node", "groups", "disable"]))?;
        let mut nodes = Vec::with_capacity(rows.len());
        let mut places: HashMap<Box<str>, u32> = HashMap::new();
        for row in rows.iter().filter(|row| row.is_visible()) {
            let groups = row.get("groups").unwrap_or_default();
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            let place = match places.get(groups) {
                Some(place) => *place,
                None => *places.entry(groups.into()).or_insert(next),
            };
            nodes.push((self.node_name(row)?, place));
        }
        let mut lists = vec![Box::default(); places.len()];
        for (list, place) in places {
            if let Some(cell) = usize::try_from(place).ok().and_then(|place| lists.get_mut(place)) {
                *cell = list;
            }
        }
        Ok(NodeIndex::build(nodes, lists))
    }

    fn node_name(&self, row: &Row) -> Result<NodeName, InventoryError> {
        let name = row.get("node").unwrap_or_default();
        let origin = || self.source.origin("nodelist", name, row.line());
        name.parse().map_err(|source| InventoryError::NodeName { origin: origin(), source })
    }
}
