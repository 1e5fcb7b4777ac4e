//! Endpoints.

use super::*;

#[test]
fn an_endpoint_is_granted_when_address_name_and_mac_are_one_row() {
    let state = made();
    let verdict = decide(&state, &Start::of('a', "d1", "10.99.1.1").call(), boot_time(5)).unwrap();
    let Decision::Attach { endpoint, before, reply, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!((endpoint.node.as_str(), endpoint.nic.as_str()), ("d1", "eth0"));
    assert_eq!((endpoint.bridge.as_str(), endpoint.phase), ("br-mynet0", Phase::Intended));
    assert_eq!(before, []);
    assert_eq!(reply, Reply::Endpoint { mac: Some(Mac([0x02, 0x42, 0x0a, 0x63, 0x01, 0x01])) });
    let fixed = Start {
        mac: Some([0x02, 0x42, 0x0a, 0x63, 0x01, 0x01]),
        node: None,
        ..Start::of('a', "", "10.99.1.1")
    };
    let verdict = decide(&state, &fixed.call(), boot_time(5)).unwrap();
    assert!(matches!(verdict, Decision::Attach { reply: Reply::Endpoint { mac: None }, .. }), "{verdict:?}");
}

#[test]
fn an_endpoint_whose_parts_disagree_is_refused() {
    let state = made();
    assert_eq!(
        refused(&state, &Start::of('a', "d2", "10.99.1.1").call()),
        "10.99.1.1 belongs to d1, but the container has netd.node=d2"
    );
    let other_mac = Start { mac: Some([2, 0, 0, 0, 0, 9]), ..Start::of('a', "d2", "10.99.1.2") };
    assert_eq!(
        refused(&state, &other_mac.call()),
        "MAC 02:00:00:00:00:09 was requested, but d2 has 02:42:0a:63:01:02 in the tables (mac.mac)"
    );
    assert_eq!(
        refused(&state, &Start::of('a', "d9", "10.99.1.9").call()),
        "10.99.1.9 belongs to d9, and d9 lives on dh2 (vm.host), not on dh1"
    );
    assert_eq!(
        refused(&empty(), &Start::of('a', "d1", "10.99.1.1").call()),
        "Docker network 111111111111 is unknown to netd on this host: remove it, and \"xdock mk\" creates it again"
    );
}

#[test]
fn a_repeated_create_is_the_same_endpoint() {
    let mut state = made();
    let start = Start::of('a', "d1", "10.99.1.1").call();
    carry_out(&mut state, &start, 1).unwrap();
    let again = decide(&state, &start, boot_time(2)).unwrap();
    assert!(matches!(again, Decision::Repeated { .. }), "{again:?}");
    assert_eq!(
        refused(&state, &Start::of('a', "d2", "10.99.1.2").call()),
        "endpoint aaaaaaaaaaaa already belongs to d1"
    );
}

#[test]
fn a_node_is_on_a_network_once() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    carry_out(&mut state, &join('a'), 1).unwrap();
    let second = decide(&state, &Start::of('b', "d1", "10.99.1.1").call(), boot_time(100)).unwrap();
    let Decision::Conflict { with, refusal } = second else { panic!("{second:?}") };
    assert_eq!(with, endpoint_id('a'));
    let port = state.endpoints[&endpoint_id('a')].port();
    assert_eq!(
        refusal.to_string(),
        format!(
            "d1 is on mynet0 already, as endpoint aaaaaaaaaaaa (port {port}): a node runs once; stop its other container"
        )
    );
    carry_out(&mut state, &leave('a'), 101).unwrap();
    let second = decide(&state, &Start::of('b', "d1", "10.99.1.1").call(), boot_time(101)).unwrap();
    let gone = vec![Change::RemoveEndpoint(endpoint_id('a'))];
    assert!(matches!(second, Decision::Attach { before, .. } if before == gone));
}

#[test]
fn a_start_that_was_given_up_is_in_the_way_for_ten_seconds() {
    let mut state = made();
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    let second = Start::of('b', "d1", "10.99.1.1").call();
    assert!(matches!(decide(&state, &second, boot_time(10)), Ok(Decision::Conflict { .. })));
    assert!(matches!(decide(&state, &second, boot_time(11)), Ok(Decision::Attach { .. })));
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
    let Ok(Decision::Join { joined, reply: Reply::Joined(reply) }) = decide(&state, &join('a'), boot_time(2))
    else {
        panic!("no join")
    };
    assert_eq!((joined.phase, joined.since), (Phase::Joined, boot_time(2)));
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
    let Ok(Decision::Join { reply: Reply::Joined(reply), .. }) = decide(&state, &call, boot_time(4)) else {
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
        "endpoint eeeeeeeeeeee is unknown to netd on this host: start the container again"
    );
    for call in [leave('e'), delete('e'), release("10.99.1.1"), release("10.1.1.1")] {
        assert_eq!(
            decide(&state, &call, boot_time(0)),
            Ok(Decision::Answer(Reply::Empty, Vec::new())),
            "{call:?}"
        );
    }
    let delete = Call::Network(NetworkCall::DeleteNetwork(network_id('e')));
    assert_eq!(decide(&state, &delete, boot_time(0)), Ok(Decision::Answer(Reply::Empty, Vec::new())));
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
    let gone = vec![Change::RemoveEndpoint(endpoint_id('a'))];
    assert_eq!(
        decide(&state, &release("10.99.1.1"), boot_time(2)),
        Ok(Decision::Answer(Reply::Empty, gone)),
        "its start failed"
    );
    carry_out(&mut state, &join('a'), 2).unwrap();
    assert_eq!(
        decide(&state, &release("10.99.1.1"), boot_time(3)),
        Ok(Decision::CheckStale { endpoint: endpoint_id('a'), reply: Reply::Empty }),
        "it may live: the release may be of another start that was refused"
    );
}

#[test]
fn an_address_is_not_probed_again_when_its_node_had_it_just_now() {
    let mut state = made();
    let had = |state: &State, node: &str, second| {
        state.recently_released(&node.parse().unwrap(), &["10.99.1.1/16".parse().unwrap()], boot_time(second))
    };
    carry_out(&mut state, &Start::of('a', "d1", "10.99.1.1").call(), 1).unwrap();
    carry_out(&mut state, &join('a'), 1).unwrap();
    assert!(!had(&state, "d1", 1), "it was not released");
    carry_out(&mut state, &leave('a'), 2).unwrap();
    carry_out(&mut state, &delete('a'), 2).unwrap();
    assert!(had(&state, "d1", 61) && !had(&state, "d1", 62) && !had(&state, "d2", 3));
}
