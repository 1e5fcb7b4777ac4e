//! x
#![allow(clippy::unwrap_used, missing_docs)]
mod namespace;
use std::time::{Duration, Instant};
use hostnet::{Kernel, arp};
use namespace::*;
#[test]
fn x() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let b = bridge(&kernel).await;
        kernel.attach(&veth(b.index)).await.unwrap();
        let start = Instant::now();
        let _squatter = container(&kernel, &name("xc1"), "10.99.1.1/16").await;
        eprintln!("{:?} up", start.elapsed());
        for _ in 0..8 {
            let out = std::process::Command::new("bridge").args(["link"]).output().unwrap();
            let out2 = std::process::Command::new("ip").args(["-br","link"]).output().unwrap();
            eprintln!("{:?} {} {}", start.elapsed(), String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out2.stdout));
            let f = arp::probe(&name("br0"), "10.99.1.1".parse().unwrap(), Duration::from_millis(200), &[]).await.unwrap();
            eprintln!("{:?} {f:?}", start.elapsed());
        }
    });
}
