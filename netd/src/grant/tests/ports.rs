//! Published ports.

use inventory::{Protocol, PublishedPort};
use plugin::Transport;

use super::super::choose_ports;
use super::*;

fn binding(address: &str, host: Option<(u16, u16)>, container: u16) -> PortBinding {
    let address = Some(address).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
    PortBinding { transport: Transport::Tcp, container, address, host }
}

fn start(endpoint: char, node: &'static str, address: &'static str, ports: &[PortBinding]) -> Call {
    Start { ports: ports.to_vec(), ..Start::of(endpoint, node, address) }.call()
}

fn tcp(host: u16, container: u16) -> PublishedPort {
    PublishedPort { protocol: Protocol::Tcp, address: None, host, container }
}

fn granted(state: &State, call: &Call) -> Vec<PublishedPort> {
    match decide(state, call, boot_time(5)) {
        Ok(Decision::Attach { endpoint, .. }) => endpoint.ports,
        other => panic!("not granted: {other:?}"),
    }
}

const HTTP: Option<(u16, u16)> = Some((8080, 8080));

#[test]
fn an_endpoint_has_the_ports_that_docker_sends() {
    let state = made();
    let v6 = binding("::1", Some((81, 81)), 80);
    let ports = granted(&state, &start('a', "d1", "10.99.1.1", &[binding("", HTTP, 80), v6]));
    let at_v6 = PublishedPort { address: Some("::1".parse().unwrap()), ..tcp(81, 80) };
    assert_eq!(ports, [tcp(8080, 80), at_v6]);
}

#[test]
fn two_containers_that_publish_one_port_are_refused_with_both_rows() {
    let mut state = made();
    carry_out(&mut state, &start('a', "d1", "10.99.1.1", &[binding("", HTTP, 80)]), 1).unwrap();
    carry_out(&mut state, &join('a'), 1).unwrap();
    for address in ["", "10.99.0.11", "::"] {
        let second = start('b', "d2", "10.99.1.2", &[binding(address, HTTP, 8000)]);
        let Ok(Decision::Conflict { with, refusal }) = decide(&state, &second, boot_time(99)) else {
            panic!()
        };
        assert_eq!(with, endpoint_id('a'));
        assert_eq!(
            refusal.to_string(),
            "port 8080/tcp of dh1 is published by d1 and d2: change port= in vm.othersettings of one of them"
        );
    }
    let udp = PortBinding { transport: Transport::Udp, ..binding("", HTTP, 80) };
    assert_eq!(granted(&state, &start('b', "d2", "10.99.1.2", &[udp])).len(), 1);
    // the port is free when its container stops
    carry_out(&mut state, &leave('a'), 100).unwrap();
    assert_eq!(granted(&state, &start('b', "d2", "10.99.1.2", &[binding("", HTTP, 80)])), [tcp(8080, 80)]);
}

#[test]
fn a_port_that_a_container_publishes_twice_is_refused() {
    let ports = [binding("", HTTP, 80), binding("127.0.0.1", HTTP, 81)];
    assert_eq!(
        refused(&made(), &start('a', "d1", "10.99.1.1", &ports)),
        "port 8080/tcp of dh1 is published twice by d1: correct port= in vm.othersettings"
    );
}

#[test]
fn a_free_port_of_a_range_is_chosen() {
    let mut state = made();
    carry_out(&mut state, &start('a', "d1", "10.99.1.1", &[binding("", Some((8000, 8001)), 80)]), 1).unwrap();
    let range = [binding("", Some((8000, 8001)), 80), binding("", None, 81)];
    let second = start('b', "d2", "10.99.1.2", &range);
    assert_eq!(granted(&state, &second), [tcp(8001, 80), tcp(49153, 81)]);
    // a process of the host has it
    let Ok(Decision::Attach { endpoint, .. }) = decide(&state, &second, boot_time(5)) else { panic!() };
    let refusal = |in_use: &[PublishedPort], bindings: &[PortBinding]| {
        let chosen = choose_ports(&state, &endpoint, bindings, in_use, boot_time(5));
        chosen.map_err(|conflict| conflict.refusal.to_string())
    };
    assert_eq!(
        refusal(&[tcp(8001, 80)], &range).unwrap_err(),
        "no port of 8000-8001/tcp of dh1 is free for d2: change port= in vm.othersettings of d2"
    );
    assert_eq!(refusal(&[tcp(49153, 81)], &range).unwrap(), [tcp(8001, 80), tcp(49154, 81)]);
    assert_eq!(
        refusal(&[tcp(22, 80)], &[binding("", Some((22, 22)), 80)]).unwrap_err(),
        "port 22/tcp of dh1, which d2 publishes, is in use by a process of the host (ss -nlp | grep :22): stop it, or change port= in vm.othersettings of d2"
    );
}

#[test]
fn all_endpoints_of_a_container_have_the_same_ports() {
    let mut state = made();
    let any = [binding("", None, 80)];
    carry_out(&mut state, &start('a', "d2", "10.99.1.2", &any), 1).unwrap();
    carry_out(&mut state, &start('b', "d1", "10.99.1.1", &any), 1).unwrap();
    let Call::Network(NetworkCall::CreateEndpoint(mut new)) = start('c', "d1", "10.98.1.1", &any) else {
        panic!()
    };
    new.id.network = network_id('2');
    let second = Call::Network(NetworkCall::CreateEndpoint(new));
    assert_eq!(granted(&state, &second), [tcp(49154, 80)]);
}
