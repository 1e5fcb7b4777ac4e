//! `def` and `undef`: changes of the stanza file.

use inventory::stanza::StanzaFile;
use inventory::{InventoryUrl, noderange};

use crate::app::{self, App};
use crate::args::{DefArgs, NoderangeArg};
use crate::error::{CommandError, Done};

pub(super) fn define(args: &DefArgs, app: &mut App) -> Result<Done, CommandError> {
    let file = file(app, "chdef or mkdef")?;
    let names = names(args, app)?;
    file.define(&names, &args.attributes)?;
    Ok(told(&names, app))
}

pub(super) fn undefine(args: &NoderangeArg, app: &mut App) -> Result<Done, CommandError> {
    let file = file(app, "rmdef")?;
    let names: Vec<String> =
        app.select(&app.inventory()?, &args.noderange)?.into_iter().map(String::from).collect();
    file.undefine(&names)?;
    Ok(told(&names, app))
}

fn file(app: &App, instead: &'static str) -> Result<StanzaFile, CommandError> {
    match app.inventory_url()? {
        InventoryUrl::File(path) => Ok(StanzaFile::new(&path)),
        url @ (InventoryUrl::Xcat(_) | InventoryUrl::Database(_)) => {
            Err(CommandError::ReadOnly { url: url.to_string(), instead })
        }
    }
}

/// Existing nodes of a noderange, otherwise new node names. Errors in the tables are reported when the file is
/// changed. An empty group is not a new node.
fn names(args: &DefArgs, app: &App) -> Result<Vec<String>, CommandError> {
    let noderange = &args.nodes.noderange;
    let is_node = args.attributes.iter().all(|(name, value)| name != "objtype" || value == "node");
    let tables = app.inventory().ok().filter(|_| is_node);
    match tables.map(|tables| app.select(&tables, noderange)) {
        Some(Ok(nodes)) => Ok(nodes.into_iter().map(String::from).collect()),
        Some(Err(nobody @ CommandError::Nobody { .. })) => Err(nobody),
        Some(Err(_)) | None => Ok(noderange::names(noderange, &app::number_names())?),
    }
}

fn told(names: &[String], app: &mut App) -> Done {
    for name in names {
        app.printer.node(name, "success", &serde_json::Map::new());
    }
    Done::All
}
