//! Problems of the host's own network, as `xdock-network-watch` reports them.

use std::path::Path;

use serde::Deserialize;

/// The service writes it, and systemd removes it when the service stops (postscripts, `heal/report.rs`).
const FILE: &str = "/run/xdock/network/watch.json";

#[derive(Default, Deserialize)]
struct Report {
    problems: Vec<String>,
}

/// None if the service does not run.
pub(super) fn problems() -> Vec<String> {
    let text = durable::read(Path::new(FILE)).ok().flatten().unwrap_or_default();
    let report: Report = serde_json::from_slice(&text).unwrap_or_default();
    report.problems.into_iter().map(|problem| format!("host network: {problem}")).collect()
}
