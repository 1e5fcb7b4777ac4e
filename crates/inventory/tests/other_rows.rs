//! Rows that are wrong because of another one, and rows as editors and people leave them.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use inventory::{Inventory, check};

const SCENARIO: &str = include_str!("data/scenario.stanza");

fn findings(text: &str) -> Vec<String> {
    check(&Inventory::from_stanzas(text).unwrap()).iter().map(ToString::to_string).collect()
}

fn with(from: &str, to: &str) -> Vec<String> {
    assert!(SCENARIO.contains(from), "{from}");
    findings(&SCENARIO.replacen(from, to, 1))
}

#[test]
fn a_mac_of_any_nic_of_a_host_is_no_containers() {
    let second = "ip=10.99.0.11\n    mac=02:00:00:00:00:01!*NOIP*|02:42:0a:63:01:01!host1-eth1\n";
    assert_eq!(
        with("ip=10.99.0.11\n", second),
        [
            "error: 02:42:0a:63:01:01 is the MAC address of host1 and host1c1: change mac.mac of host1 or mac.mac of host1c1"
        ]
    );
    let derived = Inventory::from_stanzas(SCENARIO).unwrap();
    let derived = derived.container(&"host1c2".parse().unwrap()).unwrap();
    let [_, second] = derived.attachments.as_slice() else { unreachable!("two networks") };
    let mac = second.mac;
    assert_eq!(
        with("ip=10.99.0.12\n", &format!("ip=10.99.0.12\n    mac={mac}\n")),
        [format!(
            "error: {mac} is the MAC address of host1c2 and host2: change the name (its MAC on net98 is derived from it) of host1c2 or mac.mac of host2"
        )]
    );
}

#[test]
fn an_address_of_another_nodes_second_interface_is_no_containers() {
    assert_eq!(
        with("nicips.eth1=10.98.1.1\n", "nicips.eth1=10.98.0.12\n"),
        [
            "error: 10.98.0.12 is the address of host1c1 and host2: change nicips.eth1 of host1c1 or nicips.br98 of host2"
        ]
    );
    assert_eq!(
        with("nicips.eth1=10.98.1.1\n", "nicips.eth1=10.98.1.2\n"),
        [
            "error: 10.98.1.2 is the address of host1c1 and host1c2: change nicips.eth1 of host1c1 or nicips.eth1 of host1c2"
        ]
    );
    assert_eq!(
        with("ip=10.99.1.4\n", "ip=10.50.1.4\n"),
        [
            "error: no row of networks contains 10.50.1.4, the hosts.ip of host1c4; add the row or correct the address"
        ]
    );
}

#[test]
fn a_container_is_no_docker_host() {
    let told = |node: &str, host: &str| {
        format!(
            "error: vm.host={host} of {node}: {host} is a container (mgt=docker), not a Docker host; correct the row"
        )
    };
    assert_eq!(
        with("vmhost=host1\n    ip=10.99.1.4\n", "vmhost=host1c4\n    ip=10.99.1.4\n"),
        [told("host1c4", "host1c4")]
    );
    assert_eq!(
        with("vmhost=host1\n    ip=10.99.1.4\n", "vmhost=host2c4\n    ip=10.99.1.4\n"),
        [told("host1c4", "host2c4")]
    );
    let circle = SCENARIO
        .replacen("vmhost=host1\n    ip=10.99.1.4\n", "vmhost=host2c4\n    ip=10.99.1.4\n", 1)
        .replacen("vmhost=host2\n    ip=10.99.2.4\n", "vmhost=host1c4\n    ip=10.99.2.4\n", 1);
    assert_eq!(findings(&circle), [told("host1c4", "host2c4"), told("host2c4", "host1c4")]);
}

#[test]
fn confusable_names_are_reported() {
    let group = format!("{SCENARIO}\nhost2:\n    objtype=group\n    usercomment=a\n");
    assert_eq!(
        findings(&group),
        [
            "warning: host2 is a node and a group: a noderange selects the node, and both share a row in each table; rename one"
        ]
    );
    assert_eq!(
        with("groups=hosts,all\n", "groups=hosts,all,host3\n"),
        [
            "warning: host3 is a node and a group: a noderange selects the node, and both share a row in each table; rename one"
        ]
    );
    let case = format!("{SCENARIO}\nHOST1c1:\n    objtype=node\n    ip=10.99.9.9\n");
    assert_eq!(
        findings(&case),
        [
            "warning: nodes HOST1c1 and host1c1 differ only in upper and lower case, which DNS ignores; rename one"
        ]
    );
}

#[test]
fn a_file_as_other_editors_write_it_is_read() {
    let windows = format!("\u{feff}{}", SCENARIO.replace('\n', "\r\n"));
    assert_eq!(findings(&windows), [""; 0]);
    let blanks = SCENARIO.replace('\n', " \t\n");
    assert_eq!(findings(&blanks), [""; 0]);
    let marked =
        Inventory::from_stanzas(&format!("\u{feff}{}", SCENARIO.split_once("\n\n").unwrap().1)).unwrap();
    assert_eq!(check(&marked), [], "an object in the first line");
    // inside a list
    let spaced = with("vmnics=mynet0,net98\n", "vmnics=mynet0 , net98 \n");
    assert_eq!(spaced, [""; 0]);
}

#[test]
fn a_very_long_value_is_reported_by_its_beginning() {
    let long = "x".repeat(100_000);
    let [told] = &with("ip=10.99.1.4\n", &format!("ip={long}\n"))[..] else { unreachable!("one finding") };
    assert_eq!(*told, format!("error: hosts.ip={}... of host1c4: an IP address is needed", "x".repeat(60)));
}
