//! `def` and `undef`: changes of the stanza file.

use inventory::InventoryUrl;
use inventory::stanza::StanzaFile;

use super::{CommandError, Done};
use crate::app::App;
use crate::args::{DefArgs, NoderangeArg};

pub(super) fn define(args: &DefArgs, app: &mut App) -> Result<Done, CommandError> {
    let file = file(app, "chdef or mkdef")?;
    let names = names(&args.nodes.noderange)?;
    file.define(&names, &args.attributes)?;
    Ok(told(&names, app))
}

pub(super) fn undefine(args: &NoderangeArg, app: &mut App) -> Result<Done, CommandError> {
    let file = file(app, "rmdef")?;
    let names: Vec<String> =
        app.inventory()?.select(&args.noderange)?.into_iter().map(String::from).collect();
    file.undefine(&names)?;
    Ok(told(&names, app))
}

fn file(app: &App, instead: &'static str) -> Result<StanzaFile, CommandError> {
    match app.inventory_url()? {
        InventoryUrl::File(path) => Ok(StanzaFile::new(&path)),
        url @ InventoryUrl::Xcat(_) => Err(CommandError::ReadOnly { url: url.to_string(), instead }),
    }
}

/// The names of a list: those that are to be need not be there.
fn names(list: &str) -> Result<Vec<String>, CommandError> {
    Ok(list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn told(names: &[String], app: &mut App) -> Done {
    for name in names {
        app.printer.node(name, "success", &serde_json::Map::new());
    }
    Done::All
}
