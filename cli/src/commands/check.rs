//! `check`: errors and warnings in the tables.

use serde_json::json;

use inventory::check::{Severity, check};

use crate::app::App;
use crate::error::{CommandError, Done};

pub(super) fn run(app: &mut App) -> Result<Done, CommandError> {
    let tables = app.inventory()?;
    let findings = check(&tables);
    for finding in &findings {
        match app.printer.is_json() {
            true => app.printer.object(finding),
            false => app.printer.line(&finding.to_string()),
        }
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let (nodes, warnings) = (tables.nodes()?.len(), findings.len() - errors);
    match app.printer.is_json() {
        true => app.printer.object(
            &json!({ "nodes": nodes, "errors": errors, "warnings": warnings, "tables": tables.source() }),
        ),
        false => app.printer.summary(&format!(
            "{} in {}: {}, {}",
            counted(nodes, "node"),
            tables.source(),
            counted(errors, "error"),
            counted(warnings, "warning")
        )),
    }
    Ok(if errors == 0 { Done::All } else { Done::Partly })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
