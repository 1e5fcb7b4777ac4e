//! The filter of a port on a Linux bridge: what a container sends, and who receives it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failure fails the test")]

mod frames;
mod namespace;

use std::collections::BTreeSet;
use std::net::IpAddr;

use frames::{Frame, other, own, station};
use hostnet::{Identity, Kernel, PortFilter, Veth};
use namespace::{alone, bridge, container, mac, name, veth};

fn identity() -> Identity {
    Identity {
        mac: own().mac.into(),
        addresses: vec![IpAddr::V4(own().v4), IpAddr::V6(own().v6)],
        further: Vec::new(),
    }
}

fn filter() -> PortFilter {
    PortFilter { identity: Some(identity()) }
}

/// Two containers on a bridge, the first with a filter; what the second receives of the first, and the count of drops.
fn heard(filter: &PortFilter, frames: &[Frame]) -> (BTreeSet<String>, u64) {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        // otherwise multicast goes only to ports that have joined a group
        run("ip", &["link", "set", "br0", "type", "bridge", "mcast_snooping", "0"]);
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let second = Veth {
            host_end: name("xh2"),
            container_end: name("xc2"),
            mac: mac("02:42:0a:63:01:03"),
            ..veth(bridge.index)
        };
        kernel.attach(&second).await.unwrap();
        kernel.set_filter(&name("xh1"), filter).await.unwrap();
        let sender = container(&kernel, &name("xc1"), "10.99.1.2/16").await;
        let receiver = container(&kernel, &name("xc2"), "10.99.1.3/16").await;
        let before = drops(&kernel).await;
        let listening = receiver.run(|| frames::listen("xc2")).unwrap();
        sender.run(|| frames::send("xc1", frames)).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let heard = frames::received(&listening, frames).into_iter().map(str::to_owned).collect();
        (heard, drops(&kernel).await - before)
    })
}

fn run(program: &str, words: &[&str]) {
    assert!(std::process::Command::new(program).args(words).status().unwrap().success());
}

async fn drops(kernel: &Kernel) -> u64 {
    let index = kernel.link(&name("xh1")).await.unwrap().unwrap().index;
    kernel.dropped_frames().await.unwrap().get(&index).copied().unwrap_or_default()
}

#[test]
fn only_the_containers_own_frames_leave_its_port() {
    let frames = frames::all(&own(), &other());
    let (heard, drops) = heard(&filter(), &frames);
    let expected = frames.iter().filter(|frame| frame.permitted).map(|frame| frame.what.to_owned());
    assert_eq!(heard, expected.collect());
    let refused = frames.iter().filter(|frame| !frame.permitted).count();
    assert_eq!(drops, u64::try_from(refused).unwrap());
}

#[test]
fn without_a_filter_everything_leaves() {
    let frames = frames::all(&own(), &other());
    let (heard, drops) = heard(&PortFilter::default(), &frames);
    let expected: BTreeSet<_> = frames.iter().map(|frame| frame.what.to_owned()).collect();
    let missing: Vec<_> = expected.difference(&heard).collect();
    // a bridge never forwards it
    assert_eq!(missing, ["LLDP"]);
    assert_eq!(drops, 0);
}

#[test]
fn a_further_address_and_the_macs_of_vrrp_are_permitted_where_the_tables_say_so() {
    let shared = station("00:00:5e:00:01:33", "10.99.1.100", "fd00:99::1:64");
    let frames: Vec<Frame> = [
        ("reply of the virtual MAC", frames::arp(shared.mac, 2, shared.mac, shared.v4, own().v4), true),
        ("reply of the own MAC", frames::arp(own().mac, 2, own().mac, shared.v4, own().v4), true),
        ("packet from the further address", frames::ipv4(own().mac, shared.v4, 6, 0, &[0; 20]), true),
        ("VRRP", frames::ipv4(shared.mac, own().v4, 112, 0, &[0; 20]), true),
        ("IPv6 from the further address", frames::ipv6(own().mac, shared.v6, 6, &[0; 20]), true),
        ("packet from another's address", frames::ipv4(shared.mac, other().v4, 6, 0, &[0; 20]), false),
        (
            "packet from another MAC of the range",
            frames::ipv4([0, 0, 0x5e, 0, 3, 1], own().v4, 6, 0, &[0; 20]),
            false,
        ),
    ]
    .into_iter()
    .map(|(what, mut bytes, permitted)| {
        frames::mark(&mut bytes, what);
        Frame { what, bytes, permitted }
    })
    .collect();
    let further = vec![IpAddr::V4(shared.v4), IpAddr::V6(shared.v6)];
    let with = PortFilter { identity: Some(Identity { further, ..identity() }) };
    let names = |permitted: bool| {
        frames
            .iter()
            .filter(|frame| !permitted || frame.permitted)
            .map(|frame| frame.what.to_owned())
            .collect()
    };
    assert_eq!(heard(&with, &frames), (names(true), 2));
    assert_eq!(heard(&filter(), &frames), (BTreeSet::new(), 7));
    assert_eq!(heard(&PortFilter::default(), &frames), (names(false), 0));
}

#[test]
fn a_filter_is_read_back_replaced_and_removed() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let port = name("xh1");
        let index = kernel.link(&port).await.unwrap().unwrap().index;
        let installed = async || kernel.installed_filters(&[index]).await.unwrap().remove(&index).unwrap();
        assert!(installed().await.matches(&PortFilter::default()));
        kernel.set_filter(&port, &filter()).await.unwrap();
        assert!(installed().await.matches(&filter()));
        let changed = PortFilter { identity: Some(Identity { addresses: Vec::new(), ..identity() }) };
        assert!(!installed().await.matches(&changed));
        kernel.set_filter(&port, &changed).await.unwrap();
        assert!(installed().await.matches(&changed));
        kernel.set_filter(&port, &PortFilter::default()).await.unwrap();
        assert!(installed().await.is_empty());
        kernel.set_filter(&port, &filter()).await.unwrap();
        run("tc", &["qdisc", "del", "dev", "xh1", "clsact"]);
        assert!(!installed().await.matches(&filter()));
        let missing = kernel.set_filter(&name("xh9"), &filter()).await.unwrap_err();
        assert_eq!(missing.to_string(), "interface xh9 does not exist");
    });
}
