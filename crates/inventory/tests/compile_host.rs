//! A host's columns become its plan, or a message that names the column.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::collections::HashMap;

use inventory::{HostPlan, HostTables, Network, NetworkRow, Nics};

const MYNET0: &str = "netname=mynet0||net=10.99.0.0||mask=255.255.0.0||mgtifname=mynet0||gateway=10.99.0.1||vlanid=||mtu=||comments=";
const NET98: &str = "netname=net98||net=10.98.0.0||mask=255.255.0.0||gateway=||mtu=1400||comments=";
const NET97: &str = "netname=net97||net=10.97.0.0||mask=255.255.0.0||gateway=||mtu=||comments=";

fn nics(columns: &[(&str, &str)]) -> Result<Nics, inventory::CellError> {
    let columns: HashMap<&str, &str> = columns.iter().copied().collect();
    Nics::parse("host1", |name| columns.get(name).map(|text| (*text).to_owned()))
}

fn tables(columns: &[(&str, &str)]) -> HostTables {
    HostTables {
        host: "host1".parse().unwrap(),
        ip: "10.99.0.11".parse().unwrap(),
        installnic: None,
        nics: nics(columns).unwrap(),
        networks: Network::from_lines([MYNET0, NET98, NET97]).unwrap(),
    }
}

fn plan(columns: &[(&str, &str)]) -> String {
    HostPlan::compile(&tables(columns))
        .map_or_else(|error| format!("error: {error}"), |plan| plan.to_string())
}

const BR98: [(&str, &str); 4] = [
    ("nictypes", "br98!bridge"),
    ("nicdevices", "br98!eth1"),
    ("nicnetworks", "br98!net98"),
    ("nicips", "br98!10.98.0.11"),
];

fn br98_with(column: &'static str, text: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut columns: Vec<_> = BR98.into_iter().filter(|(name, _)| *name != column).collect();
    columns.push((column, text));
    columns
}

#[test]
fn a_host_without_nics_gets_the_bridge_of_its_own_network() {
    assert_eq!(
        plan(&[]),
        "host1\n  bridge mynet0 over the interface that has 10.99.0.11\n    address  10.99.0.11/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16"
    );
}

#[test]
fn nics_columns_add_bridges_after_the_default_one() {
    assert_eq!(
        plan(&BR98),
        "host1\n  bridge mynet0 over the interface that has 10.99.0.11\n    address  10.99.0.11/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16\n  bridge br98 over eth1\n    address  10.98.0.11/16\n    mtu      1400\n    network  net98 10.98.0.0/16"
    );
}

#[test]
fn a_bridge_of_the_columns_replaces_the_default_one() {
    let columns =
        [("nictypes", "br0!Bridge"), ("nicdevices", "br0!eth0"), ("nicnetworks", "br0!mynet0|net97")];
    assert_eq!(
        plan(&columns),
        "host1\n  bridge br0 over eth0\n    address  10.99.0.11/16\n    gateway  10.99.0.1\n    network  mynet0 10.99.0.0/16\n    network  net97 10.97.0.0/16"
    );
}

#[test]
fn the_interface_of_the_hosts_address_gives_its_other_addresses_to_the_bridge() {
    let mut tables = tables(&[("nicips", "eth0!10.99.0.11|fd00:99::11"), ("nictypes", "eth0!Ethernet")]);
    let six = "netname=mynet0||net=fd00:99::||mask=/64||gateway=fd00:99::1";
    tables.networks = Network::from_lines([six, MYNET0]).unwrap();
    assert_eq!(
        HostPlan::compile(&tables).unwrap().to_string(),
        "host1\n  bridge mynet0 over the interface that has 10.99.0.11\n    address  10.99.0.11/16 fd00:99::11/64\n    gateway  10.99.0.1 fd00:99::1\n    network  mynet0 10.99.0.0/16 fd00:99::/64"
    );
}

#[test]
fn impossible_devices_are_reported_with_column_and_value() {
    for (column, text, message) in [
        ("nicdevices", "", "nictypes.br98=bridge of host1 needs one interface in nicdevices.br98, not 0"),
        (
            "nicdevices",
            "br98!eth1|eth2",
            "nictypes.br98=bridge of host1 needs one interface in nicdevices.br98, not 2",
        ),
        ("nicnetworks", "br98!net9", "nicnetworks.br98=net9 of host1: no row of networks has this netname"),
        (
            "nicips",
            "br98!10.97.0.11",
            "nicips.br98=10.97.0.11 of host1 is not in network net98, which nicnetworks names",
        ),
        (
            "nicextraparams",
            "br98!MTU=big",
            "br98 of host1 has no valid MTU: nicextraparams MTU=big is not a number from 68 to 65535",
        ),
    ] {
        assert_eq!(plan(&br98_with(column, text)), format!("error: {message}"));
    }
}

#[test]
fn two_bridges_never_share_a_network_or_a_port() {
    let twice = [
        ("nictypes", "br98!bridge,br97!bridge"),
        ("nicdevices", "br98!eth1,br97!eth1"),
        ("nicnetworks", "br98!net98,br97!net97"),
    ];
    assert_eq!(plan(&twice), "error: bridges br98 and br97 of host1 share port eth1; each needs its own");
    let twice = [
        ("nictypes", "br98!bridge,br97!bridge"),
        ("nicdevices", "br98!eth1,br97!eth2"),
        ("nicnetworks", "br98!net98,br97!net98"),
    ];
    assert_eq!(plan(&twice), "error: bridges br98 and br97 of host1 share network net98; each needs its own");
    let mut over_installnic = tables(&br98_with("nicdevices", "br98!eth0"));
    over_installnic.installnic = Some("eth0".to_owned());
    assert_eq!(
        HostPlan::compile(&over_installnic).unwrap_err().to_string(),
        "bridges mynet0 and br98 of host1 share port eth0; each needs its own"
    );
}

#[test]
fn an_address_in_no_network_is_reported_with_the_remedy() {
    let mut homeless = tables(&[]);
    homeless.ip = "10.9.9.9".parse().unwrap();
    assert_eq!(
        HostPlan::compile(&homeless).unwrap_err().to_string(),
        "no row of networks contains 10.9.9.9, the hosts.ip of host1; add the row or correct the address"
    );
}

#[test]
fn a_network_whose_name_no_interface_can_have_names_the_bridge_by_its_address() {
    let mut long = tables(&[]);
    long.networks =
        Network::from_lines(["netname=10_99_0_0-255_255_0_0||net=10.99.0.0||mask=255.255.0.0"]).unwrap();
    let plan = HostPlan::compile(&long).unwrap();
    assert_eq!(plan.devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(), ["br0a630000"]);
}

#[test]
fn the_environment_of_a_postscript_reads_as_the_table_does() {
    let variables = HashMap::from([
        ("NICIPS", "br0!10.97.4.1,eth1!10.98.4.1"),
        ("NICTYPES", "eth1!Ethernet,eth2!Ethernet,br0!bridge_ovs"),
        ("NICNETWORKS", "br0!net97,eth1!net98"),
        ("NICEXTRAPARAMS", "eth1!MTU=1400 foo=bar;baz"),
        ("NICDEVICES", "br0!eth2"),
    ]);
    let nics =
        Nics::from_environment("n1", |name| variables.get(name).map(|text| (*text).to_owned())).unwrap();
    let names: Vec<&str> = nics.iter().map(|nic| nic.name.as_str()).collect();
    assert_eq!(names, ["eth1", "eth2", "br0"]);
    assert_eq!(nics.get("eth1").unwrap().param("mtu"), Some("1400"));
    assert_eq!(nics.get("eth1").unwrap().param("foo"), Some("bar;baz"));
    assert_eq!(nics.get("br0").unwrap().devices, ["eth2".parse().unwrap()]);
}

#[test]
fn a_bad_entry_of_nics_names_column_entry_and_node() {
    for (column, text, message) in [
        ("nicips", "eth1", "nics.nicips=eth1 of host1: an entry has the form NIC!VALUE or NIC!VALUE|VALUE"),
        ("nicips", "eth1!10.98.4", "nics.nicips=eth1!10.98.4 of host1: invalid IP address syntax"),
        (
            "nicips",
            "eth1!10.98.4.1,eth1!10.98.4.2",
            "nics.nicips=eth1!10.98.4.2 of host1: eth1 is listed twice; join its values with |",
        ),
        (
            "nictypes",
            "br0!brigde",
            "nics.nictypes=br0!brigde of host1: unknown type \"brigde\"; known: Ethernet, Infiniband, Omnipath, bond, vlan, bridge, bridge_ovs, bmc, unused; did you mean bridge?",
        ),
        ("nicextraparams", "eth1!MTU", "nics.nicextraparams=eth1!MTU of host1: \"MTU\" is not NAME=VALUE"),
    ] {
        assert_eq!(nics(&[(column, text)]).unwrap_err().to_string(), message);
    }
}

/// xcat2/xcat-core #1184, #2798: a service processor's entry, or one for somebody else's script.
#[test]
fn an_unsupported_entry_is_reported_and_the_others_are_used() {
    let done = plan(&BR98);
    for (column, text, told) in [
        (
            "nicips",
            "ipmi0!172.30.1.5,br98!10.98.0.11",
            "nictypes.ipmi0 of host1 is empty and ipmi0 is a common name of a service processor's interface: it is not configured; set nictypes.ipmi0=bmc, or Ethernet",
        ),
        // also in a network of the table
        (
            "nicips",
            "br98!10.98.0.11,bmc!10.97.0.5",
            "nictypes.bmc of host1 is empty and bmc is a common name of a service processor's interface: it is not configured; set nictypes.bmc=bmc, or Ethernet",
        ),
        (
            "nicips",
            "br98!10.98.0.11,iDRAC!dhcp",
            "nics.nicips=iDRAC!dhcp of host1: invalid IP address syntax; iDRAC is not configured",
        ),
        (
            "nictypes",
            "br98!bridge,fc0!FibreChannel",
            "nics.nictypes=fc0!FibreChannel of host1: unknown type \"FibreChannel\"; known: Ethernet, Infiniband, Omnipath, bond, vlan, bridge, bridge_ovs, bmc, unused; fc0 is not configured; set nictypes.fc0=unused if this is intended",
        ),
        (
            "nicips",
            "br98!10.98.0.11,ens9!172.30.1.5",
            "no row of networks contains nicips.ens9=172.30.1.5 of host1, and nictypes.ens9 is empty: ens9 is not configured; add the row or set nictypes.ens9",
        ),
    ] {
        assert_eq!(plan(&br98_with(column, text)), format!("{done}\n  ignored: {told}"));
    }
}

#[test]
fn an_entry_that_something_stands_on_is_never_passed_over() {
    for (column, text, message) in [
        (
            "nictypes",
            "br98!bridge,eth1!tokenring",
            "nicdevices.br98=eth1 of host1: nictypes.eth1 is an unknown type",
        ),
        (
            "nicips",
            "br98!10.98.0.11,eth1!172.30.1.5",
            "nicips.eth1=172.30.1.5 of host1 is not in any row of networks",
        ),
    ] {
        assert_eq!(plan(&br98_with(column, text)), format!("error: {message}"));
    }
}

#[test]
fn the_gateway_xcatmaster_is_the_management_node_where_it_is_in_the_network() {
    let rows = || ["netname=a||net=10.5.0.0||mask=16||gateway=<xcatmaster>"].map(NetworkRow::from_line);
    let gateways = |master: &str| Network::usable(rows(), master.parse().ok()).0.remove(0).gateways;
    assert_eq!(gateways("10.5.0.9"), ["10.5.0.9".parse::<std::net::IpAddr>().unwrap()]);
    assert!(gateways("10.6.0.9").is_empty() && gateways("mn").is_empty());
}

#[test]
fn a_bad_row_of_networks_names_row_column_and_value() {
    for (line, message) in [
        ("net=10.5.0.0||mask=255.255.0.0", "the networks row with net=10.5.0.0 has no netname; give it one"),
        (
            "netname=a||net=10.5.0.0||mask=255.0.255.0",
            "networks.mask=255.0.255.0 of a: a netmask such as 255.255.0.0 or a prefix length 1 to 32 is needed",
        ),
        (
            "netname=a||net=10.5.1.0||mask=255.255.0.0",
            "networks.net=10.5.1.0 of a: with mask 255.255.0.0 the network's address is 10.5.0.0",
        ),
        ("netname=a||net=ten||mask=255.255.0.0", "networks.net=ten of a: an IP address is needed"),
        (
            "netname=a||net=10.5.0.0||mask=16||gateway=10.6.0.1",
            "networks.gateway=10.6.0.1 of a: the gateway must be in 10.5.0.0/16",
        ),
        (
            "netname=a||net=10.5.0.0||mask=16||vlanid=4095",
            "networks.vlanid=4095 of a: a number from 1 to 4094 is needed",
        ),
        (
            "netname=a||net=10.5.0.0||mask=16||mtu=60",
            "networks.mtu=60 of a: a number from 68 to 65535 is needed",
        ),
        (
            "netname=a||net=fd00::||mask=64||mtu=1000",
            "networks.mtu=1000 of a: a number from 1280 to 65535 is needed",
        ),
    ] {
        assert_eq!(Network::from_lines([line]).unwrap_err().to_string(), message);
    }
    let two = ["netname=a||net=10.5.0.0||mask=16", "netname=a||net=10.6.0.0||mask=16"];
    assert_eq!(
        Network::from_lines(two).unwrap_err().to_string(),
        "two networks rows are named a: 10.5.0.0/16 and 10.6.0.0/16; rename one (only an IPv4 and an IPv6 row may share a name)"
    );
    let differ = ["netname=a||net=10.5.0.0||mask=16||mtu=1400", "netname=a||net=fd00::||mask=64||mtu=1500"];
    assert_eq!(
        Network::from_lines(differ).unwrap_err().to_string(),
        "the networks rows 10.5.0.0/16 and fd00::/64 of a have different mtu values; make them equal"
    );
}
