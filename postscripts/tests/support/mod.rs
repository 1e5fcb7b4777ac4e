//! A host's network, written down.

use hostnet::{Kind, Layer, Link, Route, Settings};
use inventory::Port;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::resolve::BridgePlan;

/// A host with `eth0` (10.99.0.11/16, default route) and a bare `eth1`.
pub(crate) fn bare_host() -> Observed {
    Observed {
        links: vec![link(1, "lo"), link(2, "eth0"), Link { up: false, ..link(3, "eth1") }],
        addresses: vec![("eth0".parse().unwrap(), "10.99.0.11/16".parse().unwrap())],
        routes: vec![("eth0".parse().unwrap(), Route::default_via("10.99.0.1".parse().unwrap()))],
    }
}

/// An interface of hardware that is up.
pub(crate) fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.parse().unwrap(),
        kind: Kind::Other(String::new()),
        mac: (name != "lo").then(|| format!("02:78:64:00:00:{index:02x}").parse().unwrap()),
        mtu: 1500,
        up: true,
        running: true,
        master: None,
        peer_netns: None,
        alias: None,
        layer: Layer::Ethernet,
        max_mtu: None,
        settings: Settings::None,
    }
}

/// The bridge that the tables give a host by default.
pub(crate) fn default_plan() -> BridgePlan {
    BridgePlan {
        name: "mynet0".parse().unwrap(),
        port: Port::Carrying("10.99.0.11".parse().unwrap()),
        addresses: vec!["10.99.0.11/16".parse().unwrap()],
        gateways: vec!["10.99.0.1".parse().unwrap()],
        mtu: None,
        networks: vec!["mynet0".parse().unwrap()],
    }
}

/// A second bridge, over `eth1`, on which the host has no address.
pub(crate) fn second_plan() -> BridgePlan {
    BridgePlan {
        name: "br98".parse().unwrap(),
        port: Port::Named("eth1".parse().unwrap()),
        addresses: vec![],
        gateways: vec![],
        mtu: Some(1400),
        networks: vec!["net98".parse().unwrap()],
    }
}
