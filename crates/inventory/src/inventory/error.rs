//! Why the tables can not answer.

use thiserror::Error;

use crate::attributes::{near, schema};
use crate::name::NameError;
use crate::noderange::NoderangeError;
use crate::regex_value::RegexValueError;
use crate::source::SourceError;

/// Why a question to the inventory has no answer.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// Tables that can not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A node whose name can not be one.
    #[error("{origin} cannot be used; rename the node")]
    NodeName {
        /// Where the row is.
        origin: String,
        /// The rule.
        #[source]
        source: NameError,
    },
    /// A table that xCAT does not have.
    #[error("xCAT has no table {table}{}", hint(near))]
    Table {
        /// As given.
        table: String,
        /// Names that may have been meant.
        near: Vec<&'static str>,
    },
    /// Not `TABLE.COLUMN` of the schema.
    #[error("xCAT has no column {column}{}", hint(near))]
    Column {
        /// As given.
        column: String,
        /// Columns that may have been meant.
        near: Vec<String>,
    },
    /// A noderange that selects nothing.
    #[error(transparent)]
    Noderange(#[from] NoderangeError),
    /// A dynamic group whose `wherevals` is no list of criteria.
    #[error("{criterion:?} in {origin} is not a criterion such as mgt==docker; correct wherevals there")]
    Wherevals {
        /// As written.
        criterion: String,
        /// Where the row is.
        origin: String,
    },
    /// `site.excludenodes`, which is taken away from every noderange.
    #[error("{origin} cannot be used; correct the value there")]
    ExcludeNodes {
        /// Where the row is.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: Box<InventoryError>,
    },
    /// A rule (`/RE/TEXT/`, `|RE|TEMPLATE|`) that can not be applied.
    #[error("{column} in {origin} cannot be computed; correct the value there")]
    Value {
        /// `TABLE.COLUMN`.
        column: String,
        /// Where the row is.
        origin: String,
        /// What is wrong in it.
        #[source]
        source: Box<RegexValueError>,
    },
    /// An attribute that nodes do not have.
    #[error("xCAT has no node attribute {name}{}", hint(near))]
    Attribute {
        /// As given.
        name: String,
        /// Names that may have been meant.
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
