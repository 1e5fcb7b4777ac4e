//! Changing interfaces, addresses and routes: each call once or twice is the same, and a refusal names the interface.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod namespace;

use std::error::Error as _;

use hostnet::{BondSpec, BridgeSettings, BridgeSpec, Kernel, Kind, Route, Settings, VlanSpec};
use ipnet::IpNet;
use namespace::{alone, bridge, mac, name, veth};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[test]
fn a_bridge_is_created_once_and_forwards_at_once() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let spec = BridgeSpec { name: name("br7"), mac: Some(mac("52:54:00:00:00:07")), mtu: Some(1450) };
        assert!(kernel.add_bridge(&spec).await.unwrap());
        assert!(!kernel.add_bridge(&spec).await.unwrap());
        let made = kernel.link(&spec.name).await.unwrap().unwrap();
        assert_eq!((made.kind, made.mac, made.mtu, made.up), (Kind::Bridge, spec.mac, 1450, true));
        assert_eq!(detail("br7", "forward_delay "), "0");
        assert_eq!(detail("br7", "stp_state "), "0");
    });
}

#[test]
fn a_bridge_with_spanning_tree_is_repaired() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let device = bridge(&kernel).await.name;
        let settings = async || kernel.link(&device).await.unwrap().unwrap().settings;
        assert_eq!(settings().await, Settings::Bridge(BridgeSettings::OURS));
        let slow = BridgeSettings { stp: true, forward_delay: 1500 };
        for wanted in [slow, slow, BridgeSettings::OURS, BridgeSettings::OURS] {
            kernel.set_bridge(&device, wanted).await.unwrap();
            assert_eq!(settings().await, Settings::Bridge(wanted));
        }
        let missing = kernel.set_bridge(&name("nobody0"), slow).await.unwrap_err();
        assert_eq!(missing.to_string(), "interface nobody0 does not exist");
        assert_eq!(slow.to_string(), "spanning tree on and forward delay 15.00 s");
    });
}

/// One value of `ip -d link`: /sys shows the namespace that it was mounted in, not this one.
fn detail(device: &str, key: &str) -> String {
    let told = std::process::Command::new("ip").args(["-d", "link", "show", device]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let (_, after) = told.split_once(key).unwrap();
    after.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_name_that_something_else_has_is_no_bridge() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let error = kernel.add_bridge(&BridgeSpec { name: name("xh1"), mac: None, mtu: None }).await;
        assert_eq!(error.unwrap_err().to_string(), "interface xh1 already exists and is not a bridge");
        let options = vec![("mode".to_owned(), "purple".to_owned())];
        let error = kernel.add_bond(&BondSpec { name: name("bond0"), mac: None, mtu: None, options }).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "the bonding driver does not accept mode=purple for bond0"
        );
        let vlan = VlanSpec { name: name("vlan50"), parent: name("nobody0"), id: 50, mtu: None };
        assert_eq!(kernel.add_vlan(&vlan).await.unwrap_err().to_string(), "interface nobody0 does not exist");
    });
}

#[test]
fn properties_are_set() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let device = name("xh1");
        kernel.set_mtu(&device, 1300).await.unwrap();
        kernel.set_master(&device, None).await.unwrap();
        kernel.set_up(&device, false).await.unwrap();
        let link = kernel.link(&device).await.unwrap().unwrap();
        assert_eq!(link.mtu, 1300);
        assert_eq!((link.master, link.up), (None, false));
        kernel.set_master(&device, Some(bridge.index)).await.unwrap();
        kernel.set_master(&device, Some(bridge.index)).await.unwrap();
        assert_eq!(kernel.link(&device).await.unwrap().unwrap().master, Some(bridge.index));
    });
}

#[test]
fn refusals_name_interface_and_property() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let nobody = name("nobody0");
        let missing = "interface nobody0 does not exist";
        assert_eq!(kernel.set_mtu(&nobody, 1300).await.unwrap_err().to_string(), missing);
        assert_eq!(kernel.set_up(&nobody, true).await.unwrap_err().to_string(), missing);
        assert_eq!(kernel.addresses(&nobody).await.unwrap_err().to_string(), missing);
        assert_eq!(kernel.add_address(&nobody, net("10.1.1.1/24")).await.unwrap_err().to_string(), missing);
        bridge(&kernel).await;
        let error = kernel.set_mtu(&name("br0"), 1).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot set MTU 1 of interface br0");
        assert_eq!(error.source().unwrap().to_string(), "Invalid argument (os error 22)");
        let error = kernel.delete(&name("lo")).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot delete interface lo");
    });
}

#[test]
fn addresses_come_and_go() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let (device, v4, v6) = (name("br0"), net("10.99.0.11/16"), net("fd00:99::11/64"));
        for _ in 0..2 {
            kernel.add_address(&device, v4).await.unwrap();
            kernel.add_address(&device, v6).await.unwrap();
        }
        let there = kernel.addresses(&device).await.unwrap();
        assert!(there.contains(&v4) && there.contains(&v6), "{there:?}");
        for _ in 0..2 {
            kernel.del_address(&device, v4).await.unwrap();
            kernel.del_address(&device, v6).await.unwrap();
        }
        let there = kernel.addresses(&device).await.unwrap();
        assert!(!there.contains(&v4) && !there.contains(&v6), "{there:?}");
    });
}

#[test]
fn configured_routes_are_listed() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let device = name("br0");
        kernel.add_address(&device, net("10.99.0.11/16")).await.unwrap();
        kernel.add_address(&device, net("fd00:99::11/64")).await.unwrap();
        assert_eq!(kernel.routes(&device).await.unwrap(), []);
        let default4 = Route::default_via("10.99.0.1".parse().unwrap());
        let default6 = Route { metric: Some(1024), ..Route::default_via("fd00:99::1".parse().unwrap()) };
        let link = Route { destination: net("10.50.0.0/16"), gateway: None, metric: Some(7) };
        for route in [&default4, &default4, &default6, &default6, &link] {
            kernel.add_route(&device, route).await.unwrap();
        }
        assert_eq!(kernel.routes(&device).await.unwrap(), [default4.clone(), link.clone(), default6.clone()]);
        for route in [&default4, &default4, &default6, &link] {
            kernel.del_route(&device, route).await.unwrap();
        }
        assert_eq!(kernel.routes(&device).await.unwrap(), []);
        let far = Route::default_via("10.1.0.1".parse().unwrap());
        let error = kernel.add_route(&device, &far).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot add route to 0.0.0.0/0 via 10.1.0.1 through br0");
        assert_eq!(error.source().unwrap().to_string(), "Network is unreachable (os error 101)");
    });
}

#[test]
fn a_new_default_route_takes_the_old_ones_place() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let device = name("br0");
        kernel.add_address(&device, net("10.99.0.11/16")).await.unwrap();
        let (old, new) = ("10.99.0.1".parse().unwrap(), "10.99.0.2".parse().unwrap());
        kernel.add_route(&device, &Route::default_via(old)).await.unwrap();
        kernel.add_route(&device, &Route::default_via(new)).await.unwrap();
        assert_eq!(kernel.routes(&device).await.unwrap(), [Route::default_via(new)]);
    });
}

#[test]
fn lists_that_are_read_at_the_same_time_are_all_complete() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        // lists of several messages
        for number in 0..50 {
            let spec = BridgeSpec { name: name(&format!("many{number}")), mac: None, mtu: None };
            kernel.add_bridge(&spec).await.unwrap();
        }
        let reads = (0..50).map(async |_| {
            let (links, addresses) = tokio::join!(kernel.links(), kernel.all_addresses());
            (links.unwrap().len(), addresses.unwrap().len())
        });
        let counts = futures_util::future::join_all(reads).await;
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    });
}
