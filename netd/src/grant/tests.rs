//! What is granted, and every refusal with its exact text.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use inventory::{Attachment, Fabric, HostNetwork, Network, Snapshot, SnapshotNode};
use ipnet::IpNet;
use plugin::{
    AddressRequest, Call, EndpointId, EndpointRef, IpamCall, Join, Mac, NetworkCall, NetworkId,
    NetworkOptions, NewEndpoint, NewNetwork, Pool, PoolRequest, Purpose, Reply,
};

use super::{Verdict, decide};
use crate::moment::Moment;
use crate::state::{Change, Endpoint, Phase, State};

/// Network, interface, MAC, addresses.
type Nic = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Node, host, places.
const NODES: [(&str, &str, &[Nic]); 4] = [
    (
        "d1",
        "dh1",
        &[
            ("mynet0", "eth0", "02:42:0a:63:01:01", &["10.99.1.1"]),
            ("net98", "eth1", "02:42:0a:62:01:01", &["10.98.1.1", "fd00:98::1:1"]),
        ],
    ),
    ("d2", "dh1", &[("mynet0", "eth0", "02:42:0a:63:01:02", &["10.99.1.2"])]),
    ("d3", "dh1", &[("net98", "eth0", "02:42:0a:62:01:03", &["10.98.1.3"])]),
    ("d9", "dh2", &[("mynet0", "eth0", "02:42:0a:63:01:09", &["10.99.1.9"])]),
];

pub(super) fn snapshot() -> Snapshot {
    let network = |name: &str, subnets: &[&str], gateways: &[&str]| HostNetwork {
        network: Network {
            name: name.parse().unwrap(),
            subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
            gateways: gateways.iter().map(|gateway| gateway.parse().unwrap()).collect(),
            vlan: None,
            mtu: None,
        },
        fabric: Fabric::Flat,
        bridge: format!("br-{name}").parse().unwrap(),
    };
    let networks = vec![
        network("mynet0", &["10.99.0.0/16"], &[]),
        network("net98", &["10.98.0.0/16", "fd00:98::/64"], &["10.98.0.254"]),
    ];
    let nic = |(network, nic, mac, addresses): &Nic| Attachment {
        network: network.parse().unwrap(),
        nic: nic.parse().unwrap(),
        mac: mac.parse().unwrap(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    };
    let nodes = NODES.iter().map(|(node, host, nics)| SnapshotNode {
        node: node.parse().unwrap(),
        host: host.parse().unwrap(),
        nics: nics.iter().map(nic).collect(),
    });
    Snapshot::seal("dh1".parse().unwrap(), 7, networks, nodes.collect())
}

fn moment(seconds: u64) -> Moment {
    Moment::default().after(Duration::from_secs(seconds))
}

fn network_id(digit: char) -> NetworkId {
    digit.to_string().repeat(64).parse().unwrap()
}

fn endpoint_id(digit: char) -> EndpointId {
    digit.to_string().repeat(64).parse().unwrap()
}

fn at(endpoint: char) -> EndpointRef {
    EndpointRef { network: network_id('1'), endpoint: endpoint_id(endpoint) }
}

fn empty() -> State {
    State::with(Some(snapshot()))
}

/// The tables, and both networks made: 1 is mynet0, 2 is net98.
fn made() -> State {
    let mut state = empty();
    carry_out(&mut state, &create_network('1', "mynet0", &["10.99.0.0/16"]), 0).unwrap();
    carry_out(&mut state, &create_network('2', "net98", &["10.98.0.0/16", "fd00:98::/64"]), 0).unwrap();
    state
}

/// Decides, and makes the changes as the daemon does when the host does its part.
fn carry_out(state: &mut State, call: &Call, second: u64) -> Result<Verdict, String> {
    let now = moment(second);
    let verdict = decide(state, call, now).map_err(|refusal| refusal.to_string())?;
    let changes = match verdict.clone() {
        Verdict::Answer(_, changes) => changes,
        Verdict::Attach { endpoint, mut before, .. } => {
            before.push(Change::Endpoint(Endpoint { phase: Phase::Created, ..endpoint }));
            before
        }
        Verdict::Join { joined, .. } => vec![Change::Endpoint(joined)],
        Verdict::Created { .. } | Verdict::Occupied { .. } | Verdict::Suspect { .. } => Vec::new(),
    };
    changes.into_iter().for_each(|change| state.apply(change, now));
    Ok(verdict)
}

fn refused(state: &State, call: &Call) -> String {
    match decide(state, call, moment(0)) {
        Err(refusal) => refusal.to_string(),
        Ok(verdict) => panic!("granted: {verdict:?}"),
    }
}

fn answered(state: &State, call: &Call) -> Reply {
    match decide(state, call, moment(0)) {
        Ok(Verdict::Answer(reply, _)) => reply,
        other => panic!("not answered: {other:?}"),
    }
}

fn create_network(id: char, name: &str, subnets: &[&str]) -> Call {
    let pool = |subnet: &&str| Pool {
        address_space: "local".to_owned(),
        pool: subnet.parse().unwrap(),
        gateway: None,
        auxiliary: BTreeMap::new(),
    };
    let (v4, v6): (Vec<Pool>, Vec<Pool>) =
        subnets.iter().map(pool).partition(|pool| matches!(pool.pool, IpNet::V4(_)));
    let generic = BTreeMap::from([("netd.network".to_owned(), name.to_owned())]);
    let options = NetworkOptions { generic, internal: false };
    Call::Network(NetworkCall::CreateNetwork(NewNetwork {
        network: network_id(id),
        options,
        ipv4: v4,
        ipv6: v6,
    }))
}

fn pool(pool: Option<&str>) -> Call {
    Call::Ipam(IpamCall::RequestPool(PoolRequest {
        address_space: "local".to_owned(),
        pool: pool.map(|pool| pool.parse().unwrap()),
        sub_pool: None,
        options: BTreeMap::new(),
        v6: false,
    }))
}

fn address(pool: &str, address: Option<&str>, purpose: Purpose) -> Call {
    let address = address.map(|address| address.parse().unwrap());
    Call::Ipam(IpamCall::RequestAddress(AddressRequest { pool: pool.to_owned(), address, purpose }))
}

fn plain(address: &str) -> Call {
    self::address("v4:10.99.0.0/16", Some(address), Purpose::Plain)
}

fn named(name: &str) -> Purpose {
    Purpose::Endpoint { name: Some(name.to_owned()), mac: None }
}

fn release(address: &str) -> Call {
    let address: IpAddr = address.parse().unwrap();
    Call::Ipam(IpamCall::ReleaseAddress { pool: "v4:10.99.0.0/16".to_owned(), address })
}

/// A start on mynet0.
struct Start {
    endpoint: char,
    address: &'static str,
    node: Option<&'static str>,
    mac: Option<[u8; 6]>,
}

impl Start {
    fn of(endpoint: char, node: &'static str, address: &'static str) -> Self {
        Self { endpoint, address, node: Some(node), mac: None }
    }

    fn call(&self) -> Call {
        let options = self.node.map(|node| ("netd.node".to_owned(), node.to_owned()));
        Call::Network(NetworkCall::CreateEndpoint(NewEndpoint {
            id: at(self.endpoint),
            ipv4: Some(format!("{}/16", self.address).parse().unwrap()),
            ipv6: None,
            fixed_mac: self.mac.map(Mac),
            asked_mac: None,
            options: options.into_iter().collect(),
        }))
    }
}

fn join(endpoint: char) -> Call {
    let sandbox = "/var/run/docker/netns/1960dd7fab00".to_owned();
    Call::Network(NetworkCall::Join(Join { id: at(endpoint), sandbox }))
}

fn leave(endpoint: char) -> Call {
    Call::Network(NetworkCall::Leave(at(endpoint)))
}

fn delete(endpoint: char) -> Call {
    Call::Network(NetworkCall::DeleteEndpoint(at(endpoint)))
}

#[test]
fn registration_never_fails_also_without_tables() {
    let nothing = State::default();
    assert_eq!(answered(&nothing, &Call::Activate), Reply::Implements(&["NetworkDriver", "IpamDriver"]));
    let capabilities = Call::Network(NetworkCall::GetCapabilities);
    assert_eq!(answered(&nothing, &capabilities), Reply::NetworkCapabilities { gateway_check: true });
    let capabilities = Call::Ipam(IpamCall::GetCapabilities);
    let reply = Reply::IpamCapabilities { requires_mac: false, request_replay: true };
    assert_eq!(answered(&nothing, &capabilities), reply);
}

#[test]
fn without_tables_everything_says_what_to_do() {
    let nothing = State::default();
    let text = "no snapshot on this host yet: run \"xdock sync HOST\" on the management node";
    for call in [
        pool(Some("10.99.0.0/16")),
        plain("10.99.1.1"),
        create_network('1', "mynet0", &["10.99.0.0/16"]),
        Start::of('a', "d1", "10.99.1.1").call(),
    ] {
        assert_eq!(refused(&nothing, &call), text);
    }
}

#[test]
fn only_subnets_of_the_tables_are_pools() {
    let state = empty();
    let id = "v4:10.99.0.0/16".to_owned();
    assert_eq!(
        answered(&state, &pool(Some("10.99.0.0/16"))),
        Reply::Pool { id, pool: "10.99.0.0/16".parse().unwrap() }
    );
    let has = "snapshot 7 has mynet0 (10.99.0.0/16), net98 (10.98.0.0/16 and fd00:98::/64)";
    assert_eq!(
        refused(&state, &pool(Some("10.5.0.0/16"))),
        format!("10.5.0.0/16 is no network of the tables on this host: {has}")
    );
    assert_eq!(refused(&state, &pool(None)), format!("a subnet must be named (--subnet): {has}"));
    assert_eq!(
        refused(&state, &address("x", Some("10.99.1.1"), Purpose::Plain)),
        "\"x\" is no pool of netd: pools are named like v4:10.99.0.0/16"
    );
}

#[test]
fn an_address_is_granted_to_its_row_only() {
    let state = empty();
    assert_eq!(answered(&state, &plain("10.99.1.1")), Reply::Address("10.99.1.1/16".parse().unwrap()));
    assert_eq!(
        refused(&state, &plain("10.99.7.7")),
        "10.99.7.7 is the address of no container node on mynet0 (snapshot 7): define it with ip=10.99.7.7, then \"xdock sync dh1\""
    );
    assert_eq!(
        refused(&state, &plain("10.99.1.9")),
        "10.99.1.9 is d9's, and d9 lives on dh2 (vm.host), not on dh1"
    );
    assert_eq!(refused(&state, &plain("10.5.0.1")), "10.5.0.1 is outside of mynet0 (10.99.0.0/16)");
}

#[test]
fn a_name_is_as_good_as_an_address_where_the_engine_says_it() {
    let state = empty();
    let by_name = |name| address("v4:10.99.0.0/16", None, named(name));
    assert_eq!(answered(&state, &by_name("d2")), Reply::Address("10.99.1.2/16".parse().unwrap()));
    let v6 = address("v6:fd00:98::/64", None, named("d1"));
    assert_eq!(answered(&state, &v6), Reply::Address("fd00:98::1:1/64".parse().unwrap()));
    assert_eq!(
        refused(&state, &address("v6:fd00:98::/64", None, named("d3"))),
        "the tables give d3 no IPv6 address on net98 (hosts.ip, nics.nicips)"
    );
    assert_eq!(
        refused(&state, &by_name("web")),
        "web is no container node on mynet0 (snapshot 7): define it with ip=ADDRESS, then \"xdock sync dh1\""
    );
    assert_eq!(
        refused(&state, &by_name("d9")),
        "10.99.1.9 is d9's, and d9 lives on dh2 (vm.host), not on dh1"
    );
    assert_eq!(
        refused(&state, &address("v4:10.99.0.0/16", Some("10.99.1.1"), named("d2"))),
        "10.99.1.1 is d1's, but the container is named d2"
    );
    assert_eq!(
        refused(&state, &address("v4:10.99.0.0/16", None, Purpose::Plain)),
        "an address must be asked for on mynet0: this engine does not tell the container's name; use \"xdock mk NODE\", or --ip ADDRESS"
    );
}

#[test]
fn the_gateway_is_the_tables_or_an_address_that_no_container_has() {
    let state = empty();
    let gateway = |pool, asked| address(pool, asked, Purpose::Gateway);
    let granted = |address: &str| Reply::Address(address.parse().unwrap());
    assert_eq!(answered(&state, &gateway("v4:10.98.0.0/16", None)), granted("10.98.0.254/16"));
    assert_eq!(answered(&state, &gateway("v4:10.98.0.0/16", Some("10.98.0.254"))), granted("10.98.0.254/16"));
    assert_eq!(answered(&state, &gateway("v4:10.99.0.0/16", None)), granted("10.99.0.0/16"));
    // dockerd repeats at its start what it was given
    assert_eq!(answered(&state, &gateway("v4:10.99.0.0/16", Some("10.99.0.0"))), granted("10.99.0.0/16"));
    assert_eq!(
        refused(&state, &gateway("v4:10.98.0.0/16", Some("10.98.0.1"))),
        "10.98.0.1 was asked for as gateway of net98, but the tables give 10.98.0.254"
    );
    assert_eq!(
        refused(&state, &gateway("v4:10.99.0.0/16", Some("10.99.0.1"))),
        "10.99.0.1 was asked for as gateway of mynet0, but the tables give it none (networks.gateway)"
    );
}

#[test]
fn a_network_is_a_row_with_just_its_subnets() {
    let state = made();
    assert_eq!(
        refused(&state, &create_network('3', "mynet9", &["10.99.0.0/16"])),
        "mynet9 is no network of the tables on this host: snapshot 7 has mynet0 (10.99.0.0/16), net98 (10.98.0.0/16 and fd00:98::/64)"
    );
    assert_eq!(
        refused(&state, &create_network('3', "net98", &["10.98.0.0/16"])),
        "network net98 is 10.98.0.0/16 and fd00:98::/64 in the tables, but Docker asks for 10.98.0.0/16"
    );
    assert_eq!(
        refused(&state, &create_network('1', "net98", &["10.98.0.0/16", "fd00:98::/64"])),
        "Docker network 111111111111 is mynet0 already"
    );
    assert_eq!(answered(&state, &create_network('1', "mynet0", &["10.99.0.0/16"])), Reply::Empty);
    let without_option = NewNetwork {
        network: network_id('3'),
        options: NetworkOptions::default(),
        ipv4: Vec::new(),
        ipv6: Vec::new(),
    };
    assert_eq!(
        refused(&state, &Call::Network(NetworkCall::CreateNetwork(without_option))),
        "the option netd.network is missing: use \"xdock mk\", or docker network create -d netd --ipam-driver netd -o netd.network=NETWORK --subnet SUBNET"
    );
}

#[test]
fn docker_28_reserves_a_gateway_only_where_the_tables_have_one() {
    let check = |network: &str| {
        let generic = BTreeMap::from([("netd.network".to_owned(), network.to_owned())]);
        Call::Network(NetworkCall::GwAllocCheck(NetworkOptions { generic, internal: false }))
    };
    let skips = |skip_ipv4, skip_ipv6| Reply::GatewayCheck { skip_ipv4, skip_ipv6 };
    assert_eq!(answered(&empty(), &check("mynet0")), skips(true, true));
    assert_eq!(answered(&empty(), &check("net98")), skips(false, true));
}

#[test]
fn an_endpoint_is_granted_when_address_name_and_mac_are_one_row() {
    let state = made();
    let verdict = decide(&state, &Start::of('a', "d1", "10.99.1.1").call(), moment(5)).unwrap();
    let Verdict::Attach { endpoint, before, reply } = verdict else { panic!("{verdict:?}") };
    assert_eq!((endpoint.node.as_str(), endpoint.nic.as_str()), ("d1", "eth0"));
    assert_eq!((endpoint.bridge.as_str(), endpoint.phase), ("br-mynet0", Phase::Intended));
    assert_eq!(before, []);
    assert_eq!(reply, Reply::Endpoint { mac: Some(Mac([0x02, 0x42, 0x0a, 0x63, 0x01, 0x01])) });
    let fixed = Start {
        mac: Some([0x02, 0x42, 0x0a, 0x63, 0x01, 0x01]),
        node: None,
        ..Start::of('a', "", "10.99.1.1")
    };
    let verdict = decide(&state, &fixed.call(), moment(5)).unwrap();
    assert!(matches!(verdict, Verdict::Attach { reply: Reply::Endpoint { mac: None }, .. }), "{verdict:?}");
}

#[test]
fn an_endpoint_whose_parts_disagree_is_refused() {
    let state = made();
    assert_eq!(
        refused(&state, &Start::of('a', "d2", "10.99.1.1").call()),
        "10.99.1.1 is d1's but the container says netd.node=d2"
    );
    let other_mac = Start { mac: Some([2, 0, 0, 0, 0, 9]), ..Start::of('a', "d2", "10.99.1.2") };
    assert_eq!(
        refused(&state, &other_mac.call()),
        "MAC 02:00:00:00:00:09 was asked for, but the tables give d2 02:42:0a:63:01:02 (mac.mac)"
    );
    assert_eq!(
        refused(&state, &Start::of('a', "d9", "10.99.1.9").call()),
        "10.99.1.9 is d9's, and d9 lives on dh2 (vm.host), not on dh1"
    );
    assert_eq!(
        refused(&empty(), &Start::of('a', "d1", "10.99.1.1").call()),
        "Docker network 111111111111 is not known to netd on this host: remove it and let \"xdock mk\" make it anew"
    );
}

#[test]
fn a_network_that_the_tables_lost_takes_no_more_endpoints() {
    let mut state = made();
    let lost = snapshot();
    let networks = lost.networks.into_iter().skip(1).collect();
    state.snapshot = Some(Snapshot::seal("dh1".parse().unwrap(), 8, networks, lost.nodes));
    assert_eq!(
        refused(&state, &Start::of('a', "d1", "10.99.1.1").call()),
        "network mynet0 is in the tables no more (snapshot 8)"
    );
}

#[test]
fn a_repeated_create_is_the_same_endpoint() {
    let mut state = made();
    let start = Start::of('a', "d1", "10.99.1.1").call();
    carry_out(&mut state, &start, 1).unwrap();
    let again = decide(&state, &start, moment(2)).unwrap();
    assert!(matches!(again, Verdict::Created { .. }), "{again:?}");
    assert_eq!(
        refused(&state, &Start::of('a', "d2", "10.99.1.2").call()),
        "endpoint aaaaaaaaaaaa is d1's already"
    );
}

#[test]
fn a_node_is_on_a_network_once() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    carry_out(&mut state, &join('a'), 1).unwrap();
    let second = decide(&state, &Start::of('b', "d1", "10.99.1.1").call(), moment(100)).unwrap();
    let Verdict::Occupied { by, refusal } = second else { panic!("{second:?}") };
    assert_eq!(by, endpoint_id('a'));
    let port = state.endpoints[&endpoint_id('a')].port();
    assert_eq!(
        refusal.to_string(),
        format!(
            "d1 is on mynet0 already, as endpoint aaaaaaaaaaaa (port {port}): a node runs once; stop its other container"
        )
    );
    carry_out(&mut state, &leave('a'), 101).unwrap();
    let second = decide(&state, &Start::of('b', "d1", "10.99.1.1").call(), moment(101)).unwrap();
    let gone = vec![Change::NoEndpoint(endpoint_id('a'))];
    assert!(matches!(second, Verdict::Attach { before, .. } if before == gone));
}

#[test]
fn a_start_that_was_given_up_is_in_the_way_for_ten_seconds() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    let second = Start::of('b', "d1", "10.99.1.1").call();
    assert!(matches!(decide(&state, &second, moment(10)), Ok(Verdict::Occupied { .. })));
    assert!(matches!(decide(&state, &second, moment(11)), Ok(Verdict::Attach { .. })));
}

#[test]
fn a_new_dockerd_does_not_end_what_the_old_one_began() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    carry_out(&mut state, &Start::of('b', "d2", "10.99.1.2").call(), 1).unwrap();
    carry_out(&mut state, &join('b'), 1).unwrap();
    carry_out(&mut state, &Call::Activate, 2).unwrap();
    let left: Vec<&EndpointId> = state.endpoints.keys().collect();
    assert_eq!(left, [&endpoint_id('b')]);
}

#[test]
fn join_names_the_interface_and_the_tables_gateway() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    let Ok(Verdict::Join { joined, reply: Reply::Joined(reply) }) = decide(&state, &join('a'), moment(2))
    else {
        panic!("no join")
    };
    assert_eq!((joined.phase, joined.since), (Phase::Joined, moment(2)));
    assert_eq!(reply.src_name, state.endpoints[&endpoint_id('a')].container_end().as_str());
    assert_eq!(
        (reply.dst_prefix.as_str(), reply.gateway, reply.disable_gateway_service),
        ("eth", None, true)
    );
    let Call::Network(NetworkCall::CreateEndpoint(mut new)) = Start::of('b', "d1", "10.99.1.1").call() else {
        panic!("no start")
    };
    new.id.network = network_id('2');
    new.ipv4 = Some("10.98.1.1/16".parse().unwrap());
    new.ipv6 = Some("fd00:98::1:1/64".parse().unwrap());
    let id = new.id.clone();
    carry_out(&mut state, &Call::Network(NetworkCall::CreateEndpoint(new)), 3).unwrap();
    let call = Call::Network(NetworkCall::Join(Join { id, sandbox: String::new() }));
    let Ok(Verdict::Join { reply: Reply::Joined(reply), .. }) = decide(&state, &call, moment(4)) else {
        panic!("no join")
    };
    assert_eq!((reply.dst_prefix.as_str(), reply.disable_gateway_service), ("eth1-", false));
    assert_eq!((reply.gateway, reply.gateway6), (Some("10.98.0.254".parse().unwrap()), None));
}

#[test]
fn unknown_endpoints_can_be_ended_but_not_begun() {
    let state = made();
    assert_eq!(
        refused(&state, &join('e')),
        "endpoint eeeeeeeeeeee is not known to netd on this host: start the container again"
    );
    for call in [leave('e'), delete('e'), release("10.99.1.1"), release("10.1.1.1")] {
        assert_eq!(
            decide(&state, &call, moment(0)),
            Ok(Verdict::Answer(Reply::Empty, Vec::new())),
            "{call:?}"
        );
    }
    let delete = Call::Network(NetworkCall::DeleteNetwork(network_id('e')));
    assert_eq!(decide(&state, &delete, moment(0)), Ok(Verdict::Answer(Reply::Empty, Vec::new())));
}

#[test]
fn an_endpoint_is_known_on_its_own_network_only() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    let elsewhere = EndpointRef { network: network_id('2'), endpoint: endpoint_id('a') };
    let delete = Call::Network(NetworkCall::DeleteEndpoint(elsewhere));
    carry_out(&mut state, &delete, 2).unwrap();
    assert_eq!(state.endpoints.len(), 1);
}

#[test]
fn an_address_that_is_released_while_its_endpoint_is_recorded_was_forgotten_by_docker() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    let gone = vec![Change::NoEndpoint(endpoint_id('a'))];
    assert_eq!(
        decide(&state, &release("10.99.1.1"), moment(2)),
        Ok(Verdict::Answer(Reply::Empty, gone)),
        "its start failed"
    );
    carry_out(&mut state, &join('a'), 2).unwrap();
    assert_eq!(
        decide(&state, &release("10.99.1.1"), moment(3)),
        Ok(Verdict::Suspect { endpoint: endpoint_id('a'), reply: Reply::Empty }),
        "it may live: the release may be of another start that was refused"
    );
}

#[test]
fn an_address_is_not_probed_again_when_its_node_had_it_just_now() {
    let mut state = made();
    let had = |state: &State, node: &str, second| {
        state.had_lately(&node.parse().unwrap(), &["10.99.1.1/16".parse().unwrap()], moment(second))
    };
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    carry_out(&mut state, &join('a'), 1).unwrap();
    assert!(!had(&state, "d1", 1), "it was not released");
    carry_out(&mut state, &leave('a'), 2).unwrap();
    carry_out(&mut state, &delete('a'), 2).unwrap();
    assert!(had(&state, "d1", 61) && !had(&state, "d1", 62) && !had(&state, "d2", 3));
}

mod any_sequence {
    //! Whatever order dockerd, a crash or a stranger brings calls into, the law holds.

    use proptest::prelude::*;

    use super::*;

    fn any_call() -> impl Strategy<Value = Call> {
        let endpoint = prop::sample::select(vec!['a', 'b', 'c', 'd']);
        let network = prop::sample::select(vec!['1', '2']);
        let node = prop::sample::select(vec!["d1", "d2", "d3", "d9", "x"]);
        let addresses =
            ["10.99.1.1", "10.99.1.2", "10.99.1.9", "10.99.7.7", "10.98.1.1", "10.98.1.3", "1.1.1.1"];
        let address = prop::sample::select(addresses.to_vec());
        let start = (endpoint.clone(), network, node, address.clone()).prop_map(start);
        prop_oneof![
            6 => start,
            3 => endpoint.clone().prop_map(join),
            2 => endpoint.clone().prop_map(leave),
            2 => endpoint.prop_map(delete),
            2 => address.clone().prop_map(plain),
            2 => address.prop_map(release),
            1 => Just(Call::Activate),
            1 => Just(create_network('1', "mynet0", &["10.99.0.0/16"])),
            1 => Just(create_network('2', "net98", &["10.98.0.0/16", "fd00:98::/64"])),
            1 => Just(Call::Network(NetworkCall::DeleteNetwork(network_id('1')))),
        ]
    }

    fn start((endpoint, network, node, address): (char, char, &'static str, &'static str)) -> Call {
        let Call::Network(NetworkCall::CreateEndpoint(mut new)) = Start::of(endpoint, node, address).call()
        else {
            panic!("no start")
        };
        new.id.network = network_id(network);
        Call::Network(NetworkCall::CreateEndpoint(new))
    }

    fn lawful(state: &State) {
        let tables = snapshot();
        for endpoint in state.endpoints.values() {
            assert!(state.networks.contains_key(&endpoint.network), "{endpoint:?} is on no network");
            let twin = state.place_of(&endpoint.node, &endpoint.on, &endpoint.id);
            assert_eq!(twin, None, "{endpoint:?} is there twice");
            for address in &endpoint.addresses {
                let (row, nic) = tables.holder(&endpoint.on, address.addr()).unwrap();
                assert_eq!((&row.node, &nic.mac), (&endpoint.node, &endpoint.mac));
                assert_eq!(row.host.as_str(), "dh1");
            }
        }
    }

    proptest! {
        #[test]
        fn keeps_the_law(calls in prop::collection::vec((any_call(), 0_u64..8), 0..60)) {
            let mut state = empty();
            let mut second = 0;
            for (call, pause) in calls {
                second += pause;
                let _ = carry_out(&mut state, &call, second);
                lawful(&state);
            }
        }

        #[test]
        fn a_refused_call_changes_nothing_and_a_repeated_one_no_more(
            calls in prop::collection::vec(any_call(), 0..40)
        ) {
            let mut state = made();
            for call in calls {
                let _ = carry_out(&mut state, &call, 1);
                let once = (state.networks.clone(), state.endpoints.clone());
                let _ = carry_out(&mut state, &call, 1);
                prop_assert_eq!(&once, &(state.networks.clone(), state.endpoints.clone()), "{:?}", call);
            }
        }
    }
}
