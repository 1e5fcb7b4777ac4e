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

/// The namespace that has the other ends of the endpoints' ports, and their names there.
pub(super) fn namespace(records: &[Endpoint], links: &[Link]) -> Option<(PathBuf, Ends)> {
    let ports: Vec<&Link> = records
        .iter()
        .filter_map(|record| links.iter().find(|link| link.name == record.port()))
        .filter(|link| link.peer_netns.is_some())
        .collect();
    if ports.is_empty() {
        return None;
    }
    let paths = durable::list(Path::new(NAMESPACES)).ok().flatten().unwrap_or_default();
    paths.into_iter().find_map(|path| {
        let inside = links_of(&path)?;
        let ends: Ends = ports.iter().filter_map(|port| end(port, &inside)).collect();
        (!ends.is_empty()).then_some((path, ends))
    })
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
