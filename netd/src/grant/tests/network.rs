//! Networks.

use super::*;

#[test]
fn a_network_is_a_row_with_just_its_subnets() {
    let state = made();
    assert_eq!(
        refused(&state, &create_network('3', "mynet9", &["10.99.0.0/16"])),
        "mynet9 is not a network of this host: snapshot 7 has mynet0 (10.99.0.0/16), net98 (10.98.0.0/16 and fd00:98::/64)"
    );
    assert_eq!(
        refused(&state, &create_network('3', "net98", &["10.98.0.0/16"])),
        "network net98 is 10.98.0.0/16 and fd00:98::/64 in the tables, but Docker requests 10.98.0.0/16"
    );
    assert_eq!(
        refused(&state, &create_network('1', "net98", &["10.98.0.0/16", "fd00:98::/64"])),
        "Docker network 111111111111 already belongs to mynet0"
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
fn a_network_that_the_tables_lost_takes_no_more_endpoints() {
    let mut state = made();
    let lost = snapshot();
    let networks = lost.networks.into_iter().skip(1).collect();
    state.snapshot = Some(Snapshot::seal("dh1".parse().unwrap(), 8, networks, lost.nodes).into());
    assert_eq!(
        refused(&state, &Start::of('a', "d1", "10.99.1.1").call()),
        "network mynet0 is no longer in the tables (snapshot 8)"
    );
}
