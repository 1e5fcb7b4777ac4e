//! Result of a command, and the errors that end it before it changes anything.

use std::io;

use chain::chain;
use inventory::{InventoryError, NodeName, SourceError};
use thiserror::Error;

use crate::enroll::{AuthorityError, LedgerError};
use crate::printer::Printer;
use crate::settings::SettingsError;
use crate::tables::TablesError;

/// Hint for invalid rows.
pub(crate) const CHECK: &str = "run \"xdock check\" to check all tables";

/// Result of a command that made changes or printed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Everything succeeded.
    All,
    /// Some nodes failed, or the tables have errors.
    Partly,
    /// A program in a container ended; its exit status is ours.
    Ended(u8),
}

impl Done {
    /// Result of a command with `failed` nodes.
    pub(crate) fn of(failed: usize) -> Self {
        if failed == 0 { Self::All } else { Self::Partly }
    }
}

/// Error that ends a command before it changes anything.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// The async runtime did not start.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// `knock` was started without a connection.
    #[error("standard input is not a TCP connection; xdock-knock.socket starts this command")]
    NoConnection(#[source] io::Error),
    /// Invalid settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The location of the tables is unknown.
    #[error(transparent)]
    Where(#[from] TablesError),
    /// Unreadable or invalid tables.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Invalid noderange.
    #[error(transparent)]
    Noderange(#[from] inventory::NoderangeError),
    /// Noderange without nodes: an empty group, a pattern without a match, or all nodes are in `site.excludenodes`.
    #[error("noderange {noderange:?} selects no node: nothing was done")]
    Nobody {
        /// The noderange.
        noderange: String,
    },
    /// Invalid stanza file.
    #[error(transparent)]
    Stanza(#[from] inventory::stanza::StanzaError),
    /// xCAT's tables are changed with xCAT's commands.
    #[error("{url} are xCAT's tables, which xdock does not write: use {instead}")]
    ReadOnly {
        /// Their URL.
        url: String,
        /// The xCAT command to use.
        instead: &'static str,
    },
    /// Invalid arguments.
    #[error("{0}")]
    Usage(String),
    /// An end of `why` that does not exist.
    #[error(transparent)]
    End(#[from] crate::why::EndError),
    /// Invalid rows, each with its node.
    #[error("nothing was done: the tables have invalid values for {}", nodes(.0.len()))]
    Nodes(Vec<(NodeName, String)>),
    /// Invalid columns of a host.
    #[error(transparent)]
    Host(#[from] inventory::compile::HostError),
    /// Certificate authority of `host enroll`.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// List of issued certificates.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Files of `init`.
    #[error(transparent)]
    Init(Box<dyn std::error::Error + Send + Sync>),
    /// File error.
    #[error(transparent)]
    File(#[from] durable::FileError),
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

/// Prints an error with its hint. `tables_configured`: the user has set the location of the tables.
pub(crate) fn report(error: &CommandError, tables_configured: bool, printer: &mut Printer) {
    if let CommandError::Nodes(wrong) = error {
        for (node, text) in wrong {
            printer.node_error(node.as_str(), text, None);
        }
    }
    printer.error(&chain(error));
    match error {
        CommandError::Nodes(_) => printer.hint(CHECK),
        // messages of databases contain a hint
        CommandError::Inventory(InventoryError::Source(SourceError::Database(_))) => {}
        CommandError::Inventory(InventoryError::Source(_)) if !tables_configured => {
            printer.hint("set the location of the tables with --inventory, XDOCK_INVENTORY or the settings; xdock def creates the first table");
        }
        _ => {}
    }
}
