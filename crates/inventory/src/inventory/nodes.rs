//! The node list: sorted names, and the groups of each node.

use std::collections::HashMap;

use super::{Inventory, InventoryError};
use crate::name::{NameError, NodeName};

/// All nodes in a compact form: reading a hundred thousand nodes is most of the cost of a typical query.
#[derive(Debug)]
pub(super) struct NodeIndex {
    /// Sorted.
    names: Vec<NodeName>,
    /// Index in `lists` of each node.
    groups: Vec<u32>,
    /// The different values of `nodelist.groups`.
    lists: Vec<Box<str>>,
    /// Indexes in `lists` of each group.
    by_group: HashMap<Box<str>, Vec<u32>>,
}

impl NodeIndex {
    fn build(Reading { nodes, lists, .. }: Reading) -> Self {
        let mut sorted: Vec<(u64, (NodeName, u32))> =
            nodes.into_iter().map(|node| (head(node.0.as_str()), node)).collect();
        sorted.sort_unstable();
        sorted.dedup_by(|a, b| a.1.0 == b.1.0);
        let (names, groups) = sorted.into_iter().map(|(_, node)| node).unzip();
        let mut by_group: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (place, list) in (0..).zip(&lists) {
            for group in groups_in(list) {
                by_group.entry(group.into()).or_default().push(place);
            }
        }
        Self { names, groups, lists, by_group }
    }

    /// Index of a node in the sorted list.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    pub(super) fn names(&self) -> &[NodeName] {
        &self.names
    }

    /// Groups of a node in the order of `nodelist.groups`.
    pub(super) fn groups(&self, at: usize) -> impl Iterator<Item = &str> {
        let list = self.groups.get(at).and_then(|list| self.lists.get(usize::try_from(*list).ok()?));
        list.into_iter().flat_map(|list| groups_in(list))
    }

    /// Positions of a group's members; `None`: no node is in the group.
    pub(super) fn members(&self, group: &str) -> Option<impl Iterator<Item = usize>> {
        let mut in_list = vec![false; self.lists.len()];
        for place in self.by_group.get(group)? {
            if let Some(flag) = usize::try_from(*place).ok().and_then(|place| in_list.get_mut(place)) {
                *flag = true;
            }
        }
        let is_member =
            move |list: &u32| usize::try_from(*list).ok().and_then(|list| in_list.get(list)) == Some(&true);
        Some(self.groups.iter().enumerate().filter(move |(_, list)| is_member(list)).map(|(at, _)| at))
    }
}

/// The first eight bytes as a number with the same sort order, so that most comparisons do not read the name.
fn head(name: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(bytes)
}

fn groups_in(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|group| !group.is_empty())
}

impl Inventory {
    /// All nodes, sorted.
    ///
    /// # Errors
    /// The table cannot be read or has an invalid node name.
    pub fn nodes(&self) -> Result<Vec<NodeName>, InventoryError> {
        Ok(self.node_index()?.names().to_vec())
    }

    /// All groups with members or a row of `nodegroup`, sorted.
    ///
    /// # Errors
    /// As [`Inventory::nodes`].
    pub(crate) fn groups(&self) -> Result<Vec<String>, InventoryError> {
        let mut names: Vec<String> = self.node_index()?.by_group.keys().map(ToString::to_string).collect();
        names
            .extend(self.rows("nodegroup")?.iter().filter_map(|row| row.get("groupname")).map(str::to_owned));
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Whether a node is a container: `nodehm.mgt` is `docker`.
    ///
    /// # Errors
    /// As [`Inventory::value`].
    pub fn is_container(&self, node: &NodeName) -> Result<bool, InventoryError> {
        let mgt = self.value(node.as_str(), "nodehm.mgt")?;
        Ok(mgt.is_some_and(|mgt| mgt.trim() == "docker"))
    }

    pub(super) fn node_index(&self) -> Result<&NodeIndex, InventoryError> {
        if let Some(index) = self.nodes.get() {
            return Ok(index);
        }
        let read = self.read_nodes()?;
        Ok(self.nodes.get_or_init(|| read))
    }

    fn read_nodes(&self) -> Result<NodeIndex, InventoryError> {
        let mut reading = Reading::default();
        let mut wrong = None;
        self.source.each_node(&mut |name, groups, line| {
            if let Err(source) = reading.add(name, groups)
                && wrong.is_none()
            {
                let origin = self.source.origin("nodelist", name, line);
                wrong = Some(InventoryError::NodeName { origin, source });
            }
        })?;
        wrong.map_or_else(|| Ok(NodeIndex::build(reading)), Err)
    }
}

/// State while nodes are read. Consecutive nodes often have the same groups.
#[derive(Default)]
struct Reading {
    nodes: Vec<(NodeName, u32)>,
    lists: Vec<Box<str>>,
    places: HashMap<Box<str>, u32>,
    /// Index of the last node's groups.
    last: u32,
}

impl Reading {
    fn add(&mut self, name: &str, groups: &str) -> Result<(), NameError> {
        let name = name.parse()?;
        if self.list(self.last) != Some(groups) {
            self.last = self.place(groups);
        }
        self.nodes.push((name, self.last));
        Ok(())
    }

    fn list(&self, place: u32) -> Option<&str> {
        self.lists.get(usize::try_from(place).ok()?).map(|list| &**list)
    }

    fn place(&mut self, groups: &str) -> u32 {
        if let Some(place) = self.places.get(groups) {
            return *place;
        }
        let next = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(groups.into());
        self.places.insert(groups.into(), next);
        next
    }
}
