//! A real Open vSwitch, and what is configured there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failure fails the test")]

mod bridges;
mod filters;
#[path = "../frames/mod.rs"]
mod frames;
#[path = "../namespace/mod.rs"]
mod namespace;
mod ports;
mod published;
mod restarts;
#[path = "../switch/mod.rs"]
mod switch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hostnet::ovs::{BridgeSpec, PortSpec, Switch};
use hostnet::{Kernel, Veth};
use inventory::Datapath;
use namespace::{mac, name, veth};
use switch::Daemons;

/// Longer than anything that is waited for takes on a loaded machine.
const LONG: Duration = Duration::from_secs(60);

/// Waits for a state.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < LONG, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn wire(kernel: &Kernel, end: &str, far: &str) {
    // only `xc1` has the container's MAC: the switch learns it from the packets that the kernel sends by itself
    let mac = match far {
        "xc1" => veth(0).mac,
        _ => mac(&format!("02:42:0a:63:ff:{:02x}", far.bytes().next_back().unwrap())),
    };
    let pair = Veth { host_end: name(end), container_end: name(far), bridge: None, mac, ..veth(0) };
    kernel.attach(&pair).await.unwrap();
    kernel.set_up(&pair.container_end, true).await.unwrap();
}

fn bridge() -> BridgeSpec {
    BridgeSpec {
        name: name("br0"),
        datapath: Datapath::Netdev,
        mac: Some(mac("02:00:00:00:00:01")),
        uplink: Some(name("up0")),
        tag: Some(5),
        mtu: Some(1400),
    }
}

fn port(tag: Option<u16>) -> PortSpec {
    let external_ids = BTreeMap::from([("xdock-node".to_owned(), "d1".to_owned())]);
    PortSpec { bridge: name("br0"), port: name("xh1"), tag, external_ids }
}

/// A switch with the bridge of [`bridge`], whose uplink is a wire, and a pair `xh1`, `xc1` that is not plugged in.
async fn ready() -> (Daemons, Kernel, Switch) {
    let daemons = Daemons::start();
    let kernel = Kernel::open().unwrap();
    wire(&kernel, "up0", "far0").await;
    wire(&kernel, "xh1", "xc1").await;
    let switch = Switch::open(&daemons.remote()).unwrap().with_apply_timeout(LONG);
    assert!(switch.add_bridge(&bridge()).await.unwrap());
    (daemons, kernel, switch)
}
