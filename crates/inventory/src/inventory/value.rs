//! The value of a column for a node, as xCAT's `Table.pm` (`getNodeAttribs`) resolves it.

use super::{Inventory, InventoryError};
use crate::attributes::{near, schema};
use crate::nics::entries;
use crate::regex_value::{self, RegexValueError};
use crate::tables::Row;

/// End of a value that continues with the next group's value (xCAT `Table.pm`).
const NEXT: &str = "+=NEXTRECORD";

impl Inventory {
    /// The value of a column such as `vm.host` for a node: its own, else the one of its first group that
    /// has one. `None`: no value.
    ///
    /// # Errors
    /// The column does not exist, the table cannot be read or the value cannot be computed.
    pub fn value(&self, node: &str, column: &str) -> Result<Option<String>, InventoryError> {
        let unknown = || unknown_column(column);
        let (table, name) = column.split_once('.').ok_or_else(unknown)?;
        self.value_of(node, table, name)
    }

    /// Location of the row with a column's value for a node, for messages: its own row or a group's.
    pub fn origin_of(&self, node: &str, column: &str) -> String {
        let (table, _) = column.split_once('.').unwrap_or((column, ""));
        self.origin(table, self.row_key(node, column).as_deref().unwrap_or(node))
    }

    /// The key of that row: the node, or the group.
    pub(crate) fn row_key(&self, node: &str, column: &str) -> Option<String> {
        let (table, name) = column.split_once('.')?;
        let found = self.candidates(node, table).ok()?;
        found.into_iter().find(|(_, row)| row.get(name).is_some()).map(|(key, _)| key.to_owned())
    }

    pub(super) fn value_of(
        &self,
        node: &str,
        table: &str,
        column: &str,
    ) -> Result<Option<String>, InventoryError> {
        let spec = schema::position(table).and_then(|at| schema::TABLES.get(at));
        if !spec.is_some_and(|spec| spec.has(column)) {
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
        self.computed(node, table, column, &value)
    }

    /// Computes a regular expression value for the node. An empty result counts as no value.
    fn computed(
        &self,
        node: &str,
        table: &str,
        column: &str,
        value: &str,
    ) -> Result<Option<String>, InventoryError> {
        let failed = |source: RegexValueError| InventoryError::Value {
            column: format!("{table}.{column}"),
            origin: self.origin_of(node, &format!("{table}.{column}")),
            source: source.into(),
        };
        let whole = regex_value::apply(value, node).map_err(failed)?;
        let computed = match table {
            "nics" => entries::computed(&whole, node).map_err(failed)?,
            _ => whole,
        };
        Ok(Some(computed.into_owned()).filter(|value| !value.is_empty()))
    }

    /// Keys of the rows that may have a node's value, in order: the node, then its groups.
    fn candidates<'a>(
        &'a self,
        node: &'a str,
        table: &str,
    ) -> Result<Vec<(&'a str, &'a Row)>, InventoryError> {
        let (spec, rows) = self.table(table)?;
        let mut keys = vec![node];
        if spec.of_nodes() {
            let index = self.node_index()?;
            keys.extend(index.position(node).into_iter().flat_map(|at| index.groups(at)));
        }
        Ok(keys.into_iter().filter_map(|key| Some((key, rows.find(key)?))).collect())
    }
}

fn unknown_column(column: &str) -> InventoryError {
    let (table, name) = column.split_once('.').unwrap_or((column, ""));
    let near: Vec<String> = match schema::position(table).and_then(|at| schema::TABLES.get(at)) {
        Some(spec) => near(name, spec.columns()).iter().map(|near| format!("{table}.{near}")).collect(),
        None => {
            let tables = near(table, schema::TABLES.iter().map(|spec| spec.name));
            tables.iter().map(|near| format!("{near}.{name}")).collect()
        }
    };
    InventoryError::Column { column: column.to_owned(), near }
}
