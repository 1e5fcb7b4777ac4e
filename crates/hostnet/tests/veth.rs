//! The pair that a container is plugged in with.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod namespace;

use std::error::Error as _;

use hostnet::{BridgeSpec, Kernel, Kind, Layer, Link, NetError, Settings, Veth};
use namespace::{alone, bridge, mac, name, namespace, veth, within};

#[test]
fn one_message_makes_both_ends_as_asked() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let (host, container) = ends(&kernel).await;
        assert_eq!(
            host,
            Link {
                index: host.index,
                name: name("xh1"),
                kind: Kind::Veth,
                mac: Some(mac("fe:42:0a:63:01:02")),
                permanent_mac: None,
                altnames: Vec::new(),
                mtu: 1400,
                up: true,
                running: false,
                master: Some(bridge.index),
                peer_netns: None,
                alias: None,
                layer: Layer::Ethernet,
                max_mtu: host.max_mtu,
                settings: Settings::Veth { peer: container.index },
            }
        );
        assert_eq!((container.kind, container.up, container.master), (Kind::Veth, false, None));
        assert_eq!((container.mac, container.mtu), (Some(mac("02:42:0a:63:01:02")), 1400));
    });
}

#[test]
fn the_host_end_has_no_ipv6_address() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        kernel.set_up(&name("xc1"), true).await.unwrap();
        assert!(ends(&kernel).await.0.running);
        assert_eq!(kernel.addresses(&name("xh1")).await.unwrap(), []);
        assert_eq!(kernel.addresses(&name("xc1")).await.unwrap().len(), 1);
    });
}

#[test]
fn a_used_name_is_reported_and_its_owner_unharmed() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let before = inventory(&kernel).await;
        let again = Veth { container_end: name("xc2"), ..veth(bridge.index) };
        let error = kernel.attach(&again).await.unwrap_err();
        assert!(matches!(error, NetError::Exists { .. }));
        assert_eq!(error.to_string(), "interface xh1 or xc2 already exists");
        let peer = Veth { host_end: name("xh2"), ..veth(bridge.index) };
        let error = kernel.attach(&peer).await.unwrap_err();
        assert_eq!(error.to_string(), "interface xh2 or xc1 already exists");
        assert_eq!(inventory(&kernel).await, before);
    });
}

#[test]
fn without_the_bridge_nothing_is_made() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let before = inventory(&kernel).await;
        let error = kernel.attach(&veth(4711)).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot create veth pair xh1 and xc1 on the bridge with index 4711");
        assert_eq!(error.source().unwrap().to_string(), "Invalid argument (os error 22)");
        assert_eq!(inventory(&kernel).await, before);
    });
}

#[test]
fn deleting_one_end_deletes_both_and_once_is_enough() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        assert!(kernel.delete(&name("xh1")).await.unwrap());
        assert!(!kernel.delete(&name("xh1")).await.unwrap());
        assert_eq!(kernel.link(&name("xc1")).await.unwrap(), None);
    });
}

#[test]
fn a_moved_container_end_is_detected_and_removed_with_the_host_end() {
    let (host, container) = (namespace(), namespace());
    within(&host, async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        kernel.move_to(&name("xc1"), &container).await.unwrap();
        assert!(kernel.link(&name("xh1")).await.unwrap().unwrap().peer_netns.is_some());
        assert_eq!(kernel.link(&name("xc1")).await.unwrap(), None);
        assert!(kernel.delete(&name("xh1")).await.unwrap());
    });
    let left = within(&container, async || Kernel::open().unwrap().link(&name("xc1")).await.unwrap());
    assert_eq!(left, None);
}

#[test]
fn a_bridge_without_an_address_of_its_own_keeps_that_of_its_nic() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let spec = BridgeSpec { name: name("br1"), mac: None, mtu: None };
        assert!(kernel.add_bridge(&spec).await.unwrap());
        let bridge = kernel.link(&spec.name).await.unwrap().unwrap();
        let low = veth(bridge.index);
        kernel.attach(&Veth { host_end: name("nic0"), container_end: name("wire0"), ..low }).await.unwrap();
        let set_mac = ["link", "set", "dev", "nic0", "address", "52:54:00:00:00:01"];
        assert!(std::process::Command::new("ip").args(set_mac).status().unwrap().success());
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let after = kernel.link(&spec.name).await.unwrap().unwrap();
        assert_eq!(after.mac, Some(mac("52:54:00:00:00:01")));
    });
}

#[test]
fn a_hundred_at_once_are_all_there() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        let pairs = (0..100).map(|number| Veth {
            host_end: name(&format!("xh{number}")),
            container_end: name(&format!("xc{number}")),
            ..veth(bridge.index)
        });
        let mut tasks = tokio::task::JoinSet::new();
        for pair in pairs {
            let kernel = kernel.clone();
            tasks.spawn(async move { kernel.attach(&pair).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let ports = kernel.links().await.unwrap();
        assert_eq!(ports.iter().filter(|link| link.master == Some(bridge.index)).count(), 100);
    });
}

/// All that does not change by itself, as a carrier does.
async fn inventory(kernel: &Kernel) -> Vec<Link> {
    let links = kernel.links().await.unwrap();
    links.into_iter().map(|link| Link { running: false, ..link }).collect()
}

async fn ends(kernel: &Kernel) -> (Link, Link) {
    let end = async |text| kernel.link(&name(text)).await.unwrap().unwrap();
    (end("xh1").await, end("xc1").await)
}
