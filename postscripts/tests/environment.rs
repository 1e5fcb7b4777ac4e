//! What xCAT really exports (recorded mypostscript files) becomes a node; what is missing is named.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

use std::path::Path;

use inventory::{HostPlan, Port};
use postscripts::environment::Environment;

/// Reads `KEY='value'` lines as the shell that runs mypostscript does; the recorded values have no escapes.
fn recorded(name: &str) -> Environment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let variable = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let named = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        named.then(|| (name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().filter_map(variable).collect()
}

const HOSTS: [&str; 3] = ["mypostscript.n1", "mypostscript.n2", "mypostscript.n3.osimage"];

fn without(environment: &Environment, name: &str, instead: Option<&str>) -> Environment {
    let others = environment.iter().filter(|(key, _)| *key != name);
    others.chain(instead.map(|value| (name, value))).collect()
}

#[test]
fn every_recorded_host_is_a_node() {
    for file in HOSTS {
        let environment = recorded(file);
        let node = environment.node().unwrap();
        let stem = file.split('.').nth(1).unwrap();
        assert_eq!(node.name.as_str(), stem, "{file}");
        assert_eq!((node.master, node.http_port), ("10.99.0.1".parse().unwrap(), 80), "{file}");
        assert_eq!((node.os_version.as_str(), node.arch.as_str()), ("debian12", "x86_64"), "{file}");
        let names: Vec<String> =
            environment.tables().unwrap().networks.iter().map(|network| network.name.to_string()).collect();
        assert_eq!(names, ["mynet0", "net98", "net97"], "{file}");
    }
}

#[test]
fn a_host_without_nics_columns_has_a_bridge_over_the_nic_with_its_address() {
    let plan = HostPlan::compile(&recorded("mypostscript.n2").tables().unwrap()).unwrap();
    let [bridge] = plan.devices.as_slice() else { panic!("one bridge") };
    assert_eq!(bridge.name.as_str(), "mynet0");
    assert_eq!(bridge.port(), Some(&Port::Carrying("10.99.4.2".parse().unwrap())));
    assert_eq!(bridge.addresses, ["10.99.4.2/16".parse().unwrap()]);
    assert_eq!(bridge.gateways, ["10.99.0.1".parse::<std::net::IpAddr>().unwrap()]);
}

#[test]
fn nics_columns_reach_the_plan() {
    let tables = recorded("mypostscript.n1").tables().unwrap();
    assert_eq!(tables.nics.get("eth1").unwrap().param("MTU"), Some("1400"));
    assert_eq!(
        HostPlan::compile(&tables).unwrap().to_string(),
        "n1\n  ethernet eth1\n    address  10.98.4.1/16\n    mtu      1400\n  bridge mynet0 over the interface that has 10.99.4.1\n    address  10.99.4.1/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16\n  Open vSwitch bridge br0 over eth2\n    address  10.97.4.1/16\n    network  net97 10.97.0.0/16"
    );
}

#[test]
fn a_container_is_no_host() {
    // xCAT renders the file for container nodes too, which have neither os nor arch
    let error = recorded("mypostscript.d1").node().unwrap_err();
    assert_eq!(
        error.to_string(),
        "OSVER is not set; run this through xCAT, which exports it: updatenode NODE -P xdock"
    );
}

#[test]
fn a_missing_variable_is_named() {
    let whole = recorded("mypostscript.n2");
    for name in ["NODE", "OSVER", "ARCH"] {
        let error = without(&whole, name, None).node().unwrap_err();
        let text =
            format!("{name} is not set; run this through xCAT, which exports it: updatenode NODE -P xdock");
        assert_eq!(error.to_string(), text);
    }
    for name in ["IPADDR", "NETWORKS_LINES"] {
        let text =
            format!("{name} is not set; run this through xCAT, which exports it: updatenode NODE -P xdock");
        assert_eq!(without(&whole, name, None).tables().unwrap_err().to_string(), text);
        assert_eq!(without(&whole, name, Some("")).tables().unwrap_err().to_string(), text);
    }
}

#[test]
fn the_master_may_be_named_by_either_variable() {
    let whole = recorded("mypostscript.n2");
    let by_name = without(&without(&whole, "MASTER", Some("mgt.cluster.test")), "HTTPPORT", None);
    let node = by_name.node().unwrap();
    assert_eq!((node.master, node.http_port), ("10.99.0.1".parse().unwrap(), 80));
    assert_eq!(without(&whole, "MASTER_IP", None).node().unwrap().master, node.master);
    let error = without(&by_name, "MASTER_IP", None).node().unwrap_err();
    assert_eq!(error.to_string(), "MASTER=mgt.cluster.test: invalid IP address syntax");
}

#[test]
fn wrong_values_are_named() {
    let whole = recorded("mypostscript.n2");
    let text = |name, value| without(&whole, name, Some(value)).node().unwrap_err().to_string();
    assert_eq!(text("OSVER", "../.."), "OSVER=../..: only letters, digits and ._-+ may be used in a path");
    assert_eq!(text("HTTPPORT", "http"), "HTTPPORT=http: invalid digit found in string");
}
