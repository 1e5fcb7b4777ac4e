//! Registration, pools, addresses.

use super::*;

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
        format!("10.5.0.0/16 is not a network of this host: {has}")
    );
    assert_eq!(refused(&state, &pool(None)), format!("a subnet is required (--subnet): {has}"));
    assert_eq!(
        refused(&state, &address("x", Some("10.99.1.1"), Purpose::Plain)),
        "\"x\" is not a pool of netd: its pools have names like v4:10.99.0.0/16"
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
        "10.99.1.9 belongs to d9, and d9 lives on dh2 (vm.host), not on dh1"
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
        "d3 has no IPv6 address on net98 in the tables (hosts.ip, nics.nicips)"
    );
    assert_eq!(
        refused(&state, &by_name("web")),
        "web is not a container node on mynet0 (snapshot 7): define it with ip=ADDRESS, then \"xdock sync dh1\""
    );
    assert_eq!(
        refused(&state, &by_name("d9")),
        "10.99.1.9 belongs to d9, and d9 lives on dh2 (vm.host), not on dh1"
    );
    assert_eq!(
        refused(&state, &address("v4:10.99.0.0/16", Some("10.99.1.1"), named("d2"))),
        "10.99.1.1 belongs to d1, but the container is named d2"
    );
    assert_eq!(
        refused(&state, &address("v4:10.99.0.0/16", None, Purpose::Plain)),
        "an address is required on mynet0: this engine does not send the container's name; use \"xdock mk NODE\", or --ip ADDRESS"
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
        "gateway 10.98.0.1 of net98 was requested, but the tables have 10.98.0.254"
    );
    assert_eq!(
        refused(&state, &gateway("v4:10.99.0.0/16", Some("10.99.0.1"))),
        "gateway 10.99.0.1 of mynet0 was requested, but the tables have none (networks.gateway)"
    );
}
