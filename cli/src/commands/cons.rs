//! `cons`: console of a container.

use crate::app::App;
use crate::args::ConsArgs;
use crate::console::{self, ConsoleOptions};
use crate::error::{CommandError, Done};
use crate::printer::Volume;
use crate::targets;
use chain::chain;

pub(super) async fn run(args: &ConsArgs, app: &mut App) -> Result<Done, CommandError> {
    if app.printer.is_json() {
        return Err(CommandError::Usage("cons does not support --json".to_owned()));
    }
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.node)?;
    let [node] = nodes.as_slice() else {
        return Err(CommandError::Usage(format!(
            "a console is of one node: {} is {}",
            args.node,
            nodes.len()
        )));
    };
    let targets = targets::containers(&nodes, app, &inventory)?;
    let Some(group) = targets.groups.first() else { return Ok(Done::All) };
    let options = ConsoleOptions {
        exec: args.exec.clone(),
        log: args.log,
        server: args.server,
        quiet: app.printer.volume() == Volume::Quiet,
    };
    match console::run(&group.host, node.as_str(), &options).await {
        Ok(left) => Ok(Done::Ended(left.status())),
        Err(error) => {
            app.printer.node_error(node.as_str(), &chain(&error), None);
            Ok(Done::Partly)
        }
    }
}
