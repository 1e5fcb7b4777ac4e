//! The cluster's tables. Each table is read when it is first needed.

mod attributes;
mod error;
mod nodes;
mod select;
mod value;

use std::sync::OnceLock;

pub use error::InventoryError;

use crate::attributes::schema::{self, TableSpec};
use crate::source::{InventoryUrl, Source};
use crate::tables::{Row, Table};

use nodes::NodeIndex;

/// The tables behind an inventory URL. Each table is read once, when it is first needed.
#[derive(Debug)]
pub struct Inventory {
    source: Source,
    /// In the order of [`schema::TABLES`].
    tables: Vec<OnceLock<Table>>,
    nodes: OnceLock<NodeIndex>,
}

impl Inventory {
    /// Opens the tables that the URL names.
    ///
    /// # Errors
    /// The tables do not exist, or the stanza file is invalid.
    pub fn open(url: &InventoryUrl) -> Result<Self, InventoryError> {
        Ok(Self::over(Source::open(url)?))
    }

    /// Reads the tables from stanza text.
    ///
    /// # Errors
    /// The text is invalid; the message names the line.
    pub fn from_stanzas(text: &str) -> Result<Self, InventoryError> {
        Ok(Self::over(Source::from_stanzas(text)?))
    }

    fn over(source: Source) -> Self {
        let tables = schema::TABLES.iter().map(|_| OnceLock::new()).collect();
        Self { source, tables, nodes: OnceLock::new() }
    }

    /// URL of the inventory.
    pub fn source(&self) -> String {
        self.source.to_string()
    }

    /// The visible rows of a table, in its order.
    ///
    /// # Errors
    /// The table does not exist or cannot be read.
    pub fn rows(&self, table: &str) -> Result<&[Row], InventoryError> {
        Ok(self.table(table)?.1.rows())
    }

    /// The first visible row with this key, such as a node or group.
    ///
    /// # Errors
    /// As [`Inventory::rows`].
    pub fn row(&self, table: &str, key: &str) -> Result<Option<&Row>, InventoryError> {
        Ok(self.table(table)?.1.find(key))
    }

    /// Value of an attribute of the `site` table, without surrounding space; `None`: missing or empty.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn site(&self, key: &str) -> Result<Option<&str>, InventoryError> {
        let value = self.row("site", key)?.and_then(|row| row.get("value"));
        Ok(value.map(str::trim).filter(|value| !value.is_empty()))
    }

    /// Location of a row, for messages: `vm row d1 in /etc/xcat/vm.sqlite`, `d1 in cluster.stanza line 12`.
    pub fn origin(&self, table: &str, key: &str) -> String {
        let line = self.row(table, key).ok().flatten().and_then(Row::line);
        self.source.origin(table, key, line)
    }

    fn table(&self, name: &str) -> Result<(&'static TableSpec, &Table), InventoryError> {
        let unknown = || InventoryError::unknown_table(name);
        let at = schema::position(name).ok_or_else(unknown)?;
        let (spec, cell) = schema::TABLES.get(at).zip(self.tables.get(at)).ok_or_else(unknown)?;
        if let Some(table) = cell.get() {
            return Ok((spec, table));
        }
        let read = Table::new(spec.key, self.source.rows(spec)?);
        // another thread may have been faster: the same rows
        Ok((spec, cell.get_or_init(|| read)))
    }
}
