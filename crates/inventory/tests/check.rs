//! `check` says of the whole inventory what is wrong, and names the rows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can not go on has failed"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use inventory::{Inventory, check};

const SCENARIO: &str = include_str!("data/scenario.stanza");

fn findings(text: &str) -> Vec<String> {
    check(&Inventory::from_stanzas(text).unwrap()).iter().map(ToString::to_string).collect()
}

fn with(from: &str, to: &str) -> Vec<String> {
    let (before, after) = SCENARIO.split_once(from).unwrap();
    findings(&format!("{before}{to}{after}"))
}

#[test]
fn the_scenario_is_clean() {
    assert_eq!(findings(SCENARIO), Vec::<String>::new());
}

#[test]
fn the_five_node_tables_lack_only_the_bridge_of_n1s_second_network() {
    let tables = concat!("xcat://", env!("CARGO_MANIFEST_DIR"), "/tests/data/etc-xcat");
    let inventory = Inventory::open(&tables.parse().unwrap()).unwrap();
    let found: Vec<String> = check(&inventory).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "error: dh1 has no bridge for network net98 of n1; set nictypes.BRIDGE=bridge nicdevices.BRIDGE=NIC nicnetworks.BRIDGE=net98 of dh1",
            "warning: vm.host=dh1:2375 of d1 (and of 3 more): port 2375 is Docker's port without TLS, which xdock does not use; it reaches the engine by ssh, or by TLS where the host is enrolled; write vm.host=dh1"
        ]
    );
}

/// Text of the scenario, what stands in its place, and what is found.
type Change = (&'static str, &'static str, &'static str);

const CHANGES: &[Change] = &[
    (
        "ip=10.99.1.1\n",
        "ip=10.99.2.2\n",
        "error: 10.99.2.2 is the address of host1c1 and host2c2: change hosts.ip of host1c1 or hosts.ip of host2c2",
    ),
    (
        "ip=10.99.1.4\n",
        "ip=10.98.0.12\n",
        "error: 10.98.0.12 is the address of host1c4 and host2: change hosts.ip of host1c4 or nicips.br98 of host2",
    ),
    (
        "mac=02:42:0a:63:01:01\n",
        "mac=02:42:0a:63:02:01\n",
        "error: 02:42:0a:63:02:01 is the MAC address of host1c1 and host2c1: change mac.mac of host1c1 or mac.mac of host2c1",
    ),
    (
        "vmhost=host3\n",
        "vmhost=host4\n",
        "error: vm.host=host4 of host3c1: no node has this name; define it or correct the row",
    ),
    (
        "provmethod=busybox!sleep,infinity\n",
        "",
        "warning: nodetype.provmethod of host1c1 is empty: mk needs image=IMAGE",
    ),
    (
        "provmethod=busybox!sleep,infinity\n",
        "provmethod=busybox!sh -c \"sleep 1\"\n",
        "warning: nodetype.provmethod of host1c1: the command begins with the single word \"sh -c \\\"sleep 1\\\"\", which is not a program; separate words by commas: provmethod=busybox!sh,-c,sleep 1",
    ),
    (
        "provmethod=busybox!sleep,infinity\n",
        "provmethod=busybox!my prog,-x\n",
        "warning: nodetype.provmethod of host1c1: the command begins with the single word \"my prog\", which is not a program; separate words by commas",
    ),
    (
        "provmethod=busybox!sleep,infinity\n",
        "provmethod=Busybox!sleep,infinity\n",
        "error: nodetype.provmethod=Busybox!sleep,infinity of host1c1: image names are lower case: write busybox, not Busybox",
    ),
    (
        "provmethod=busybox!sleep,infinity\n",
        "provmethod=busybox@sha256:abc!sleep,infinity\n",
        "error: nodetype.provmethod=busybox@sha256:abc!sleep,infinity of host1c1: a sha256 digest has 64 hexadecimal digits, not 3",
    ),
    (
        "link=host2c1:db",
        "link=host7c1:db",
        "error: link=host7c1 in vm.othersettings of host1c3: host7c1 is not a node; correct the item",
    ),
    (
        "link=host2c1:db",
        "link=host2:db",
        "error: link=host2 in vm.othersettings of host1c3: host2 is not a container (mgt=docker); correct the item",
    ),
    (
        "gateway=10.99.0.1\n",
        "gateway=10.99.0.1\n    dynamicrange=10.99.3.4-10.99.3.40\n",
        "error: 10.99.3.4 of host3c4 is in networks.dynamicrange=10.99.3.4-10.99.3.40 of mynet0: DHCP may give it to another machine; change one of them",
    ),
    (
        "gateway=10.99.0.1\n",
        "gateway=10.99.0.1\n    dynamicrange=10.99.3.4\n",
        "warning: networks.dynamicrange=10.99.3.4 of mynet0: the form is FIRST-LAST, several separated by ;",
    ),
];

#[test]
fn each_finding_names_the_row_to_change() {
    for (from, to, finding) in CHANGES {
        let found: Vec<String> = with(from, to).into_iter().collect();
        assert!(found.iter().any(|text| text == finding), "{finding}\nnot in\n{found:#?}");
    }
}

#[test]
fn a_port_that_two_containers_of_a_host_publish_is_found() {
    let with = |first: &str, second: &str, host: &str| {
        let node = |name: &str, ip: &str, host: &str, port: &str| {
            format!(
                "\n{name}:\n    objtype=node\n    mgt=docker\n    vmhost={host}\n    ip={ip}\n    provmethod=busybox\n    vmothersettings=port={port}\n"
            )
        };
        findings(&format!(
            "{SCENARIO}{}{}",
            node("p1", "10.99.7.1", "host1", first),
            node("p2", "10.99.7.2", host, second)
        ))
    };
    let finding = [
        "error: port 8080/tcp of host1 is published by p1 and p2: change port= in vm.othersettings of one of them",
    ];
    assert_eq!(with("8080:80", "8080:81", "host1"), finding);
    assert_eq!(with("8080:80", "10.99.0.11:8080:81/tcp", "host1"), finding);
    assert_eq!(with("8080:80", "8080:81/udp", "host1"), [""; 0]);
    assert_eq!(with("10.99.0.11:8080:80", "10.98.0.11:8080:80", "host1"), [""; 0]);
    assert_eq!(with("8080:80", "8080:80", "host2"), [""; 0]);
    // ranges
    assert_eq!(with("8080:80", "8000-8100:9000-9100", "host1"), finding);
    assert_eq!(with("8000-8080:80-160", "8080-8090:1-11", "host1"), finding);
    assert_eq!(with("8000-8079:80-159", "8080-8090:1-11", "host1"), [""; 0]);
    assert_eq!(with("8000-8010:80-90", "8000-8010:80-90/udp", "host1"), [""; 0]);
    assert_eq!(
        with("8080:80;port=10.99.0.11:8080:81", "9:9", "host1"),
        ["error: port 8080/tcp of host1 is published twice by p1: correct port= in vm.othersettings"]
    );
}

#[test]
fn a_container_needs_an_address_of_each_family_of_its_network() {
    let found =
        with("net=10.99.0.0\n    mask=255.255.0.0", "net=10.99.0.0,fd00:99::\n    mask=255.255.0.0,64");
    let finding = "error: host1c1 has no address in fd00:99::/64 of network mynet0, but Docker needs one of each address family: \
                   set nicips.eth0=ADDRESS nicnetworks.eth0=mynet0; the same applies to host1c2, host1c3, host1c4, host2c1, \
                   host2c2 and 6 more";
    assert!(found.iter().any(|text| text == finding), "{found:#?}");
}

#[test]
fn a_host_without_a_plan_is_one_finding_for_all_its_containers() {
    let (before, after) = SCENARIO.split_once("nicdevices.br98=eth1\n").unwrap();
    let found = check(&Inventory::from_stanzas(&format!("{before}{after}")).unwrap());
    let [finding] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(finding.text, "nictypes.br98=bridge of host1 needs one interface in nicdevices.br98, not 0");
    let nodes: Vec<&str> = finding.nodes.iter().map(AsRef::as_ref).collect();
    assert_eq!(nodes, ["host1", "host1c1", "host1c2", "host1c3", "host1c4"]);
}

/// xcat2/xcat-core #3794.
#[test]
fn a_host_that_no_container_names_yet_is_checked_too() {
    let host = |attributes: &str| {
        findings(&format!("{SCENARIO}\nhost9:\n    objtype=node\n    ip=10.99.0.19\n{attributes}"))
    };
    let bridge = "    nictypes.br98=bridge\n    nicnetworks.br98=net98\n";
    assert_eq!(
        host(bridge),
        ["error: nictypes.br98=bridge of host9 needs one interface in nicdevices.br98, not 0"]
    );
    let prepared = "    postbootscripts=otherpkgs,xdock network\n    nictypes.bond0=bond\n";
    assert_eq!(
        host(prepared),
        ["error: nictypes.bond0=bond of host9 needs at least one interface in nicdevices.bond0, not 0"]
    );
    // somebody else's machine
    assert_eq!(host("    nictypes.bond0=bond\n"), [""; 0]);
    let group = "    groups=dockers\n    nictypes.bond0=bond\n\ndockers:\n    objtype=group\n    postscripts=setupdockerhost mynet0\n";
    assert_eq!(
        host(group),
        ["error: nictypes.bond0=bond of host9 needs at least one interface in nicdevices.bond0, not 0"]
    );
}

#[test]
fn an_entry_that_is_passed_over_is_a_warning() {
    let found = with("nictypes.br98=bridge\n", "nictypes.br98=bridge\n    nicips.ipmi0=10.60.0.11\n");
    assert_eq!(
        found,
        [
            "warning: nictypes.ipmi0 of host1 is empty and ipmi0 is a common name of a service processor's interface: it is not configured; set nictypes.ipmi0=bmc, or Ethernet"
        ]
    );
}

/// Somebody answers at these addresses already.
#[test]
fn an_address_of_the_infrastructure_is_no_containers() {
    let with_rows = |rows: &str| findings(&format!("{SCENARIO}\n{rows}"));
    let refused = |own: &str, row: &str| {
        format!(
            "error: {own} and {row}: another machine has this address; change {} or {row}",
            own.split_once(" is ").unwrap().1
        )
    };
    let own = "10.99.1.4 is hosts.ip of host1c4";
    for (rows, row) in [
        ("clustersite:\n    objtype=site\n    master=10.99.1.4\n", "site.master"),
        ("clustersite:\n    objtype=site\n    nameservers=10.1.1.1,10.99.1.4\n", "site.nameservers"),
        (
            "r1:\n    objtype=route\n    net=10.50.0.0\n    mask=255.255.0.0\n    gateway=10.99.1.4\n",
            "routes.gateway of r1",
        ),
        ("sw1:\n    objtype=node\n    mgt=ipmi\n    bmc=10.99.1.4\n", "ipmi.bmc of sw1"),
        (
            "sw1:\n    objtype=node\n    otherinterfaces=-hmc:10.1.1.1,eth2:10.99.1.4\n",
            "hosts.otherinterfaces of sw1",
        ),
        (
            "all:\n    objtype=group\n    xcatmaster=10.99.1.4\n    tftpserver=10.99.0.2\n",
            "noderes.xcatmaster of host1",
        ),
    ] {
        let found = with_rows(rows);
        let more = if row.contains("xcatmaster") { " (and in 13 more)" } else { "" };
        let expected = refused(own, row).replacen(": another", &format!("{more}: another"), 1);
        assert_eq!(found, [expected]);
    }
    for column in ["dhcpserver", "tftpserver", "nameservers", "ntpservers", "logservers"] {
        let found = with("gateway=10.99.0.1\n", &format!("gateway=10.99.0.1\n    {column}=10.99.1.4\n"));
        assert_eq!(found, [refused(own, &format!("networks.{column} of mynet0"))]);
    }
    let second = with("mtu=1400\n", "mtu=1400\n    dhcpserver=10.98.1.2\n");
    assert_eq!(second, [refused("10.98.1.2 is nicips.eth1 of host1c2", "networks.dhcpserver of net98")]);
    let bmc = with(
        "nictypes.br98=bridge\n",
        "nictypes.br98=bridge\n    nictypes.bmc0=bmc\n    nicips.bmc0=10.99.1.4\n",
    );
    assert_eq!(
        bmc,
        [
            "error: 10.99.1.4 is the address of host1 and host1c4: change nicips.bmc0 of host1 or hosts.ip of host1c4"
        ]
    );
}

#[test]
fn one_machine_in_many_rows_is_one_finding_and_its_own_node_may_have_the_address() {
    let servers =
        "gateway=10.99.0.1\n    dhcpserver=10.99.1.4\n    tftpserver=10.99.1.4\n    nameservers=10.99.1.4\n";
    assert_eq!(
        with("gateway=10.99.0.1\n", servers),
        [
            "error: 10.99.1.4 is hosts.ip of host1c4 and networks.dhcpserver of mynet0 (and in 2 more): another machine has this address; change hosts.ip of host1c4 or networks.dhcpserver of mynet0"
        ]
    );
    let host = with("gateway=10.99.0.1\n", "gateway=10.99.0.1\n    tftpserver=10.99.0.11\n");
    assert_eq!(host, [""; 0], "a docker host may be a server");
}

#[test]
fn what_follows_from_one_wrong_row_is_one_finding() {
    let found = |text: &str| check(&Inventory::from_stanzas(text).unwrap());
    // a row of networks
    let broken = found(&SCENARIO.replacen("mask=255.255.0.0", "mask=255.0.255.0", 1));
    let [finding] = broken.as_slice() else { panic!("{broken:#?}") };
    assert_eq!(
        finding.text,
        "networks.mask=255.0.255.0 of mynet0: a netmask such as 255.255.0.0 or a prefix length 1 to 32 is needed"
    );
    assert_eq!(finding.nodes.len(), 15, "three hosts and their twelve containers: {:?}", finding.nodes);
    // a group's row
    let group = found(&format!("{SCENARIO}\ncontainers:\n    objtype=group\n    vmcpus=many\n"));
    let [finding] = group.as_slice() else { panic!("{group:#?}") };
    assert!(
        finding.text.starts_with("vm.cpus=many of host1c2: ")
            && finding
                .text
                .ends_with("; the same applies to host1c3, host1c4, host2c2, host2c3, host2c4 and 3 more"),
        "{}",
        finding.text
    );
    // a node that is not there
    let nowhere = found(&SCENARIO.replace("vmhost=host3", "vmhost=host4"));
    let [finding] = nowhere.as_slice() else { panic!("{nowhere:#?}") };
    assert_eq!(
        finding.text,
        "vm.host=host4 of host3c1: no node has this name; define it or correct the row; the same applies to host3c2, host3c3, host3c4"
    );
    assert_eq!(finding.nodes.len(), 4);
    // a network that is not there
    let unknown =
        found(&SCENARIO.replace("nicnetworks.eth1=net98", "nicnetworks.eth1=net9").replace(",net98", ""));
    let [finding] = unknown.as_slice() else { panic!("{unknown:#?}") };
    assert_eq!(
        finding.text,
        "nicnetworks.eth1=net9 of host1c1: no row of networks has this netname; the same applies to host1c2, host2c1, host2c2, host3c1, host3c2"
    );
}

#[test]
fn wrong_rows_of_their_own_are_findings_of_their_own() {
    let text = SCENARIO.replace("vmcpus=0.5", "vmcpus=many");
    let found = findings(&text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().all(|text| !text.contains("the same is true")), "{found:#?}");
}

#[test]
fn networks_that_overlap_or_make_no_network_are_found() {
    let net = |name: &str, net: &str, mask: &str| {
        format!("\n{name}:\n    objtype=network\n    net={net}\n    mask={mask}\n")
    };
    assert_eq!(
        findings(&format!("{SCENARIO}{}", net("small", "10.98.7.0", "255.255.255.0"))),
        [
            "warning: network small (10.98.7.0/24) is inside network net98 (10.98.0.0/16): an address in both belongs to small; correct net or mask of one row"
        ]
    );
    assert_eq!(
        findings(&format!("{SCENARIO}{}", net("odd", "10.97.7.0", "255.255.0.0"))),
        ["error: networks.net=10.97.7.0 of odd: with mask 255.255.0.0 the network's address is 10.97.0.0"]
    );
}

/// What the kernel, DNS and Docker take at most.
#[test]
fn what_would_not_start_is_found_before() {
    let node = |name: &str, more: &str| {
        findings(&format!(
            "{SCENARIO}\n{name}:\n    objtype=node\n    mgt=docker\n    vmhost=host1\n    ip=10.99.7.1\n    provmethod=busybox\n{more}"
        ))
    };
    let dotted = |length: usize| format!("{}.{}", "a".repeat(31), "b".repeat(length - 32));
    assert_eq!(node(&dotted(64), ""), [""; 0]);
    let long = dotted(65);
    assert_eq!(
        node(&long, ""),
        [format!("error: {long} has 65 bytes; the kernel allows 64 in a host name; rename the node")]
    );
    let label = "c".repeat(64);
    assert_eq!(
        node(&label, ""),
        [format!("error: {label} of node {label} has 64 bytes; DNS allows 63 between dots; rename the node")]
    );
    let name = "d".repeat(60);
    assert_eq!(
        node(&name, "    vmothersettings=domain=lab.test\n"),
        [format!(
            "error: {name}.lab.test has 69 bytes; the kernel allows 64 in a host name; rename the node, or shorten domain= in vm.othersettings"
        )]
    );
    let word = "x".repeat(131_072);
    assert_eq!(
        node("e1", &format!("    vmothersettings=env=A={word}\n")),
        [
            "error: vm.othersettings of e1: A=xxxxxxxxxxxxxxxxxx... has 131074 bytes; the kernel allows 131071 in one argument or variable; put it into a file"
        ]
    );
    let host_network = SCENARIO.replace("mynet0", "host");
    let found = findings(&host_network);
    assert!(
        found[0].starts_with(
            "error: host1c1 is on network host, a name that Docker reserves; rename the row of networks"
        ),
        "{found:#?}"
    );
}

#[test]
fn a_bridge_has_1023_ports() {
    let with = |count: usize| {
        let mut text = SCENARIO.to_owned();
        for at in 0..count {
            let (high, low) = (at / 250 + 10, at % 250 + 1);
            write!(text, "\nn{at}:\n    objtype=node\n    mgt=docker\n    vmhost=host1\n    ip=10.99.{high}.{low}\n    provmethod=busybox\n").unwrap();
        }
        text
    };
    // four are there, and the port that leads out
    assert_eq!(findings(&with(1018)), [""; 0]);
    assert_eq!(
        findings(&with(1019)),
        [
            "error: bridge mynet0 of host1 needs 1024 ports for its containers on network mynet0; the kernel allows 1023; move some to another host"
        ]
    );
    let ovs =
        "ip=10.99.0.11\n    nictypes.sw0=bridge_ovs\n    nicdevices.sw0=eth0\n    nicnetworks.sw0=mynet0\n";
    assert_eq!(findings(&with(1019).replacen("ip=10.99.0.11\n", ovs, 1)), [""; 0], "Open vSwitch has 65279");
}

/// No quadratic step: in a debug build, on a busy machine.
#[test]
fn ten_thousand_nodes_are_checked_and_compiled_at_once() {
    let mut text = SCENARIO.to_owned();
    // a bridge has 1023 ports
    for host in 4..=20 {
        write!(text, "\nhost{host}:\n    objtype=node\n    ip=10.99.4.{host}\n").unwrap();
    }
    for at in 0..10_000 {
        let (high, low) = (at / 250 + 10, at % 250 + 1);
        let host = at % 20 + 1;
        write!(text, "\nn{at}:\n    objtype=node\n    mgt=docker\n    groups=all\n    vmhost=host{host}\n    ip=10.99.{high}.{low}\n    provmethod=busybox\n").unwrap();
    }
    let inventory = Inventory::from_stanzas(&text).unwrap();
    inventory.nodes().unwrap();
    let begin = Instant::now();
    assert_eq!(check(&inventory), []);
    let checked = begin.elapsed();
    let snapshot = inventory.snapshot(&"host1".parse().unwrap(), 1).unwrap();
    assert_eq!(snapshot.nodes.len(), 10_012);
    println!("check {checked:?}, then snapshot {:?}", begin.elapsed() - checked);
    assert!(checked < Duration::from_secs(15), "{checked:?}");
}
