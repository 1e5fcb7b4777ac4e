//! `nodes`: resolves a noderange.

use serde_json::{Map, Value};

use crate::app::App;
use crate::args::NodesArgs;
use crate::error::{CommandError, Done};

pub(super) fn run(args: &NodesArgs, app: &mut App) -> Result<Done, CommandError> {
    let tables = app.inventory()?;
    for node in app.select(&tables, &args.nodes.noderange)? {
        if args.attributes.is_empty() {
            match app.printer.is_json() {
                true => app.printer.object(&serde_json::json!({ "node": node })),
                false => app.printer.line(node.as_str()),
            }
            continue;
        }
        let mut object = Map::from_iter([("node".to_owned(), Value::from(node.as_str()))]);
        for name in &args.attributes {
            let value = value(&tables, node.as_str(), name)?;
            match app.printer.is_json() {
                true => drop(object.insert(name.clone(), value.into())),
                false => app.printer.line(&format!("{node}: {name}: {}", value.unwrap_or_default())),
            }
        }
        if app.printer.is_json() {
            app.printer.object(&object);
        }
    }
    Ok(Done::All)
}

/// `groups` and `ip` are attributes, `vm.host` is a column, `nicips.eth1` is an attribute of an interface.
fn value(tables: &inventory::Inventory, node: &str, name: &str) -> Result<Option<String>, CommandError> {
    match tables.attribute(node, name) {
        Err(_) if name.contains('.') => Ok(tables.value(node, name)?),
        found => Ok(found?),
    }
}
