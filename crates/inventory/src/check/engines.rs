//! Ports of engines in `vm.host`.

use super::Finding;
use crate::compile::Cluster;
use crate::container::DockerHost;

/// One warning for all rows with Docker's port without TLS, because xCAT's examples use this port everywhere.
pub(super) fn findings(cluster: &Cluster<'_>) -> Option<Finding> {
    let cells =
        cluster.placed().iter().filter_map(|(node, _)| Some((node, cluster.text(node, "vm.host").ok()??)));
    let mut plain = cells.filter(|(_, text)| DockerHost::has_plain_port(text));
    let (node, text) = plain.next()?;
    let more = match plain.count() {
        0 => String::new(),
        more => format!(" (and of {more} more)"),
    };
    let host = text.split(':').next().unwrap_or_default();
    let place = format!("vm.host of {node}");
    let text = format!(
        "vm.host={text} of {node}{more}: port {} is Docker's port without TLS, which xdock does not use; it reaches the engine by ssh, or by TLS where the host is enrolled; write vm.host={host}",
        DockerHost::PLAIN_PORT
    );
    Some(Finding::warning(place, &text, []))
}
