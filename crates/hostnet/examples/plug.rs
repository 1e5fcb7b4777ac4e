//! How long a container's port takes on Open vSwitch, from nothing until ovs-vswitchd uses it:
//!
//! ```text
//! plug unix:/var/run/openvswitch/db.sock br0 [COUNT]
//! ```
//!
//! The bridge must be there. Every pair is removed again.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails has nothing to say")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hostnet::ovs::{PortSpec, Switch};
use hostnet::{Kernel, Veth};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let switch = Switch::open(&words.next().unwrap()).unwrap();
    let bridge = words.next().unwrap();
    let count: usize = words.next().map_or(100, |text| text.parse().unwrap());
    let kernel = Kernel::open().unwrap();
    let mut times = Vec::new();
    for number in 0..count {
        let veth = Veth {
            host_end: format!("xh{number}").parse().unwrap(),
            container_end: format!("xc{number}").parse().unwrap(),
            mac: "02:42:0a:63:01:02".parse().unwrap(),
            mtu: 1500,
            bridge: None,
        };
        let port = PortSpec {
            bridge: bridge.parse().unwrap(),
            port: veth.host_end.clone(),
            tag: Some(7),
            external_ids: BTreeMap::new(),
        };
        let start = Instant::now();
        kernel.attach(&veth).await.unwrap();
        let (deaf, plugged) = tokio::join!(kernel.deafen(&veth.host_end), switch.plug(&port));
        kernel.sum_in_software(&veth.container_end).await.unwrap();
        times.push(start.elapsed());
        deaf.unwrap();
        plugged.unwrap();
        switch.unplug(&veth.host_end).await.unwrap();
        kernel.delete(&veth.host_end).await.unwrap();
    }
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(Duration::MAX);
    println!("p50 {:?}  p90 {:?}  p99 {:?}", at(50), at(90), at(99));
}
