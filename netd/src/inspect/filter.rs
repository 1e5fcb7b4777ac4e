//! The packet filters that see bridged packets.

use std::path::Path;

use chain::chain;
use hostnet::firewall::{self, Family};
use hostnet::{Kernel, Kind};
use inspection::{Filter, Filtered};
use inventory::IfName;

/// Reads the FORWARD chains, and whether bridged packets pass them.
pub(super) async fn observe() -> Result<Vec<Filter>, String> {
    let kernel = Kernel::open().map_err(|error| chain(&error))?;
    let (links, observed) = tokio::join!(kernel.links(), firewall::observe());
    let (links, observed) = (links.map_err(|error| chain(&error))?, observed.map_err(|error| chain(&error))?);
    let bridges: Vec<&IfName> =
        links.iter().filter(|link| link.kind == Kind::Bridge).map(|link| &link.name).collect();
    let listings = [(Family::V4, observed.v4), (Family::V6, observed.v6)];
    let filters = listings
        .into_iter()
        .filter_map(|(family, listing)| Some(filter(family, &listing?, &bridges, sees_bridged(family))));
    Ok(filters.collect())
}

fn filter(family: Family, listing: &str, bridges: &[&IfName], sees_bridged: bool) -> Filter {
    let accepted = firewall::accepted(family, listing);
    let filtered = |bridge: &&IfName| Filtered {
        bridge: (*bridge).clone(),
        accepted: accepted.contains(bridge),
        drops: firewall::drops_before(family, bridge, listing).into_iter().map(str::to_owned).collect(),
    };
    Filter {
        program: family.program().to_owned(),
        sees_bridged,
        bridges: bridges.iter().map(filtered).collect(),
    }
}

/// Without br_netfilter the file does not exist (net/bridge/br_netfilter_hooks.c).
fn sees_bridged(family: Family) -> bool {
    let path = format!("/proc/sys/net/bridge/bridge-nf-call-{}", family.program());
    durable::kernel_text(Path::new(&path)).is_some_and(|text| text.trim() == "1")
}
