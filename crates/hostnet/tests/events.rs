//! The kernel's notifications, from changes that others really make.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod namespace;

use std::process::Command;
use std::time::Duration;

use hostnet::{Change, Events, Kernel, NetworkEvents, Veth};
use namespace::{alone, bridge, name, veth};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_millis(100);

async fn next(events: &mut Events) -> Change {
    timeout(SOON, events.next()).await.unwrap().unwrap()
}

/// Until the notifications of what was done so far are all told.
async fn quiet(events: &mut Events) {
    while let Ok(told) = timeout(SILENCE, events.next()).await {
        told.unwrap();
    }
}

fn run(program: &str, words: &[&str]) {
    let ran = Command::new(program).args(words).output().unwrap();
    assert!(ran.status.success(), "{program} {words:?}: {ran:?}");
}

#[test]
fn a_deleted_or_moved_port_is_reported_at_once() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let mut events = Events::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        quiet(&mut events).await;
        run("ip", &["link", "set", "xh1", "nomaster"]);
        assert_eq!(next(&mut events).await, Change::Links);
        quiet(&mut events).await;
        run("ip", &["link", "del", "xh1"]);
        assert_eq!(next(&mut events).await, Change::Links);
    });
}

#[test]
fn a_flushed_packet_filter_is_reported_at_once() {
    alone(async || {
        let mut events = Events::open().unwrap();
        run("nft", &["add", "table", "ip", "other"]);
        assert_eq!(next(&mut events).await, Change::Firewall);
        quiet(&mut events).await;
        run("nft", &["flush", "ruleset"]);
        assert_eq!(next(&mut events).await, Change::Firewall);
    });
}

#[test]
fn nothing_is_reported_without_a_change() {
    alone(async || {
        let mut events = Events::open().unwrap();
        assert!(timeout(SILENCE, events.next()).await.is_err());
    });
}

/// Far more than the socket's buffer holds: the overflow is a change like any other, and the next one is still told.
#[test]
fn an_overflow_is_a_change_and_not_the_end() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let mut events = Events::open().unwrap();
        let bridge = bridge(&kernel).await;
        for number in 0..100 {
            let (host_end, container_end) = (name(&format!("xh{number}")), name(&format!("xc{number}")));
            kernel.attach(&Veth { host_end, container_end, ..veth(bridge.index) }).await.unwrap();
        }
        assert_eq!(next(&mut events).await, Change::Links);
        quiet(&mut events).await;
        kernel.delete(&name("xh7")).await.unwrap();
        assert_eq!(next(&mut events).await, Change::Links);
    });
}

#[test]
fn addresses_and_routes_are_reported_at_once() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let mut events = NetworkEvents::open().unwrap();
        for change in [
            "link set lo up",
            "addr add 192.0.2.1/24 dev lo",
            "route add 198.51.100.0/24 via 192.0.2.9",
            "route del 198.51.100.0/24",
            "addr del 192.0.2.1/24 dev lo",
        ] {
            while let Ok(told) = timeout(SILENCE, events.changed()).await {
                told.unwrap();
            }
            run("ip", &change.split(' ').collect::<Vec<_>>());
            timeout(SOON, events.changed()).await.unwrap().unwrap();
        }
    });
}
