//! A host's network, written down.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each test binary uses a part of it, and fails if that is impossible"
)]

pub(crate) mod model;

use hostnet::{BridgeSettings, Kind, Layer, Link, Route, Settings};
use inventory::{HostPlan, IfName};
use postscripts::environment::Environment;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::{Step, plan};
use postscripts::steps::network::resolve::{Memory, resolve};

/// The steps that move the bare host's address into the Linux bridge `mynet0`.
pub(crate) const MOVE: [&str; 6] = [
    "add bridge mynet0",
    "add 10.99.0.11/16 to mynet0",
    "route default via 10.99.0.1 through mynet0",
    "attach eth0 to mynet0",
    "wait for mynet0 to be operational",
    "remove 10.99.0.11/16 from eth0",
];

/// The same into an Open vSwitch bridge in user space.
pub(crate) const MOVE_INTO_SWITCH: [&str; 6] = [
    "add Open vSwitch bridge mynet0 with port eth0",
    "set mynet0 up",
    "add 10.99.0.11/16 to mynet0",
    "route default via 10.99.0.1 through mynet0",
    "remove 10.99.0.11/16 from eth0",
    "isolate eth0 from the host's IP stack",
];

/// A host with `eth0` (10.99.0.11/16, default route) and a bare `eth1`.
pub(crate) fn bare_host() -> Observed {
    Observed {
        links: vec![loopback(), link(2, "eth0"), Link { up: false, ..link(3, "eth1") }],
        addresses: vec![(name("eth0"), "10.99.0.11/16".parse().unwrap())],
        routes: vec![(name("eth0"), Route::default_via("10.99.0.1".parse().unwrap()))],
        ..Observed::default()
    }
}

/// The bridge that a run makes of it.
pub(crate) fn bridge() -> Link {
    let settings = Settings::Bridge(BridgeSettings::OURS);
    Link { kind: Kind::Bridge, mac: link(2, "eth0").mac, settings, ..link(4, "mynet0") }
}

/// The same host as it is afterwards.
pub(crate) fn bridged_host() -> Observed {
    let mut host = bare_host();
    host.links.push(bridge());
    host.links[1].master = Some(4);
    host.addresses[0].0 = name("mynet0");
    host.routes[0].0 = name("mynet0");
    host
}

/// What makes such a host follow, in words.
pub(crate) fn steps(wanted: &HostPlan, host: &Observed) -> Vec<String> {
    words(&plan(&resolve(wanted, host, &Memory::default()).unwrap(), host))
}

pub(crate) fn words(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

/// Why it cannot follow.
pub(crate) fn refusal(wanted: &HostPlan, host: &Observed) -> String {
    resolve(wanted, host, &Memory::default()).unwrap_err().to_string()
}

pub(crate) fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn loopback() -> Link {
    Link { mac: None, layer: Layer::Other, ..link(1, "lo") }
}

/// An interface of hardware that is up.
pub(crate) fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.parse().unwrap(),
        kind: Kind::Other(String::new()),
        mac: Some(format!("02:78:64:00:00:{index:02x}").parse().unwrap()),
        permanent_mac: None,
        altnames: Vec::new(),
        mtu: 1500,
        up: true,
        running: true,
        master: None,
        peer_netns: None,
        alias: None,
        layer: Layer::Ethernet,
        max_mtu: None,
        settings: Settings::None,
    }
}

/// The tables of a host at 10.99.0.11 in network mynet0, with further variables.
pub(crate) fn tables(more: &[(&str, &str)]) -> HostPlan {
    let network = "netname=mynet0||net=10.99.0.0||mask=255.255.0.0||gateway=10.99.0.1";
    let second = "netname=net98||net=10.98.0.0||mask=255.255.0.0||mtu=1400";
    let variables = [
        ("NODE", "host1"),
        ("IPADDR", "10.99.0.11"),
        ("MASTER_IP", "10.99.0.1"),
        ("NETWORKS_LINES", "2"),
        ("NETWORKS_LINE1", network),
        ("NETWORKS_LINE2", second),
    ];
    let environment: Environment = variables.into_iter().chain(more.iter().copied()).collect();
    HostPlan::compile(&environment.tables().unwrap()).unwrap()
}

/// The part of a plan that has these devices.
pub(crate) fn only(mut plan: HostPlan, devices: &[&str]) -> HostPlan {
    plan.devices.retain(|device| devices.contains(&device.name.as_str()));
    plan
}

/// The bridge that the tables give a host by default.
pub(crate) fn default_plan() -> HostPlan {
    tables(&[])
}

/// The network of the host on a bridge over eth0 with that name, of that type; an Open vSwitch bridge switches in user space.
pub(crate) fn named(bridge: &str, kind: &str) -> HostPlan {
    let types = format!("{bridge}!{kind}");
    let devices = format!("{bridge}!eth0");
    let networks = format!("{bridge}!mynet0");
    let extra = format!("{bridge}!datapath_type=netdev");
    let mut more = vec![("NICTYPES", types.as_str()), ("NICDEVICES", &devices), ("NICNETWORKS", &networks)];
    if kind == "bridge_ovs" {
        more.push(("NICEXTRAPARAMS", &extra));
    }
    tables(&more)
}

/// A bridge over `nic`, on which the host has no address, and nothing else.
pub(crate) fn second_plan(nic: &str) -> HostPlan {
    let devices = format!("br98!{nic}");
    let plan =
        tables(&[("NICTYPES", "br98!bridge"), ("NICDEVICES", &devices), ("NICNETWORKS", "br98!net98")]);
    only(plan, &["br98", nic])
}
