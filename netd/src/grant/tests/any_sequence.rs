//! Whatever order dockerd, a crash or a stranger brings calls into, the law holds.

use proptest::prelude::*;

use super::*;

fn any_call() -> impl Strategy<Value = Call> {
    let endpoint = prop::sample::select(vec!['a', 'b', 'c', 'd']);
    let network = prop::sample::select(vec!['1', '2']);
    let node = prop::sample::select(vec!["d1", "d2", "d3", "d9", "x"]);
    let addresses = ["10.99.1.1", "10.99.1.2", "10.99.1.9", "10.99.7.7", "10.98.1.1", "10.98.1.3", "1.1.1.1"];
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
        let twin = state.endpoint_of(&endpoint.node, &endpoint.on, &endpoint.id);
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
