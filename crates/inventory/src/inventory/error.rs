//! Errors of the inventory.

use thiserror::Error;

use crate::attributes::{near, schema};
use crate::name::NameError;
use crate::noderange::NoderangeError;
use crate::regex_value::RegexValueError;
use crate::source::SourceError;

/// Error of a query to the inventory.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// A table that cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Invalid node name.
    #[error("{origin} cannot be used; rename the node")]
    NodeName {
        /// Location of the row.
        origin: String,
        /// The rule.
        #[source]
        source: NameError,
    },
    /// Table that xCAT does not have.
    #[error("xCAT has no table {table}{}", hint(near))]
    Table {
        /// As given.
        table: String,
        /// Similar names.
        near: Vec<&'static str>,
    },
    /// Not `TABLE.COLUMN` of the schema.
    #[error("xCAT has no column {column}{}", hint(near))]
    Column {
        /// As given.
        column: String,
        /// Similar columns.
        near: Vec<String>,
    },
    /// A noderange that selects nothing.
    #[error(transparent)]
    Noderange(#[from] NoderangeError),
    /// A dynamic group whose `wherevals` is not a list of criteria.
    #[error("{criterion:?} in {origin} is not a criterion such as mgt==docker; correct wherevals there")]
    Wherevals {
        /// As written.
        criterion: String,
        /// Location of the row.
        origin: String,
    },
    /// Invalid `site.excludenodes`, which every noderange excludes.
    #[error("{origin} cannot be used; correct the value there")]
    ExcludeNodes {
        /// Location of the row.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: Box<InventoryError>,
    },
    /// A regular expression value (`/RE/TEXT/`, `|RE|TEMPLATE|`) that cannot be computed.
    #[error("{column} in {origin} cannot be computed; correct the value there")]
    Value {
        /// `TABLE.COLUMN`.
        column: String,
        /// Location of the row.
        origin: String,
        /// What is wrong in it.
        #[source]
        source: Box<RegexValueError>,
    },
    /// Attribute that nodes do not have.
    #[error("xCAT has no node attribute {name}{}", hint(near))]
    Attribute {
        /// As given.
        name: String,
        /// Similar names.
        near: Vec<&'static str>,
    },
}

impl InventoryError {
    pub(super) fn unknown_table(table: &str) -> Self {
        let names = schema::TABLES.iter().map(|spec| spec.name);
        Self::Table { table: table.to_owned(), near: near(table, names) }
    }
}

fn hint(near: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = near.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(", ")) }
}
