//! `plan`: shows the planned network of a host.

use inventory::NodeName;

use crate::app::App;
use crate::args::PlanArgs;
use crate::error::{CommandError, Done};

pub(super) fn run(args: &PlanArgs, app: &mut App) -> Result<Done, CommandError> {
    let host: NodeName = args
        .host
        .parse()
        .map_err(|error: inventory::name::NameError| CommandError::Usage(error.to_string()))?;
    let plan = app.inventory()?.host_plan(&host)?;
    match app.printer.is_json() {
        true => app.printer.object(&plan),
        false => app.printer.line(plan.to_string().trim_end()),
    }
    Ok(Done::All)
}
