//! Asking the wire, with the kernel's own ARP and neighbour discovery as the other side.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure fails the test")]

mod namespace;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use hostnet::netns::Namespace;
use hostnet::{Kernel, Link, Veth, arp, ndp};
use namespace::{alone, bridge, container, mac, name, namespace, until_forwarding, veth, within};

/// Of a question that nobody answers.
const WINDOW: Duration = Duration::from_millis(200);
/// Of one that somebody answers: a loaded machine may need its time for that.
const LONG: Duration = Duration::from_secs(20);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);
const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x99, 0, 0, 0, 0, 1, 1);

async fn port(kernel: &Kernel, bridge: &Link) {
    kernel.attach(&veth(bridge.index)).await.unwrap();
}

#[test]
fn a_conflict_is_found_long_before_the_window_ends() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        let _squatter = container(&kernel, &name("xc1"), "10.99.1.1/16").await;
        let start = Instant::now();
        let found = arp::probe(&name("br0"), ADDRESS, LONG, &[]).await.unwrap();
        assert_eq!(found, Some(mac("02:42:0a:63:01:02")));
        // of the first question: the second is in the middle
        assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
    });
}

#[test]
fn silence_is_free_and_takes_the_window() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        let _neighbour = container(&kernel, &name("xc1"), "10.99.1.2/16").await;
        let start = Instant::now();
        assert_eq!(arp::probe(&name("br0"), ADDRESS, WINDOW, &[]).await.unwrap(), None);
        assert!(start.elapsed() >= WINDOW);
        assert_eq!(ndp::probe(&name("br0"), ADDRESS6, WINDOW, &[]).await.unwrap(), None);
    });
}

#[test]
fn the_hosts_former_address_is_no_conflict() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        let _own = container(&kernel, &name("xc1"), "10.99.1.1/16").await;
        let ours = [mac("02:42:0a:63:01:02")];
        assert_eq!(arp::probe(&name("br0"), ADDRESS, WINDOW, &ours).await.unwrap(), None);
    });
}

#[test]
fn an_ipv6_conflict_is_found() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        let _squatter = container(&kernel, &name("xc1"), "fd00:99::1:1/64").await;
        let found = ndp::probe(&name("br0"), ADDRESS6, LONG, &[]).await.unwrap();
        assert_eq!(found, Some(mac("02:42:0a:63:01:02")));
        let ours = [mac("02:42:0a:63:01:02")];
        assert_eq!(ndp::probe(&name("br0"), ADDRESS6, WINDOW, &ours).await.unwrap(), None);
    });
}

/// Two hosts that start the same address at the same time: the one whose question comes later hears nothing when the
/// other has given up by then, so one may win, but never both.
#[test]
fn of_two_that_probe_at_once_one_at_least_gives_way() {
    let other = namespace();
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        kernel.move_to(&name("xc1"), &other).await.unwrap();
        within(&other, async || Kernel::open().unwrap().set_up(&name("xc1"), true).await.unwrap());
        let both = std::sync::Barrier::new(2);
        let (ours, theirs) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| other.run(|| probe_from("xc1", &both)).unwrap());
            let ours = scope.spawn(|| probe_from("br0", &both));
            (ours.join().unwrap(), theirs.join().unwrap())
        });
        assert!(ours.is_some() || theirs.is_some());
        assert!(ours.is_none_or(|found| found == mac("02:42:0a:63:01:02")), "{ours:?}");
        assert!(theirs.is_none_or(|found| found == mac("02:00:00:00:00:01")), "{theirs:?}");
    });
}

fn probe_from(device: &str, both: &std::sync::Barrier) -> Option<inventory::MacAddr> {
    let runtime = namespace::runtime();
    both.wait();
    runtime.block_on(arp::probe(&name(device), ADDRESS, 10 * WINDOW, &[])).unwrap()
}

/// The neighbour's kernel is the listener: an entry that it has follows the announcement.
#[test]
fn announcements_change_the_neighbours_minds() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        let neighbour = container(&kernel, &name("xc1"), "10.99.1.2/16").await;
        let known = |address: &str| {
            let (address, device) = (address.to_owned(), "xc1");
            neighbour.run(move || {
                let words = ["neigh", "replace", &address, "lladdr", "02:00:00:00:00:99", "dev", device];
                let done = std::process::Command::new("ip").args(words).args(["nud", "stale"]).status();
                assert!(done.unwrap().success());
            })
        };
        known("10.99.1.1").unwrap();
        known("fd00:99::1:1").unwrap();
        let new = mac("02:42:0a:63:01:77");
        arp::announce(&name("br0"), ADDRESS, new).await.unwrap();
        ndp::announce(&name("br0"), ADDRESS6, new).await.unwrap();
        let shows = |line| until_shown(&neighbour, &["ip", "neigh", "show", "dev", "xc1"], line);
        shows("10.99.1.1 lladdr 02:42:0a:63:01:77");
        shows("fd00:99::1:1 lladdr 02:42:0a:63:01:77");
    });
}

/// The switch learns the port from the frame's source.
#[test]
fn an_announcement_comes_from_the_containers_own_address() {
    let other = namespace();
    alone(async || {
        let kernel = Kernel::open().unwrap();
        port(&kernel, &bridge(&kernel).await).await;
        kernel.move_to(&name("xc1"), &other).await.unwrap();
        within(&other, async || {
            let kernel = Kernel::open().unwrap();
            let switch = bridge(&kernel).await;
            kernel.set_master(&name("xc1"), Some(switch.index)).await.unwrap();
            kernel.set_up(&name("xc1"), true).await.unwrap();
            until_forwarding("xc1").await;
        });
        until_forwarding("xh1").await;
        // the kernel drops frames silently until an interface is operational
        let end = Instant::now() + LONG;
        for device in ["br0", "xh1"] {
            while !kernel.is_operational(&name(device)).await.unwrap() && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        arp::announce(&name("br0"), ADDRESS, mac("02:42:0a:63:01:77")).await.unwrap();
        until_shown(&other, &["bridge", "fdb", "show", "dev", "xc1"], "02:42:0a:63:01:77 master br0");
    });
}

/// A frame that was sent is received a moment later: by another processor's soft interrupt.
fn until_shown(namespace: &Namespace, command: &[&str], wanted: &str) {
    let show = || std::process::Command::new(command[0]).args(&command[1..]).output().unwrap().stdout;
    let mut shown = String::new();
    let end = Instant::now() + LONG;
    while Instant::now() < end {
        shown = String::from_utf8(namespace.run(show).unwrap()).unwrap();
        if shown.contains(wanted) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(shown.contains(wanted), "{shown}");
}

#[test]
fn a_missing_or_down_bridge_is_reported() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let error = arp::probe(&name("br0"), ADDRESS, WINDOW, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "interface br0 does not exist or has no MAC address");
        bridge(&kernel).await;
        kernel.set_up(&name("br0"), false).await.unwrap();
        let error = arp::probe(&name("br0"), ADDRESS, WINDOW, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "interface br0 is down: ip link set br0 up");
        let error = ndp::announce(&name("br0"), ADDRESS6, mac("02:42:0a:63:01:77")).await.unwrap_err();
        assert_eq!(error.to_string(), "interface br0 is down: ip link set br0 up");
    });
}

#[test]
fn thirty_probes_at_once_take_one_window() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        port(&kernel, &bridge).await;
        let _squatter = container(&kernel, &name("xc1"), "10.99.1.1/16").await;
        let second = Veth { host_end: name("xh2"), container_end: name("xc2"), ..veth(bridge.index) };
        kernel.attach(&second).await.unwrap();
        // ten times that is a third of what they would take one after the other
        let window = 10 * WINDOW;
        let start = Instant::now();
        let mut probes = tokio::task::JoinSet::new();
        for last in 1..=30 {
            let address = Ipv4Addr::new(10, 99, 1, last);
            probes
                .spawn(async move { (last, arp::probe(&name("br0"), address, window, &[]).await.unwrap()) });
        }
        while let Some(probed) = probes.join_next().await {
            let (last, found) = probed.unwrap();
            assert_eq!(found.is_some(), last == 1, "10.99.1.{last}");
        }
        assert!(start.elapsed() < 10 * window, "{:?}", start.elapsed());
    });
}
