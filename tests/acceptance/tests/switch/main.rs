//! Open vSwitch (userspace datapath: the machine's kernel has no other) as the switch of four hosts, each under another
//! network manager, with the management address on it; twelve containers on two VLANs. A failing line says which promise
//! broke.

mod deploy;
mod healing;
mod replace;
mod restarts;
mod vlans;

use acceptance::{Cluster, Failure, Tables};
use lab::{Manager, Spec};
use tokio::runtime::Runtime;

/// The hosts.
const HOSTS: [&str; 4] = ["host1", "host2", "host3", "host4"];

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("switch{}", std::process::id()).parse()?;
        let managers = vec![Manager::Ifupdown, Manager::Networkd, Manager::NetworkManager, Manager::Netplan];
        // a switch in user space passes on what has its checksums, as frames of a real card do
        let spec = Spec { managers, checksums: true, ..Spec::new(name, 4) };
        Cluster::bare(&spec, &tables(), &|line| eprintln!("  {line}")).await
    })
}

/// `br0` over `eth0` is a trunk: the hosts' own network untagged, `red` and `blue` tagged, six containers on each.
fn tables() -> Tables {
    tables_with(&MYNET0)
}

/// The hosts' own network.
const MYNET0: [(&str, &str); 3] = [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0")];

/// The same with another row for the hosts' own network.
fn tables_with(mynet0: &[(&str, &str)]) -> Tables {
    tables_of(mynet0, &[])
}

/// The same with more columns of the hosts.
fn tables_of(mynet0: &[(&str, &str)], more: &[(&str, &str)]) -> Tables {
    let network = |net: &'static str, vlan: &'static str| {
        [("net", net), ("mask", "255.255.0.0"), ("mgtifname", "br0"), ("vlanid", vlan)]
    };
    let br0 = [
        ("nictypes.br0", "bridge_ovs"),
        ("nicdevices.br0", "eth0"),
        ("nicnetworks.br0", "mynet0|red|blue"),
        ("nicextraparams.br0", "datapath_type=netdev"),
    ];
    let tables = Tables::of_lab_with(4, mynet0)
        .object("red", "network", &network("10.71.0.0", "71"))
        .object("blue", "network", &network("10.72.0.0", "72"))
        .object("dockerhosts", "group", &[&br0, more].concat());
    let tables = tables.container("spare", "host1", "10.71.1.99", &[("groups", "spares,all")]);
    let places = (1..=4).flat_map(|host| (1..=3).map(move |number| (host, number)));
    places.fold(tables, |tables, (host, number)| {
        let vlan = if (host + number) % 2 == 0 { 71 } else { 72 };
        let restart = [("vmothersettings", "restart=always")];
        let (name, ip) = (format!("host{host}c{number}"), format!("10.{vlan}.{host}.{number}"));
        tables.container(&name, &format!("host{host}"), &ip, &restart)
    })
}

fn main() {
    let promises = [
        deploy::promises(),
        vlans::promises(),
        restarts::promises(),
        healing::promises(),
        replace::promises(),
    ];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
