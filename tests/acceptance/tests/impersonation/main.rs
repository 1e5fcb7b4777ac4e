//! Containers send as themselves only, and isolated ones reach their links only: on a Linux bridge and on Open vSwitch, on
//! one host and across two. A failing line says which promise broke.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure fails the promise")]

#[path = "../../../../crates/hostnet/tests/frames/mod.rs"]
mod frames;
mod isolation;
mod senders;
mod stage;

use acceptance::{Cluster, Failure, Tables};
use lab::Spec;
use tokio::runtime::Runtime;

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("spoof{}", std::process::id()).parse()?;
        // a switch in user space passes on what has its checksums, as frames of a real card do
        let spec = Spec { nics: 3, checksums: true, ..Spec::new(name, 2) };
        let cluster = Cluster::provision_as(&spec, &tables(&[], &[]), &|line| eprintln!("  {line}")).await?;
        cluster.xdock_done("mk containers --start").await?;
        Ok(cluster)
    })
}

/// `a1` and `b1` on host1 and `c2` on host2, each on `net98` (a Linux bridge over eth1) and on `red` (VLAN 71 of an Open
/// vSwitch bridge over eth2). `networks`: more attributes of both networks; `a1`: of this node.
fn tables(networks: &[(&str, &str)], a1: &[(&str, &str)]) -> Tables {
    let net98 = [("net", "10.98.0.0,fd00:98::"), ("mask", "255.255.0.0,64"), ("mgtifname", "eth1")];
    let red =
        [("net", "10.71.0.0,fd00:71::"), ("mask", "255.255.0.0,64"), ("mgtifname", "br1"), ("vlanid", "71")];
    let bridges = [
        ("nictypes.br98", "bridge"),
        ("nicdevices.br98", "eth1"),
        ("nicnetworks.br98", "net98"),
        ("nictypes.br1", "bridge_ovs"),
        ("nicdevices.br1", "eth2"),
        ("nicnetworks.br1", "red"),
        ("nicextraparams.br1", "datapath_type=netdev"),
    ];
    let tables = Tables::of_lab(2)
        .object("net98", "network", &[&net98[..], networks].concat())
        .object("red", "network", &[&red[..], networks].concat())
        .object("dockerhosts", "group", &bridges);
    [("a1", "host1", 1), ("b1", "host1", 2), ("c2", "host2", 3)].into_iter().fold(
        tables,
        |tables, (name, host, last)| {
            let (first, second) =
                (format!("10.98.1.{last}|fd00:98::1:{last}"), format!("10.71.1.{last}|fd00:71::1:{last}"));
            let more = [
                ("nicips.eth0", first.as_str()),
                ("nicnetworks.eth0", "net98"),
                ("nicips.eth1", second.as_str()),
                ("nicnetworks.eth1", "red"),
            ];
            let own = if name == "a1" { a1 } else { &[] };
            tables.container(name, host, &format!("10.98.1.{last}"), &[&more[..], own].concat())
        },
    )
}

fn main() {
    let promises = [senders::promises(), isolation::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
