//! Finds the network namespace of a container by its veth pair.

use std::path::{Path, PathBuf};

use hostnet::netns::Namespace;
use hostnet::{Kernel, Link, NetError, Settings};
use inventory::IfName;

use crate::state::Endpoint;

/// Where dockerd mounts the namespaces of its containers (libnetwork `osl/namespace_linux.go`).
const NAMESPACES: &str = "/run/docker/netns";

/// Host ends and their container ends.
type Ends = Vec<(IfName, IfName)>;

/// The container's namespace, and the names of its ends of the endpoints' ports there: the recorded one, which exists also
/// without ports, otherwise the one that has the other end of a port.
pub(super) fn namespace(records: &[Endpoint], links: &[Link]) -> Option<(PathBuf, Ends)> {
    let ports: Vec<&Link> = records
        .iter()
        .filter_map(|record| links.iter().find(|link| link.name == record.port()))
        .filter(|link| link.peer_netns.is_some())
        .collect();
    let ends_in = |path: &Path| -> Option<Ends> {
        let inside = links_of(path)?;
        Some(ports.iter().filter_map(|port| end(port, &inside)).collect())
    };
    let recorded = records.iter().find_map(|record| record.sandbox.clone());
    if let Some(found) = recorded.and_then(|path| Some((ends_in(&path)?, path))) {
        return Some((found.1, found.0));
    }
    if ports.is_empty() {
        return None;
    }
    let paths = durable::list(Path::new(NAMESPACES)).ok().flatten().unwrap_or_default();
    let mut with_ends = paths.into_iter().filter_map(|path| Some((ends_in(&path)?, path)));
    with_ends.find(|(ends, _)| !ends.is_empty()).map(|(ends, path)| (path, ends))
}

/// The container end of a port: each end names the other's index.
fn end(port: &Link, inside: &[Link]) -> Option<(IfName, IfName)> {
    let Settings::Veth { peer } = port.settings else { return None };
    let is_end = |link: &&Link| link.index == peer && link.settings == Settings::Veth { peer: port.index };
    inside.iter().find(is_end).map(|link| (port.name.clone(), link.name.clone()))
}

/// The interfaces of a namespace. `None`: it ended meanwhile.
fn links_of(path: &Path) -> Option<Vec<Link>> {
    let namespace = Namespace::open(path).ok()?;
    let read = || -> Option<Result<Vec<Link>, NetError>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        Some(runtime.block_on(async { Kernel::open()?.links().await }))
    };
    namespace.run(read).ok()??.ok()
}
