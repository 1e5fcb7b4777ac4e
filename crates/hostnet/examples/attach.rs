//! Measures how long attaching and deleting a veth pair takes: `cargo run -p hostnet --example attach` as root. Uses its own
//! network namespace.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the product")]

use std::time::{Duration, Instant};

use hostnet::netns::Namespace;
use hostnet::{BridgeSpec, Kernel, Veth, arp};

const ROUNDS: usize = 200;

/// Pairs that exist during the measurement.
const NEIGHBOURS: usize = 100;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Namespace::new().unwrap().run(|| runtime.block_on(measure())).unwrap();
}

async fn measure() {
    let kernel = Kernel::open().unwrap();
    let spec = BridgeSpec { name: "br0".parse().unwrap(), mac: None, mtu: None };
    kernel.add_bridge(&spec).await.unwrap();
    let bridge = kernel.link(&spec.name).await.unwrap().unwrap().index;
    for number in 1..=NEIGHBOURS {
        kernel.attach(&pair(bridge, number)).await.unwrap();
    }
    let (mut attach, mut links, mut announce, mut delete) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let veth = pair(bridge, 0);
    for _ in 0..ROUNDS {
        attach.push(timed(kernel.attach(&veth)).await);
        links.push(timed(kernel.links()).await);
        let address = "10.99.1.1".parse().unwrap();
        announce.push(timed(arp::announce(&spec.name, address, veth.mac)).await);
        delete.push(timed(kernel.delete(&veth.host_end)).await);
    }
    for (what, times) in [("attach", attach), ("links", links), ("announce", announce), ("delete", delete)] {
        report(what, times);
    }
}

fn pair(bridge: u32, number: usize) -> Veth {
    Veth {
        host_end: format!("xh{number}").parse().unwrap(),
        container_end: format!("xc{number}").parse().unwrap(),
        mac: "02:42:0a:63:01:02".parse().unwrap(),
        mtu: 1500,
        bridge: Some(bridge),
    }
}

async fn timed<T, E: std::fmt::Debug>(work: impl Future<Output = Result<T, E>>) -> Duration {
    let start = Instant::now();
    work.await.unwrap();
    start.elapsed()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!("{what}: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
}
