//! Container nodes become specifications and snapshots, or a message that names the row.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can not go on has failed")]

use std::net::IpAddr;

use inventory::{Cpus, Inventory, MacAddr, NodeName};

const SCENARIO: &str = include_str!("data/scenario.stanza");

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// The scenario with lines of one object replaced or, where `attribute` is new, added.
fn changed(object: &str, attribute: &str, value: &str) -> Inventory {
    let head = format!("{object}:\n");
    let (before, rest) = SCENARIO.split_once(&head).unwrap();
    let (body, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let prefix = format!("    {attribute}=");
    let kept: String =
        body.lines().filter(|line| !line.starts_with(&prefix)).map(|line| format!("{line}\n")).collect();
    Inventory::from_stanzas(&format!("{before}{head}{kept}{prefix}{value}\n\n{after}")).unwrap()
}

#[test]
fn every_container_of_the_scenario_has_its_places() {
    let inventory = Inventory::from_stanzas(SCENARIO).unwrap();
    let containers = inventory.containers().unwrap();
    assert_eq!(containers.len(), 12);
    let first = &containers[0];
    assert_eq!((first.node.as_str(), first.host.name.as_str(), first.host.port), ("host1c1", "host1", None));
    assert_eq!(first.image.as_deref(), Some("busybox"));
    assert_eq!(first.command.as_deref().unwrap(), ["sleep", "infinity"]);
    assert_eq!((first.cpus.clone(), first.memory), (Some(Cpus::Amount(500_000_000)), Some(64 << 20)));
    let places: Vec<String> = first
        .attachments
        .iter()
        .map(|at| format!("{} {} {} {:?}", at.network, at.nic, at.mac, at.addresses))
        .collect();
    let derived = MacAddr::derive(&node("host1c1"), &"net98".parse().unwrap());
    assert_eq!(
        places,
        ["mynet0 eth0 02:42:0a:63:01:01 [10.99.1.1]".to_owned(), format!("net98 eth1 {derived} [10.98.1.1]")]
    );
    let third = &containers[2];
    assert_eq!(third.settings.links[0].node.as_str(), "host2c1");
    assert_eq!((third.volumes[0].source.as_str(), third.volumes[0].target.as_str()), ("data", "/data"));
}

#[test]
fn the_five_node_tables_of_xcat_compile() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/etc-xcat");
    let inventory = Inventory::open(&format!("xcat://{text}").parse().unwrap()).unwrap();
    let d2 = inventory.container(&node("d2")).unwrap();
    assert_eq!((d2.host.name.as_str(), d2.host.port), ("dh1", None), "its port 2375 says nothing");
    assert_eq!(d2.cpus, Some(Cpus::Set("0-1".to_owned())));
    assert_eq!(d2.command.unwrap(), ["/bin/sh", "-c", "trap \"exit 0\" TERM; sleep 100000 & wait"]);
    let n1 = inventory.container(&node("n1")).unwrap();
    let networks: Vec<&str> = n1.attachments.iter().map(|at| at.network.as_str()).collect();
    assert_eq!(networks, ["mynet0", "net98"], "br0 is a bridge inside the container");
    let snapshot = inventory.snapshot(&node("dh1"), 1).unwrap();
    let nodes: Vec<&str> = snapshot.nodes.iter().map(|node| node.node.as_str()).collect();
    assert_eq!(nodes, ["d1", "d2", "n1", "n2"]);
}

/// Attribute, value and what is said of host1c1 with it.
type Refusal = (&'static str, &'static str, &'static str);

const WRONG_NODES: &[Refusal] = &[
    ("mgt", "ipmi", "nodehm.mgt of host1c1 is ipmi, not docker: it is not a container"),
    ("vmhost", "", "vm.host of host1c1 is empty; set it to the node name of its docker host"),
    ("vmhost", "host9", "vm.host=host9 of host1c1: no node has this name; define it or correct the row"),
    ("vmhost", "host1:x", "vm.host=host1:x of host1c1: the port after the ':' must be 1 to 65535"),
    (
        "vmhost",
        "tcp://host1:2375",
        "vm.host=tcp://host1:2375 of host1c1: a node name is needed here, not a URL: write host1; for tcp://, put the URL into [engines] of /etc/xdock/xdock.toml",
    ),
    ("ip", "", "hosts.ip of host1c1 is empty; set its address"),
    ("ip", "10.99.1", "hosts.ip=10.99.1 of host1c1: an IP address is needed"),
    (
        "ip",
        "10.9.9.9",
        "no row of networks contains 10.9.9.9, the hosts.ip of host1c1; add the row or correct the address",
    ),
    (
        "ip",
        "10.99.0.0",
        "hosts.ip=10.99.0.0 of host1c1 is the network address of network mynet0 (10.99.0.0/16); give the node another address",
    ),
    (
        "ip",
        "10.99.255.255",
        "hosts.ip=10.99.255.255 of host1c1 is the broadcast address of network mynet0 (10.99.0.0/16); give the node another address",
    ),
    (
        "ip",
        "10.99.0.1",
        "hosts.ip=10.99.0.1 of host1c1 is the gateway of network mynet0 (10.99.0.0/16); give the node another address",
    ),
    (
        "mac",
        "01:00:5e:00:00:01",
        "mac.mac=01:00:5e:00:00:01 of host1c1: invalid MAC address 01:00:5e:00:00:01: an interface cannot have a group address or all zeros",
    ),
];

const WRONG_CELLS: &[Refusal] = &[
    (
        "vmcpus",
        "many",
        "vm.cpus=many of host1c1: a number of CPUs (2, 0.5; at least 0.01) or a set of CPU numbers (0-1, 0,2) is needed",
    ),
    (
        "vmmemory",
        "5",
        "vm.memory=5 of host1c1: an amount of memory such as 512 (MiB), 512m or 1.5g is needed, at least 6m",
    ),
    (
        "vmstorage",
        "data",
        "vm.storage=data of host1c1: item \"data\": the form is SOURCE:TARGET or SOURCE:TARGET:OPTION,OPTION with ro, rw, z, Z, nocopy or a propagation such as rslave",
    ),
    (
        "vmothersettings",
        "restart=maybe",
        "vm.othersettings=restart=maybe of host1c1: item \"restart=maybe\": restart is one of no, always, unless-stopped, on-failure, on-failure:COUNT",
    ),
];

const WRONG_EXTRA: &[Refusal] = &[
    (
        "vmothersettings",
        "extraaddress=10.97.1.1",
        "extraaddress=10.97.1.1 in vm.othersettings of host1c1: host1c1 is on no network that contains this address",
    ),
    (
        "vmothersettings",
        "extraaddress=10.99.9.9;extraaddress=10.99.0.1",
        "extraaddress=10.99.0.1 in vm.othersettings of host1c1 is the gateway of network mynet0; choose another address",
    ),
    (
        "vmothersettings",
        "extraaddress=10.99.1.2",
        "extraaddress=10.99.1.2 in vm.othersettings of host1c1 is hosts.ip of host1c2; a further address belongs to no node, but several nodes may have it",
    ),
    (
        "vmothersettings",
        "extraaddress=all",
        "vm.othersettings=extraaddress=all of host1c1: item \"extraaddress=all\": an IP address is needed",
    ),
    (
        "vmothersettings",
        "antispoof=maybe",
        "vm.othersettings=antispoof=maybe of host1c1: item \"antispoof=maybe\": yes or no is needed",
    ),
];

const WRONG_PLACES: &[Refusal] = &[
    (
        "vmnics",
        "net98,mynet0",
        "vm.nics=net98 of host1c1 must begin with mynet0, the network that contains its hosts.ip 10.99.1.1",
    ),
    ("vmnics", "mynet0,net9", "vm.nics=net9 of host1c1: no row of networks has this netname"),
    ("nicnetworks.eth1", "net9", "nicnetworks.eth1=net9 of host1c1: no row of networks has this netname"),
    (
        "nicips.eth1",
        "10.97.1.1",
        "nicips.eth1=10.97.1.1 of host1c1 is not in network net98, which nicnetworks.eth1 names",
    ),
    (
        "nicips.eth1",
        "10.98.1.1|10.98.1.2",
        "host1c1 has two IPv4 addresses on network net98, 10.98.1.1 and 10.98.1.2; remove one",
    ),
    (
        "nicips.eth1",
        "",
        "vm.nics of host1c1 names net98, where the node has no address; set nicips.NIC=ADDRESS and nicnetworks.NIC=net98",
    ),
    (
        "nicips.eth2",
        "10.98.7.7",
        "interfaces eth1 and eth2 of host1c1 are both on network net98; a container connects to a network only once",
    ),
    (
        "nicips.eth0",
        "10.98.7.7",
        "interface eth0 of host1c1 is on networks mynet0 and net98; give each network its own interface in nicips",
    ),
];

#[test]
fn an_invalid_row_is_reported_with_column_and_value() {
    for (attribute, value, message) in [WRONG_NODES, WRONG_CELLS, WRONG_EXTRA, WRONG_PLACES].concat() {
        let error = changed("host1c1", attribute, value).container(&node("host1c1")).unwrap_err();
        assert_eq!(error.to_string(), message, "{attribute}={value}");
    }
    let nobody = Inventory::from_stanzas(SCENARIO).unwrap().container(&node("host9c9")).unwrap_err();
    assert_eq!(nobody.to_string(), "no such node: host9c9");
}

#[test]
fn a_container_without_image_still_has_its_places() {
    let spec = changed("host1c1", "provmethod", "").container(&node("host1c1")).unwrap();
    assert_eq!((spec.image, spec.command), (None, None));
}

#[test]
fn addresses_of_both_families_share_an_interface() {
    let text = SCENARIO
        .replace("net=10.99.0.0\n", "net=10.99.0.0,fd00:99::\n")
        .replace("mask=255.255.0.0\n    gateway", "mask=255.255.0.0,64\n    gateway")
        .replace("nicips.eth1=10.98.3.2\n", "nicips.eth1=10.98.3.2\n    nicips.lan0=fd00:99::32\n");
    let inventory = Inventory::from_stanzas(&text).unwrap();
    let spec = inventory.container(&node("host3c2")).unwrap();
    let primary = &spec.attachments[0];
    assert_eq!((primary.network.as_str(), primary.nic.as_str()), ("mynet0", "lan0"));
    assert_eq!(format!("{:?}", primary.addresses), "[10.99.3.2, fd00:99::32]");
    let plan = inventory.host_plan(&node("host3")).unwrap().to_string();
    assert!(plan.contains("network  mynet0 10.99.0.0/16 fd00:99::/64"), "{plan}");
}

#[test]
fn a_snapshot_has_the_containers_of_all_hosts_on_the_hosts_networks() {
    let inventory = Inventory::from_stanzas(SCENARIO).unwrap();
    let snapshot = inventory.snapshot(&node("host2"), 7).unwrap();
    let networks: Vec<String> =
        snapshot.networks.iter().map(|at| format!("{} on {}", at.network.name, at.bridge)).collect();
    assert_eq!(networks, ["mynet0 on mynet0", "net98 on br98"]);
    assert_eq!((snapshot.nodes.len(), snapshot.version), (12, 7));
    let (holder, place) = snapshot.holder(&"net98".parse().unwrap(), "10.98.3.1".parse().unwrap()).unwrap();
    assert_eq!(
        (holder.node.as_str(), holder.host.as_str(), place.nic.as_str()),
        ("host3c1", "host3", "eth1")
    );
    assert_eq!(snapshot.digest, inventory.snapshot(&node("host2"), 8).unwrap().digest);
}

fn names(snapshot: &inventory::Snapshot) -> Vec<&str> {
    snapshot.nodes.iter().map(|node| node.node.as_str()).collect()
}

fn withheld(snapshot: &inventory::Snapshot) -> Vec<&str> {
    snapshot.withheld.iter().map(AsRef::as_ref).collect()
}

/// Every way in which two rows can have one address: none of the containers gets it, on any host; all others are there.
#[test]
fn rows_with_one_address_are_left_out_and_no_others() {
    for (attribute, value, on_host1, on_host2) in [
        ("ip", "10.99.2.2", vec!["host1c1"], vec!["host2c2"]),
        ("ip", "10.99.0.13", vec!["host1c1"], vec![]),
        ("mac", "02:42:0a:63:02:01", vec!["host1c1"], vec!["host2c1"]),
        ("nicips.eth1", "10.98.2.1", vec!["host1c1"], vec!["host2c1"]),
    ] {
        let inventory = changed("host1c1", attribute, value);
        let snapshots = ["host1", "host2", "host3"].map(|host| inventory.snapshot(&node(host), 1).unwrap());
        assert_eq!(
            snapshots.each_ref().map(withheld),
            [on_host1.clone(), on_host2.clone(), vec![]],
            "{attribute}={value}"
        );
        for snapshot in &snapshots {
            let missing = [on_host1.as_slice(), on_host2.as_slice()].concat();
            assert_eq!(snapshot.nodes.len(), 12 - missing.len());
            assert!(missing.iter().all(|name| !names(snapshot).contains(name)));
        }
    }
}

#[test]
fn a_wrong_row_is_left_out_of_its_hosts_snapshot_and_reported() {
    let inventory = changed("host1c1", "ip", "10.9.9.9");
    let cluster = inventory.cluster().unwrap();
    let [one, two] = ["host1", "host2"].map(|host| cluster.snapshot(&node(host), 1).unwrap());
    assert_eq!((one.nodes.len(), withheld(&one)), (11, vec!["host1c1"]));
    assert_eq!((two.nodes.len(), withheld(&two)), (11, vec![]));
    let told: Vec<(String, String)> =
        cluster.withheld(&node("host1")).map(|(node, why)| (node.to_string(), why.to_owned())).collect();
    let why =
        "no row of networks contains 10.9.9.9, the hosts.ip of host1c1; add the row or correct the address";
    assert_eq!(told, [("host1c1".to_owned(), why.to_owned())]);
    // columns that say nothing about addresses keep nobody from the network
    assert_eq!(changed("host1c1", "vmcpus", "many").snapshot(&node("host1"), 1).unwrap().nodes.len(), 12);
}

/// The previous snapshot of the host has them.
#[test]
fn a_container_with_invalid_settings_is_there_without_them() {
    for value in ["antispoof=maybe", "extraaddress=10.1.2.3", "link=nobody"] {
        let inventory = changed("host1c1", "vmothersettings", value);
        for host in ["host1", "host2"] {
            let snapshot = inventory.snapshot(&node(host), 1).unwrap();
            let found = snapshot.node("host1c1").unwrap();
            // a link to a missing node is valid: it dangles
            let keeps = value != "link=nobody";
            assert_eq!(
                (snapshot.nodes.len(), found.keeps_settings, &found.own),
                (12, keeps, &None),
                "{value}"
            );
        }
    }
}

/// A row that names no host may be a container of any.
#[test]
fn a_container_without_a_host_is_withheld_everywhere() {
    for value in ["", "host1:x", "nohost"] {
        let inventory = changed("host1c1", "vmhost", value);
        for host in ["host1", "host2"] {
            let snapshot = inventory.snapshot(&node(host), 1).unwrap();
            assert_eq!((snapshot.nodes.len(), withheld(&snapshot)), (11, vec!["host1c1"]), "{value} {host}");
        }
    }
}

/// The container of a wrong row may run with the addresses that the row still has.
#[test]
fn what_a_wrong_row_claims_is_given_to_nobody_else() {
    let wrong_nics = "    nicips.eth1=10.98.1.1\n    nicips.eth2=10.98.1.999\n";
    for (from, to) in
        [("    nicips.eth1=10.98.1.1\n", wrong_nics), ("    ip=10.99.1.1\n", "    ip=10.98.1.1 10.99.1\n")]
    {
        let text =
            SCENARIO.replacen(from, to, 1).replacen("nicips.eth1=10.98.2.1", "nicips.eth1=10.98.1.1", 1);
        let inventory = Inventory::from_stanzas(&text).unwrap();
        assert!(inventory.container(&node("host1c1")).is_err(), "{to}");
        let snapshot = inventory.snapshot(&node("host2"), 1).unwrap();
        assert_eq!((snapshot.nodes.len(), withheld(&snapshot)), (10, vec!["host2c1"]), "{to}");
        assert!(snapshot.holder(&"net98".parse().unwrap(), "10.98.1.1".parse().unwrap()).is_none());
    }
}

/// As `makehosts` names them.
#[test]
fn a_snapshot_names_the_nodes_that_are_no_containers_and_further_nics() {
    let text = SCENARIO
        .replacen("net=10.98.0.0\n", "net=10.98.0.0\n    domain=ib.test.\n", 1)
        .replacen("nicips.br98=10.98.0.11\n", "nicips.br98=10.98.0.11\n    hostnames=login,www.test\n", 1)
        .replacen(
            "nicips.br98=10.98.0.12\n",
            "nicips.br98=10.98.0.12\n    nichostnamesuffixes.br98=-ib\n    nicaliases.br98=fast quick\n",
            1,
        )
        .replacen("nicips.br98=10.98.0.13\n", "nicips.br98=10.98.0.13\n    nichostnameprefixes.br98=ib-\n", 1)
        .replacen(
            "nicips.eth1=10.98.1.1\n",
            "nicips.eth1=10.98.1.1\n    vmothersetting=link=host2c1:db;dns=10.99.0.1\n",
            1,
        )
        + "\nclustersite:\n    objtype=site\n    domain=cluster.test\n";
    let inventory = Inventory::from_stanzas(&text).unwrap();
    let snapshot = inventory.snapshot(&node("host1"), 1).unwrap();
    let names = &snapshot.names;
    assert_eq!(names.domain.as_deref(), Some("cluster.test"));
    assert_eq!(names.domain_of("10.98.0.12".parse().unwrap()), Some("ib.test"));
    let shown = |name: &str| names.find(name).map(|host| (format!("{:?}", host.addresses), host.alias));
    for (name, address, alias) in [
        ("host1", "[10.99.0.11]", false),
        ("host1-br98", "[10.98.0.11]", false),
        ("login", "[10.99.0.11]", true),
        ("www.test", "[10.99.0.11]", true),
        ("host2-ib", "[10.98.0.12]", false),
        ("quick", "[10.98.0.12]", true),
        ("ib-host3", "[10.98.0.13]", false),
        ("host1c1-eth1", "[10.98.1.1]", false),
    ] {
        assert_eq!(shown(name), Some((address.to_owned(), alias)), "{name}");
    }
    assert_eq!((shown("host1c1"), shown("host3-br98")), (None, None), "a container's own name is in `nodes`");

    let of = |snapshot: &inventory::Snapshot| snapshot.node("host1c1").unwrap().clone();
    let (here, there) = (of(&snapshot), of(&inventory.snapshot(&node("host2"), 1).unwrap()));
    assert_eq!((here.links[0].node.as_str(), here.links[0].alias.as_str()), ("host2c1", "db"));
    assert_eq!(here.own.unwrap().dns, ["10.99.0.1".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!((there.links, there.own), (here.links, None), "other hosts need the links only");
    assert_eq!(inventory::Snapshot::parse(snapshot.to_text().as_bytes()).unwrap(), snapshot);
}

#[test]
fn the_snapshot_says_what_a_container_may_send_with_and_which_networks_are_isolated() {
    let host1 = node("host1");
    let plain = Inventory::from_stanzas(SCENARIO).unwrap().snapshot(&host1, 1).unwrap();
    assert!(plain.networks.iter().all(|on| !on.network.isolate));
    let shared = "extraaddress=10.99.9.9,10.99.9.10;antispoof=no";
    let snapshot = changed("host1c1", "vmothersettings", shared).snapshot(&host1, 1).unwrap();
    let own = snapshot.node("host1c1").unwrap().own.clone().unwrap();
    assert!(own.spoofing);
    assert_eq!(own.extra_addresses, ["10.99.9.9", "10.99.9.10"].map(|text| text.parse::<IpAddr>().unwrap()));
    let elsewhere = changed("host1c1", "vmothersettings", shared).snapshot(&node("host2"), 1).unwrap();
    assert_eq!(elsewhere.node("host1c1").unwrap().own, None);
    let wrong = changed("host1c1", "vmothersettings", "extraaddress=10.97.1.1").snapshot(&host1, 1).unwrap();
    assert_eq!(wrong.node("host1c1").unwrap().own, None, "it keeps its own addresses");
    let isolated = |inventory: &Inventory| {
        let snapshot = inventory.snapshot(&host1, 1).unwrap();
        let networks = snapshot.networks.iter().filter(|on| on.network.isolate);
        networks.map(|on| on.network.name.to_string()).collect::<Vec<_>>()
    };
    let stanza = changed("net98", "isolate", "yes");
    assert_eq!(isolated(&stanza), ["net98"]);
    let site = format!("{SCENARIO}\n\nclustersite:\n    objtype=site\n    xdockisolate=mynet0, net98,net9\n");
    let site = Inventory::from_stanzas(&site).unwrap();
    let mut both = isolated(&site);
    both.sort();
    assert_eq!(both, ["mynet0", "net98"]);
    let cluster = site.cluster().unwrap();
    let problems: Vec<String> = cluster.network_problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["site.xdockisolate names net9, but no row of networks has this netname; correct it"]
    );
    // as an earlier release reads it
    let bare = stanza.snapshot(&host1, 1).unwrap().addresses_only();
    assert!(bare.networks.iter().all(|on| !on.network.isolate));
    assert!(!bare.to_text().contains("isolate"));
}

#[test]
fn a_wrong_value_of_isolate_is_told_with_its_line() {
    let text = SCENARIO.replacen("    net=10.98.0.0\n", "    net=10.98.0.0\n    isolate=maybe\n", 1);
    let error = Inventory::from_stanzas(&text).unwrap_err().to_string();
    assert!(error.ends_with("isolate=maybe of net98: yes or no is needed"), "{error}");
}
