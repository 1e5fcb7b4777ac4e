//! Every fault of a path is named by its layer, and nothing is named where nothing is wrong.

mod pair;

use inspection::{Chain, Filtered, Inspection, Listener, Published, Switch, SwitchBridge};

use super::end::{End, Kind};
use super::facts::{EndFacts, HostFacts, Publisher};
use pair::{B, Pair, SQUATTER, inside, mac, set, tables};

const FAILS: &str = "c1 and c2 do not reach each other: ";

/// The last line for a pair that loses all packets.
fn broken(pair: Pair) -> String {
    let says = pair.lost().says();
    let last = says.last().unwrap();
    last.split_once(" each other: ").unwrap_or_else(|| panic!("{says:?}")).1.to_owned()
}

#[test]
fn nothing_is_named_where_nothing_is_wrong() {
    for pair in [Pair::flat(), Pair::switched()] {
        let (from, to) = (pair.from.end.name.clone(), pair.to.end.name.clone());
        assert_eq!(pair.says(), [format!("{from} and {to} reach each other")]);
        assert!(pair.report().reaches());
        let wrong: Vec<String> =
            pair.report().lines(false).into_iter().filter(|line| !line.starts_with("  ok ")).collect();
        assert_eq!(wrong.len(), 4, "titles and verdict only: {wrong:#?}");
    }
}

#[test]
fn a_loss_that_no_check_explains_is_reported_as_such() {
    let checked = "table, host, snapshot, netd, container, interface, port, antispoof, bridge, uplink, fdb, firewall, name, neighbour, address, mtu, fabric";
    assert_eq!(
        Pair::flat().lost().says(),
        [format!("c1 and c2 lose packets, and no check explains it; checked: {checked}")]
    );
    let some = Pair::flat().here(|facts| facts.probes[0].received = 4);
    assert!(!some.report().reaches(), "one of five packets is lost");
}

#[test]
fn rows_and_hosts() {
    let mut dead = Pair::flat().lost();
    let host = dead.to.host.as_mut().unwrap();
    host.inspection = Err("no ssh connection to root@host2: no route to it; is it up?".into());
    host.container = Some(Err("no ssh".into()));
    assert_eq!(
        dead.says(),
        [format!(
            "{FAILS}host host2: no ssh connection to root@host2: no route to it; is it up?; to correct it: check power, cable and console of host2"
        )]
    );
    dead.to.host.as_mut().unwrap().witness = Some("c3 (10.99.2.3)".into());
    assert_eq!(
        dead.says(),
        [format!(
            "{FAILS}host host2: no ssh connection to root@host2: no route to it; is it up?; its container c3 (10.99.2.3) answers, so the host is up and connected; to correct it: on its console: xdockhost restore, then xdockhost status (address of host2)"
        )]
    );
    // the host is not reachable, its container is
    let mut unmanaged = Pair::flat();
    unmanaged.to.host.as_mut().unwrap().inspection = Err("no ssh connection".into());
    assert!(unmanaged.report().reaches());
    assert_eq!(unmanaged.says().len(), 2, "{:?}", unmanaged.says());
    let invalid = Pair { from: EndFacts { host: None, ..Pair::flat().from }, ..Pair::flat() };
    let mut invalid = invalid;
    invalid.from.end.addresses = Err("hosts.ip of c1 is empty".into());
    assert_eq!(
        invalid.says(),
        [format!(
            "{FAILS}table c1: hosts.ip of c1 is empty; to correct it: run \"xdock check\" to check all tables"
        )]
    );
}

#[test]
fn what_loses_no_packet_is_named_beside_the_success() {
    let stale = Pair::flat().there(|facts| facts.snapshot.as_mut().unwrap().digest = "sha256:other".into());
    assert_eq!(
        stale.says(),
        [
            "also wrong: snapshot host2: version 7 of 1970-01-01 00:00:00 UTC, older than or different from the tables; to correct it: xdock sync host2",
            "c1 and c2 reach each other"
        ]
    );
    let down = Pair::flat().here(|facts| facts.daemon.error = Some("netd does not answer within 1 s".into()));
    assert_eq!(
        down.says(),
        [
            "also wrong: netd host1: netd does not answer within 1 s; to correct it: ssh host1 systemctl restart netd.socket netd.service",
            "c1 and c2 reach each other"
        ]
    );
    assert!(down.report().reaches());
    let flushed = Pair::flat().here(|facts| facts.filters[0].bridges[0].accepted = false);
    assert_eq!(
        flushed.says(),
        [
            "also wrong: firewall host1: no rule of netd; nothing drops; to correct it: ssh host1 netd reconcile",
            "c1 and c2 reach each other"
        ]
    );
}

#[test]
fn containers() {
    for (state, expected) in [
        (
            "paused",
            "container c2: paused: its address answers, its programs do not; to correct it: xdock power c2 unpause",
        ),
        ("exited", "container c2: exited; to correct it: xdock power c2 on"),
        ("absent", "container c2: no such container; to correct it: xdock mk c2 --start"),
    ] {
        let mut pair = Pair::flat();
        pair.to.host.as_mut().unwrap().container = Some(Ok(state.into()));
        assert_eq!(pair.says(), [format!("{FAILS}{expected}")], "although the probe is answered");
    }
}

#[test]
fn interfaces_of_containers() {
    let of = |change: fn(&mut Inspection)| broken(Pair::flat().here(change));
    let restart = "; to correct it: xdock power c1 restart";
    assert_eq!(
        of(|facts| inside(facts).links[0].addresses.clear()),
        format!("interface c1: eth0 has no address{restart}")
    );
    assert_eq!(
        of(|facts| inside(facts).links[0].addresses = vec!["10.99.1.1/32".parse().unwrap()]),
        format!("interface c1: eth0 has 10.99.1.1/32{restart}")
    );
    assert_eq!(of(|facts| inside(facts).links[0].up = false), format!("interface c1: eth0 is down{restart}"));
    assert_eq!(
        of(|facts| inside(facts).links[0].mac = Some(mac(SQUATTER))),
        format!("interface c1: eth0 has MAC {SQUATTER}{restart}")
    );
    assert_eq!(
        of(|facts| facts.endpoints[0].inside = None),
        format!("interface c1: no interface of netd in the container (1 interfaces){restart}")
    );
}

#[test]
fn ports() {
    let reconcile = "; to correct it: ssh host2 netd reconcile";
    let of = |change: fn(&mut Inspection)| broken(Pair::flat().there(change));
    assert_eq!(
        of(|facts| set(facts, "xh1", |link| link.master = None)),
        format!("port c2: xh1 is in no bridge{reconcile}")
    );
    assert_eq!(
        of(|facts| set(facts, "xh1", |link| link.up = false)),
        format!("port c2: xh1 is down{reconcile}")
    );
    assert_eq!(
        of(|facts| facts.host.links.retain(|link| link.name.as_str() != "xh1")),
        "port c2: xh1 does not exist; to correct it: xdock power c2 restart"
    );
    assert_eq!(
        of(|facts| facts.endpoints.clear()),
        "port c2: netd has no attachment of c2 to mynet0; to correct it: xdock power c2 restart"
    );
    let of = |change: fn(&mut SwitchBridge)| {
        broken(Pair::switched().there(|facts| change(&mut facts.switch.as_mut().unwrap().bridges[0])))
    };
    assert_eq!(
        of(|bridge| bridge.ports.retain(|port| port.name != "xh1")),
        format!("port r2: xh1 is no port of Open vSwitch{reconcile}")
    );
    assert_eq!(of(|bridge| bridge.ports[2].tag = Some(72)), format!("port r2: xh1 is in VLAN 72{reconcile}"));
    assert_eq!(of(|bridge| bridge.ports[2].tag = None), format!("port r2: xh1 is a trunk{reconcile}"));
    assert_eq!(
        of(|bridge| bridge.ports[2].error = Some("could not open network device".into())),
        format!("port r2: xh1: could not open network device{reconcile}")
    );
}

#[test]
fn frames_that_are_dropped_as_spoofed() {
    let pair = Pair::flat().here(|facts| {
        let endpoint = &mut facts.endpoints[0];
        (endpoint.dropped, endpoint.dropped_by_probe) = (Some(8), Some(5));
    });
    assert_eq!(
        broken(pair),
        "antispoof c1: 5 frames of the probe were dropped (8 in all): they have another MAC or address; to correct it: xdock power c1 restart, or name the address in extraaddress= of c1"
    );
}

#[test]
fn bridges_and_uplinks() {
    let run = "; to correct it: updatenode host1 -P \"xdock network\"";
    let of = |change: fn(&mut Inspection)| {
        broken(Pair::flat().here(|facts| {
            change(facts);
            // the kernel releases the ports of a bridge that is deleted
            if facts.host.link("mynet0").is_none() {
                facts.host.links.iter_mut().for_each(|link| link.master = None);
            }
        }))
    };
    assert_eq!(
        of(|facts| facts.host.links.retain(|link| link.name.as_str() != "mynet0")),
        format!("bridge host1: mynet0 does not exist{run}")
    );
    let gone = Pair::flat().there(|facts| facts.host.links.retain(|link| link.name.as_str() != "mynet0"));
    assert_eq!(
        broken(gone),
        "bridge host2: mynet0 does not exist; to correct it: updatenode host2 -P \"xdock network\"",
        "the uplink, which a packet passes before, is not its cause"
    );
    assert_eq!(
        of(|facts| set(facts, "mynet0", |link| link.up = false)),
        "bridge host1: mynet0 is down; to correct it: ssh host1 ip link set mynet0 up"
    );
    assert_eq!(
        of(|facts| set(facts, "eth0", |link| link.master = None)),
        format!("uplink host1: mynet0 has no uplink{run}")
    );
    assert_eq!(
        of(|facts| set(facts, "eth0", |link| link.carrier = false)),
        "uplink host1: eth0 has no carrier; to correct it: check cable and switch port of eth0 on host1"
    );
    let of = |change: fn(&mut Switch)| {
        broken(Pair::switched().here(|facts| change(facts.switch.as_mut().unwrap())))
    };
    assert_eq!(
        of(|switch| switch.bridges.clear()),
        format!("bridge host1: Open vSwitch has no bridge br0{run}")
    );
    assert_eq!(
        of(|switch| {
            switch.bridges.clear();
            switch.error = Some("connection refused".into());
        }),
        "bridge host1: Open vSwitch does not answer: connection refused; to correct it: ssh host1 systemctl restart openvswitch-switch"
    );
    assert_eq!(
        of(|switch| switch.bridges[0].ports.retain(|port| port.name != "eth1")),
        format!("uplink host1: eth1 is no port of br0{run}")
    );
    assert_eq!(
        of(|switch| switch.bridges[0].ports[1].trunks = vec![72, 99]),
        format!("uplink host1: eth1 carries only VLAN 72, 99{run}")
    );
    assert_eq!(
        of(|switch| switch.bridges[0].ports[1].tag = Some(99)),
        format!("uplink host1: eth1 is an access port of VLAN 99{run}")
    );
}

#[test]
fn forwarding_databases() {
    let entry = |facts: &mut Inspection, mac: &str, port: &str| {
        let found = facts.fdb.iter_mut().find(|entry| entry.mac == pair::mac(mac)).unwrap();
        (found.port, found.fixed) = (port.parse().unwrap(), true);
    };
    assert_eq!(
        broken(Pair::flat().here(|facts| entry(facts, B, "xh1"))),
        format!(
            "fdb host1: behind xh1, set by hand; to correct it: ssh host1 bridge fdb del {B} dev xh1 master"
        )
    );
    assert_eq!(
        broken(Pair::flat().there(|facts| entry(facts, B, "eth0"))),
        format!(
            "fdb host2: behind eth0, set by hand; to correct it: ssh host2 bridge fdb del {B} dev eth0 master"
        )
    );
    let wrong =
        Pair::switched().here(|facts| facts.switch.as_mut().unwrap().fdb[1].port = "xh1".parse().unwrap());
    assert_eq!(
        broken(wrong),
        "fdb host1: behind xh1, learned; to correct it: ssh host1 ovs-appctl fdb/flush br0"
    );
}

#[test]
fn firewalls() {
    let drops = |facts: &mut Inspection| {
        facts.filters[0].bridges[0] = Filtered {
            bridge: "mynet0".parse().unwrap(),
            accepted: false,
            drops: vec!["-A FORWARD -j DROP".into(), "-P FORWARD DROP".into()],
        };
    };
    assert_eq!(
        broken(Pair::flat().there(drops)),
        "firewall host2: before the rule: -A FORWARD -j DROP; -P FORWARD DROP; to correct it: ssh host2 netd reconcile"
    );
    // a chain of nftables may drop, if nothing else explains the loss
    let chains = |facts: &mut Inspection| {
        let name = "inet mine forward".to_owned();
        facts.chains = vec![Chain { name, bridged: false, why: "policy drop".into() }];
    };
    assert_eq!(
        broken(Pair::flat().there(chains)),
        "firewall host2: may drop: inet mine forward (policy drop); to correct it: ssh host2 nft list table inet mine"
    );
    assert_eq!(Pair::flat().there(chains).says(), ["c1 and c2 reach each other"]);
    assert!(broken(Pair::flat().there(chains).there(drops)).starts_with("firewall host2: before the rule"));
    // br_netfilter is off: the chain sees no bridged packet
    let unseen = Pair::flat().there(drops).there(|facts| facts.filters[0].sees_bridged = false);
    assert!(unseen.lost().says().last().unwrap().contains("no check explains it"));
}

#[test]
fn neighbours_and_other_machines() {
    let by_hand = Pair::flat().here(|facts| {
        let entry = &mut inside(facts).neighbours[0];
        (entry.mac, entry.permanent) = (Some(mac(SQUATTER)), true);
    });
    assert_eq!(
        broken(by_hand),
        format!(
            "neighbour c1: at {SQUATTER}: set by hand; to correct it: ssh host1 nsenter --net=/run/docker/netns/1 ip neigh del 10.99.2.1 dev eth0"
        )
    );
    // another machine answers echo requests too: an answer proves nothing
    let squatter = Pair::flat().here(|facts| inside(facts).neighbours[0].mac = Some(mac(SQUATTER)));
    let find = "; to correct it: find the machine with this MAC (switch tables), or change the address of c2";
    assert_eq!(
        squatter.says(),
        [format!("{FAILS}neighbour c1: at {SQUATTER}: another machine uses the address{find}")]
    );
    let both = Pair::flat().here(|facts| facts.probes[0].claimed_by = vec![mac(B), mac(SQUATTER)]);
    assert_eq!(
        both.says(),
        [format!("{FAILS}address c2: {SQUATTER} answers too: another machine uses the address{find}")]
    );
}

#[test]
fn the_network_between_the_hosts() {
    let silent = |facts: &mut Inspection| {
        let fdb = facts.switch.as_mut().unwrap();
        fdb.fdb.retain(|entry| entry.port.as_str() == "xh1");
        let entry = &mut inside(facts).neighbours[0];
        (entry.mac, entry.failed) = (None, true);
    };
    assert_eq!(
        broken(Pair::switched().here(silent).there(silent)),
        "fabric host2: none; to correct it: check switch ports, VLAN 71 on the trunk and cables between host1 and host2"
    );
    let old = Pair::switched().there(|facts| facts.switch.as_mut().unwrap().fdb[1].age_ms = Some(90_000));
    assert!(broken(old).starts_with("fabric host2: none since 90 s; "));
}

#[test]
fn long_packets() {
    let small = |facts: &mut Inspection| {
        set(facts, "eth0", |link| link.mtu = 1400);
        set(facts, "xh1", |link| link.mtu = 1400);
    };
    let pair = Pair::flat().there(small).long_lost();
    assert_eq!(
        pair.says(),
        [
            "also wrong: mtu c2: xh1 on host2 has 1400, eth0 on host2 has 1400; to correct it: ssh host2 ip link set eth0 mtu 1500",
            "c1 and c2 lose long packets: mtu c1: xh1 on host2 has 1400, eth0 on host2 has 1400; to correct it: ssh host2 ip link set eth0 mtu 1500"
        ]
    );
    // it does not explain that short packets are lost
    assert!(Pair::flat().there(small).lost().says().last().unwrap().contains("no check explains it"));
}

#[test]
fn names() {
    let of = |change: fn(&mut Inspection)| Pair::flat().here(change).says();
    let success = "c1 and c2 reach each other".to_owned();
    assert_eq!(
        of(|facts| {
            facts.names[0].addresses.clear();
            facts.names[0].error = Some("Connection refused (os error 111)".into());
        }),
        [
            "also wrong: name c1: no answer: Connection refused (os error 111); to correct it: ssh host1 netd reconcile".to_owned(),
            success.clone()
        ]
    );
    assert_eq!(
        of(|facts| facts.names[0].addresses = vec!["10.99.9.9".parse().unwrap()]),
        ["also wrong: name c1: 10.99.9.9; to correct it: xdock sync host1".to_owned(), success.clone()]
    );
    assert_eq!(
        of(|facts| facts.names[0].addresses.clear()),
        ["also wrong: name c1: unknown; to correct it: xdock sync host1".to_owned(), success]
    );
}

#[test]
fn the_alias_of_a_link_is_an_end_for_the_container_that_links() {
    let tables = tables();
    let cluster = tables.cluster().unwrap();
    let l1 = End::parse("l1", &cluster, &tables).unwrap();
    let end = End::parse_linked("partner:80", &l1.links, &cluster, &tables).unwrap();
    assert_eq!((end.name.as_str(), end.called.as_deref(), end.port), ("l2", Some("partner"), Some(80)));
    assert!(End::parse("partner", &cluster, &tables).is_err());
}

#[test]
fn isolated_networks_need_a_link() {
    assert_eq!(Pair::of("l1", "l2").says(), ["l1 and l2 reach each other"]);
    assert_eq!(Pair::of("l2", "l1").says(), ["l2 and l1 reach each other"], "answers pass");
    assert_eq!(
        broken(Pair::of("l1", "l3")),
        "link l1: no link; to correct it: add link=l3 to vmothersettings of l1, then xdock sync host1,host2"
    );
    // only the one that links opens connections
    let mut pair = Pair::of("l2", "l1").lost();
    pair.to.end.port = Some(80);
    assert_eq!(
        pair.says().last().unwrap(),
        "l2 and l1 do not reach each other: link l2: only l1 links to l2: it opens connections; to correct it: add link=l1 to vmothersettings of l2, then xdock sync host2,host1"
    );
}

/// `r2` connects to port 8080 of host1, which `l1` publishes.
fn published(port: u16, change: impl FnOnce(&mut HostFacts, &mut Inspection)) -> Vec<String> {
    let mut pair = Pair::flat();
    let host = Pair::of("c2", "c1").to;
    let mut facts = host.host.unwrap();
    facts.container = None;
    facts.publisher = Some(Publisher { node: "l1".parse().unwrap(), port: 80, state: Ok("running".into()) });
    let mut inspection = facts.inspection.clone().unwrap();
    inspection.published = vec![Published { port: 8080, node: "l1".parse().unwrap(), container: 80 }];
    change(&mut facts, &mut inspection);
    facts.inspection = Ok(inspection);
    let tables = tables();
    let cluster = tables.cluster().unwrap();
    pair.to =
        EndFacts { end: End::parse(&format!("host1:{port}"), &cluster, &tables).unwrap(), host: Some(facts) };
    let address = pair.to.end.addresses.as_ref().unwrap()[0].address;
    let pair = pair.here(|facts| {
        facts.probes.truncate(1);
        facts.probes[0] = inspection::Probe {
            to: address,
            port: Some(port),
            sent: 1,
            received: 1,
            ..facts.probes[0].clone()
        };
    });
    pair.says()
}

#[test]
fn published_ports() {
    let last = |change: fn(&mut HostFacts, &mut Inspection)| published(8080, change).pop().unwrap();
    let fails = "c1 and host1 do not reach each other: publish host1: ";
    let not = format!("{fails}not published, l1 is ");
    assert_eq!(
        last(|host, facts| {
            facts.published.clear();
            host.publisher.as_mut().unwrap().state = Ok("exited".into());
            facts.listeners = vec![Listener { port: 8080, program: "nginx".into(), pid: Some(7) }];
        }),
        format!(
            "{not}exited: program nginx (process 7) of the host listens on port 8080; to correct it: stop nginx on host1 or change port= of l1, then xdock power l1 on"
        ),
        "although the connection was accepted"
    );
    assert_eq!(
        last(|_, facts| facts.published.clear()),
        format!("{not}running; to correct it: xdock power l1 on")
    );
    assert_eq!(
        last(|_, facts| facts.published[0].node = "c1".parse().unwrap()),
        format!("{fails}published for port 80 of c1; to correct it: xdock mk c1,l1 --replace")
    );
    assert_eq!(
        last(|host, _| host.publisher.as_mut().unwrap().state = Ok("paused".into())),
        format!("{fails}l1 is paused; to correct it: xdock power l1 unpause")
    );
}

#[test]
fn the_container_that_publishes_a_port_is_found_in_the_tables() {
    let tables = tables();
    let cluster = tables.cluster().unwrap();
    let of = |host: &str, port| {
        cluster.publisher(&host.parse().unwrap(), port).map(|(node, own)| (node.to_string(), own))
    };
    assert_eq!(of("host1", 8080), Some(("l1".to_owned(), 80)));
    assert_eq!((of("host1", 8081), of("host2", 8080)), (None, None));
}

#[test]
fn on_one_host_no_uplink_is_checked() {
    let pair = Pair::of("c1", "near").here(|facts| set(facts, "eth0", |link| link.carrier = false));
    assert_eq!(pair.says(), ["c1 and near reach each other"]);
}

#[test]
fn ends_are_nodes_names_and_addresses() {
    let tables = tables();
    let cluster = tables.cluster().unwrap();
    let end = |word: &str| End::parse(word, &cluster, &tables);
    for (word, name, kind, port) in [
        ("c1", "c1", Kind::Container, None),
        ("c1:80", "c1", Kind::Container, Some(80)),
        ("10.99.2.1", "c2", Kind::Container, None),
        ("10.99.2.1:80", "c2", Kind::Container, Some(80)),
        ("host1", "host1", Kind::Host, None),
        ("10.99.0.12", "host2", Kind::Host, None),
        ("10.99.0.1", "10.99.0.1", Kind::Outside, None),
        ("[fd00::1]:80", "fd00::1", Kind::Outside, Some(80)),
    ] {
        let end = end(word).unwrap();
        assert_eq!((end.name.as_str(), end.kind, end.port), (name, kind, port), "{word}");
    }
    assert_eq!(
        end("c9").unwrap_err().to_string(),
        "\"c9\" is no node of the tables and no address; run \"xdock nodes all\" to list the nodes"
    );
    assert_eq!(
        end("c1:http").unwrap_err().to_string(),
        "\"c1:http\": a port is a number from 1 to 65535, as in host1:8080"
    );
}

#[test]
fn json_has_every_check_with_its_direction() {
    let report =
        Pair::flat().there(|facts| set(facts, "xh1", |link| link.master = None)).lost().report().json();
    assert_eq!(report["reaches"], false);
    let path = &report["paths"][0];
    assert_eq!((path["verdict"].as_str(), path["network"].as_str()), (Some("broken"), Some("mynet0")));
    assert_eq!((path["broken"]["layer"].as_str(), path["broken"]["at"].as_str()), (Some("port"), Some("c2")));
    assert_eq!(path["broken"]["fix"], "ssh host2 netd reconcile");
    let directions: Vec<&str> =
        path["rungs"].as_array().unwrap().iter().filter_map(|rung| rung["direction"].as_str()).collect();
    for direction in ["both", "forward", "back"] {
        assert!(directions.contains(&direction), "{directions:?}");
    }
}
