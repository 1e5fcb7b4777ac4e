//! How long plugging in and out takes: `cargo run -p hostnet --example attach` as root; makes nothing outside of a
//! network namespace of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a part of the product")]

use std::time::{Duration, Instant};

use hostnet::netns::Namespace;
use hostnet::{BridgeSpec, Kernel, Veth};

const ROUNDS: usize = 200;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Namespace::new().unwrap().run(|| runtime.block_on(measure())).unwrap();
}

async fn measure() {
    let kernel = Kernel::open().unwrap();
    let bridge = BridgeSpec { name: "br0".parse().unwrap(), mac: None, mtu: None };
    kernel.add_bridge(&bridge).await.unwrap();
    let bridge = kernel.link(&bridge.name).await.unwrap().unwrap().index;
    let (mut attach, mut links, mut delete) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let veth = Veth {
            host_end: "xh1".parse().unwrap(),
            container_end: "xc1".parse().unwrap(),
            mac: "02:42:0a:63:01:02".parse().unwrap(),
            mtu: 1500,
            bridge,
        };
        attach.push(timed(kernel.attach(&veth)).await);
        links.push(timed(kernel.links()).await);
        delete.push(timed(kernel.delete(&veth.host_end)).await);
    }
    for (what, times) in [("attach", attach), ("links", links), ("delete", delete)] {
        report(what, times);
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
