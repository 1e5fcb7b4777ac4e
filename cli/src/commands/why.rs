//! `why`: why one node does or does not reach another.

use crate::app::App;
use crate::args::WhyArgs;
use crate::delivery::Tables;
use crate::error::{CommandError, Done};
use crate::printer::Volume;
use crate::why::{Context, End, Report, gather, paths};

pub(super) async fn run(args: &WhyArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let tables = Tables::new(&inventory, &app.settings.installdir);
    let cluster = tables.cluster()?;
    let from = End::parse(&args.from, cluster, &inventory)?;
    let to = End::parse_linked(&args.to, &from.links, cluster, &inventory)?;
    if from.host.is_none() {
        return Err(CommandError::Usage(format!(
            "{} is no container and no docker host, so xdock cannot probe from it; name it second: \"xdock why {} {}\"",
            from.name, args.to, args.from
        )));
    }
    if from.name == to.name {
        return Err(CommandError::Usage(format!("{} and {} are the same node", args.from, args.to)));
    }
    let paths = paths(&from, &to);
    let (from, to) =
        gather((from, to), &paths, Context { app, inventory: &inventory, tables: &tables, cluster }).await;
    let report = Report::new(&paths, &from, &to);
    if app.printer.is_json() {
        app.printer.object(&report.json());
    } else {
        let lines = match app.printer.volume() {
            Volume::Quiet => report.verdicts(),
            _ => report.lines(app.printer.shows_colours()),
        };
        lines.iter().for_each(|line| app.printer.line(line));
    }
    Ok(if report.reaches() { Done::All } else { Done::Partly })
}
