//! The value of a column for a node, as xCAT's `Table.pm` (`getNodeAttribs`) resolves it.

use super::{Inventory, InventoryError};
use crate::attributes::{near, schema};
use crate::tables::Row;

/// A value that ends so is continued by the next group's (xCAT `Table.pm`).
const NEXT: &str = "+=NEXTRECORD";

impl Inventory {
    /// The value of a column such as `vm.host` for a node: its own, else that of the first of its groups that
    /// has one. `None`: nobody says anything.
    ///
    /// # Errors
    /// No such column, a table that can not be read, or a value that can not be computed.
    pub fn value(&self, node: &str, column: &str) -> Result<Option<String>, InventoryError> {
        let unknown = || unknown_column(column);
        let (table, name) = column.split_once('.').ok_or_else(unknown)?;
        self.value_of(node, table, name)
    }

    /// The row that gives a column's value for a node, for messages: its own, or a group's.
    pub fn origin_of(&self, node: &str, column: &str) -> String {
        let (table, name) = column.split_once('.').unwrap_or((column, ""));
        let found = self.candidates(node, table).ok();
        let key = found.and_then(|all| all.into_iter().find(|(_, row)| row.get(name).is_some()));
        self.origin(table, key.as_ref().map_or(node, |(key, _)| key))
    }

    pub(super) fn value_of(
        &self,
        node: &str,
        table: &str,
        column: &str,
    ) -> Result<Option<String>, InventoryError> {
        let (spec, _) = self.table(table)?;
        if !spec.has(column) {
            return Err(unknown_column(&format!("{table}.{column}")));
        }
        let mut value = String::new();
        for (_, row) in self.candidates(node, table)? {
            let Some(text) = row.get(column) else { continue };
            match text.strip_suffix(NEXT) {
                Some(text) => value.push_str(text),
                None => {
                    value.push_str(text);
                    break;
                }
            }
        }
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    /// The rows that may give a node's values, the first that has one counts: its own, then those of its groups.
    fn candidates(&self, node: &str, table: &str) -> Result<Vec<(String, &Row)>, InventoryError> {
        let (spec, rows) = self.table(table)?;
        let own = rows.find(node).map(|row| (node.to_owned(), row));
        let groups = if spec.of_nodes() { self.groups_of(node)? } else { Vec::new() };
        let inherited = groups.into_iter().filter_map(|group| rows.find(&group).map(|row| (group, row)));
        Ok(own.into_iter().chain(inherited).collect())
    }
}

fn unknown_column(column: &str) -> InventoryError {
    let (table, name) = column.split_once('.').unwrap_or((column, ""));
    let near = match schema::position(table).and_then(|at| schema::TABLES.get(at)) {
        Some(spec) => near(name, spec.columns()),
        None => near(table, schema::TABLES.iter().map(|spec| spec.name)),
    };
    InventoryError::Column { column: column.to_owned(), near }
}
