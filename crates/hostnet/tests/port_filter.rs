//! The filter of a port on a Linux bridge: what a container sends, and who receives it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failure fails the test")]

mod frames;
mod namespace;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use frames::{Frame, isolated, other, own, station};
use hostnet::{Identity, Isolation, Kernel, PortFilter, Veth};
use namespace::{alone, bridge, container, mac, name, veth};

fn identity() -> Identity {
    Identity {
        mac: own().mac.into(),
        addresses: vec![IpAddr::V4(own().v4), IpAddr::V6(own().v6)],
        further: Vec::new(),
    }
}

fn filter() -> PortFilter {
    PortFilter { identity: Some(identity()), isolation: None }
}

/// Two containers on a bridge, the first with a filter; what the second receives of the first, and the count of drops.
fn heard(filter: &PortFilter, frames: &[Frame]) -> (BTreeSet<String>, u64) {
    between(filter, frames, "xc1", "xc2")
}

/// The same in the other direction.
fn heard_by_first(filter: &PortFilter, frames: &[Frame]) -> (BTreeSet<String>, u64) {
    between(filter, frames, "xc2", "xc1")
}

fn between(filter: &PortFilter, frames: &[Frame], from: &str, to: &str) -> (BTreeSet<String>, u64) {
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
        let first = container(&kernel, &name("xc1"), "10.99.1.2/16").await;
        let second = container(&kernel, &name("xc2"), "10.99.1.3/16").await;
        let (sender, receiver) = if from == "xc1" { (&first, &second) } else { (&second, &first) };
        let before = drops(&kernel).await;
        let listening = receiver.run(|| frames::listen(to)).unwrap();
        sender.run(|| frames::send(from, frames)).unwrap();
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
    let with = PortFilter { identity: Some(Identity { further, ..identity() }), isolation: None };
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
        let changed =
            PortFilter { identity: Some(Identity { addresses: Vec::new(), ..identity() }), isolation: None };
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

/// `members` containers on the network, and the four of [`isolated::Others`].
fn isolation(members: impl IntoIterator<Item = IpAddr>) -> Isolation {
    let others = isolated::others();
    let both = |station: &frames::Station| [IpAddr::V4(station.v4), IpAddr::V6(station.v6)];
    let of = |station: &frames::Station| both(station).into_iter().collect();
    let listed = [&own(), &others.target, &others.consumer, &others.stranger];
    Isolation {
        network: 1,
        mac: own().mac.into(),
        own: of(&own()),
        broadcasts: vec!["10.99.255.255".parse().unwrap()],
        members: Arc::new(listed.into_iter().flat_map(both).chain(members).collect()),
        targets: of(&others.target),
        consumers: of(&others.consumer),
    }
}

fn permitted(frames: &[Frame]) -> BTreeSet<String> {
    frames.iter().filter(|frame| frame.permitted).map(|frame| frame.what.to_owned()).collect()
}

fn refused(frames: &[Frame]) -> u64 {
    u64::try_from(frames.iter().filter(|frame| !frame.permitted).count()).unwrap()
}

#[test]
fn an_isolated_container_exchanges_packets_with_its_links_and_with_hosts_only() {
    let others = isolated::others();
    let (sent, received) = (isolated::sent(&own(), &others), isolated::received(&own(), &others));
    // addresses with gaps, which need a long list: several programs for each direction
    let scattered = (0..4000_u32).map(|at| IpAddr::from(std::net::Ipv4Addr::from(0x0a63_2000 + 2 * at)));
    for members in [Vec::new(), scattered.collect()] {
        let isolation = Some(isolation(members));
        let filter = PortFilter { identity: Some(identity()), isolation: isolation.clone() };
        assert_eq!(heard(&filter, &sent), (permitted(&sent), refused(&sent)));
        let without_identity = PortFilter { identity: None, isolation };
        assert_eq!(heard(&without_identity, &sent), (permitted(&sent), refused(&sent)));
        assert_eq!(heard_by_first(&filter, &received), (permitted(&received), refused(&received)));
    }
}

#[test]
fn thousands_of_scattered_members_are_all_blocked_and_read_back() {
    let scattered = |at: u32| std::net::Ipv4Addr::from(0x0a63_2000 + 2 * at);
    let isolation = isolation((0..4000).map(scattered).map(IpAddr::from));
    let filter = PortFilter { identity: Some(identity()), isolation: Some(isolation) };
    let frame = |address: std::net::Ipv4Addr, permitted| {
        let mut bytes = frames::ipv4_to(other().mac, own().mac, own().v4, address, 17, 0, &frames::udp(1, 2));
        frames::mark(&mut bytes, &address.to_string());
        Frame { what: if permitted { "a host" } else { "a container" }, bytes, permitted }
    };
    let frames: Vec<Frame> = (0..4000)
        .step_by(37)
        .flat_map(|at| [frame(scattered(at), false), frame((u32::from(scattered(at)) + 1).into(), true)])
        .collect();
    assert_eq!(heard(&filter, &frames), (BTreeSet::from(["a host".to_owned()]), refused(&frames)));
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let begun = std::time::Instant::now();
        kernel.set_filter(&name("xh1"), &filter).await.unwrap();
        eprintln!("4000 ranges set in {} ms", begun.elapsed().as_millis());
        let index = kernel.link(&name("xh1")).await.unwrap().unwrap().index;
        let installed = kernel.installed_filters(&[index]).await.unwrap();
        assert!(installed[&index].matches(&filter));
    });
}
