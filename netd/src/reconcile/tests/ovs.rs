//! What is repaired on an Open vSwitch bridge.

use std::collections::{BTreeMap, BTreeSet};

use hostnet::ovs::{Bridge, Interface, Observed as Switch, Port};
use hostnet::{Kind, Link, firewall};
use inventory::{Fabric, Snapshot};

use super::{NOTHING, boot_time, endpoint, link, port};
use crate::reconcile::{Observation, Plan, plan};
use crate::state::{Change, Endpoint, Phase, State};

fn state(phase: Phase) -> State {
    let mut snapshot = Snapshot::clone(&super::state(phase).snapshot.unwrap());
    let on = snapshot.networks.first_mut().unwrap();
    (on.fabric, on.tag) = (Fabric::Ovs, Some(7));
    let snapshot = Snapshot::seal(snapshot.host, 1, snapshot.networks, Vec::new());
    let mut state = State::with(Some(snapshot));
    let on_ovs = Endpoint { fabric: Fabric::Ovs, tag: Some(7), ..endpoint(phase) };
    state.apply(Change::PutEndpoint(on_ovs), boot_time(1000));
    state
}

pub(super) fn name() -> String {
    endpoint(Phase::Joined).port().to_string()
}

/// The endpoint's port as it has to be in the switch.
pub(super) fn switch_port() -> Port {
    let ids =
        [("xdock-node", "host1c1".to_owned()), ("xdock-endpoint", "a".repeat(64)), ("note", "x".to_owned())];
    Port {
        name: name(),
        tag: Some(7),
        external_ids: BTreeMap::from(ids.map(|(key, value)| (key.to_owned(), value))),
        interfaces: vec![Interface { name: name(), ofport: Some(2), ..Interface::default() }],
        ..Port::default()
    }
}

pub(super) fn switch(ports: Vec<Port>) -> Switch {
    let bridge = Bridge { name: "mynet0".to_owned(), ports, ..Bridge::default() };
    Switch { bridges: vec![bridge], root: None }
}

/// The bridge's internal port, and the endpoint's own, which is in a container.
fn links() -> Vec<Link> {
    let device = link(2, "mynet0", Kind::Other("tun".to_owned()));
    vec![device, Link { master: None, ..port() }]
}

fn planned(state: &State, links: &[Link], switch: Result<Switch, String>, second: u64) -> Plan {
    let links = links.to_vec();
    plan(
        state,
        &Observation {
            began: boot_time(second),
            links,
            switch: Some(switch),
            not_isolated: BTreeSet::new(),
            filters: None,
            flows: std::collections::BTreeMap::new(),
            flow_problems: Vec::new(),
            sandboxes: Default::default(),
            hosts_files: Default::default(),
            firewall: None,
            published: None,
            switched: None,
        },
    )
}

/// All that is planned, as a person reads it.
fn repairs(state: &State, links: &[Link], switch: Switch) -> Vec<String> {
    let Plan { moved, stale, steps, problems, port_problems: _ } = planned(state, links, Ok(switch), 2000);
    let moved = moved.iter().map(ToString::to_string);
    let stale = moved.chain(stale.iter().map(ToString::to_string));
    stale.chain(steps.iter().map(ToString::to_string)).chain(problems).collect()
}

#[test]
fn a_switch_that_is_as_it_has_to_be_is_left_alone() {
    assert_eq!(repairs(&state(Phase::Joined), &links(), switch(vec![switch_port()])), NOTHING);
}

#[test]
fn a_port_is_put_right() {
    let state = state(Phase::Joined);
    let put_back = [format!("port {} of host1c1 attached to mynet0, VLAN 7", name())];
    assert_eq!(repairs(&state, &links(), switch(vec![])), put_back);
    let wrong = [
        Port { tag: Some(8), ..switch_port() },
        Port { tag: None, ..switch_port() },
        Port { trunks: vec![7, 8], ..switch_port() },
        Port { vlan_mode: Some("native-tagged".to_owned()), ..switch_port() },
        Port { external_ids: BTreeMap::new(), ..switch_port() },
    ];
    for port in wrong {
        assert_eq!(repairs(&state, &links(), switch(vec![port.clone()])), put_back, "{port:?}");
    }
    let elsewhere = Bridge { name: "other".to_owned(), ports: vec![switch_port()], ..Bridge::default() };
    let mut two = switch(vec![]);
    two.bridges.push(elsewhere);
    assert_eq!(repairs(&state, &links(), two), put_back);
}

#[test]
fn an_untagged_network_has_access_ports_too() {
    let mut state = state(Phase::Joined);
    let untagged = Endpoint { tag: None, fabric: Fabric::Ovs, ..endpoint(Phase::Joined) };
    state.apply(Change::PutEndpoint(untagged), boot_time(1000));
    let put_back = [format!("port {} of host1c1 attached to mynet0", name())];
    assert_eq!(repairs(&state, &links(), switch(vec![Port { tag: None, ..switch_port() }])), put_back);
    assert_eq!(repairs(&state, &links(), switch(vec![Port { tag: Some(0), ..switch_port() }])), NOTHING);
}

#[test]
fn a_port_that_is_being_plugged_in_is_left_to_who_does_it() {
    let state = state(Phase::Intended);
    assert_eq!(planned(&state, &links(), Ok(switch(vec![])), 1005), Plan::default());
}

#[test]
fn a_device_follows_its_bridge() {
    let wrong = Link { mtu: 9000, up: false, ..links().remove(1) };
    assert_eq!(
        repairs(&state(Phase::Joined), &[links().remove(0), wrong], switch(vec![switch_port()])),
        [
            format!("MTU of port {} of host1c1 set to 1500", name()),
            format!("port {} of host1c1 set up", name())
        ]
    );
}

#[test]
fn a_port_of_a_switch_in_user_space_is_kept_deaf() {
    let hears = |bridge: &str| {
        let device = link(2, "mynet0", Kind::Other(bridge.to_owned()));
        let not_isolated = BTreeSet::from([name().parse().unwrap()]);
        let switch = Some(Ok(switch(vec![switch_port()])));
        let links = vec![device, links().remove(1)];
        plan(
            &state(Phase::Joined),
            &Observation {
                began: boot_time(2000),
                links,
                switch,
                not_isolated,
                filters: None,
                flows: std::collections::BTreeMap::new(),
                flow_problems: Vec::new(),
                sandboxes: Default::default(),
                hosts_files: Default::default(),
                firewall: None,
                published: None,
                switched: None,
            },
        )
    };
    let repairs: Vec<String> = hears("tun").steps.iter().map(ToString::to_string).collect();
    let wanted = format!("port {} of host1c1 isolated from the host's IP stack", name());
    assert_eq!(repairs, [wanted]);
    assert_eq!(
        hears("openvswitch"),
        Plan::default(),
        "the kernel's switch takes frames before the host's IP"
    );
}

#[test]
fn what_ovs_vswitchd_can_not_use_is_told() {
    let said = Some("No such device".to_owned());
    let broken = Interface { name: name(), ofport: Some(-1), error: said, ..Interface::default() };
    assert_eq!(
        repairs(
            &state(Phase::Joined),
            &links(),
            switch(vec![Port { interfaces: vec![broken], ..switch_port() }])
        ),
        [format!("ovs-vswitchd cannot use port {} of host1c1: No such device", name())]
    );
}

#[test]
fn ports_of_ours_that_nobody_has_go_and_no_others() {
    let state = state(Phase::Joined);
    let named = |name: &str| Port { name: name.to_owned(), ..switch_port() };
    let others = Port { external_ids: BTreeMap::new(), ..named("xh0000000001") };
    let ports = vec![switch_port(), named("xh0123456789"), others];
    let gone = ["left-over port xh0123456789 removed from Open vSwitch"];
    assert_eq!(repairs(&state, &links(), switch(ports.clone())), gone);
    // a lost record does not take the network from a container
    let device = |peer_netns| Link { peer_netns, ..link(9, "xh0123456789", Kind::Veth) };
    let alive = [links(), vec![device(Some(3))]].concat();
    assert_eq!(
        repairs(&state, &alive, switch(ports.clone())),
        ["port xh0123456789 has no record, but its other end is in a container: restart that container"]
    );
    let unused = [links(), vec![device(None)]].concat();
    assert_eq!(repairs(&state, &unused, switch(ports)), [gone[0], "left-over device xh0123456789 deleted"]);
}

#[test]
fn a_missing_bridge_is_a_problem_and_no_reason_to_remove_anything() {
    let state = state(Phase::Joined);
    let nowhere = "bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network";
    assert_eq!(repairs(&state, &links()[1..], Switch::default()), [nowhere]);
    assert_eq!(
        repairs(&state, &links()[1..], switch(vec![switch_port()])),
        [
            "bridge mynet0 of network mynet0 is in Open vSwitch's database, but ovs-vswitchd has not made it: systemctl restart openvswitch-switch"
        ]
    );
    let down = [Link { up: false, ..links().remove(0) }, links().remove(1)];
    assert_eq!(
        repairs(&state, &down, switch(vec![switch_port()])),
        ["bridge mynet0 of network mynet0 is down: ip link set mynet0 up"]
    );
}

#[test]
fn a_switch_that_does_not_answer_is_one_problem() {
    let plan = planned(&state(Phase::Joined), &links(), Err("no answer".to_owned()), 2000);
    assert_eq!(plan, Plan { problems: vec!["no answer".to_owned()], ..Plan::default() });
}

#[test]
fn no_rule_of_iptables_is_for_an_open_vswitch_bridge() {
    let chain =
        firewall::Observed { v4: Some("-P FORWARD DROP\n".to_owned()), v6: None, foreign_bridges: vec![] };
    let switch = Some(Ok(switch(vec![switch_port()])));
    let observed = Observation {
        began: boot_time(2000),
        links: links(),
        switch,
        not_isolated: BTreeSet::new(),
        filters: None,
        flows: std::collections::BTreeMap::new(),
        flow_problems: Vec::new(),
        sandboxes: Default::default(),
        hosts_files: Default::default(),
        firewall: Some(Ok(chain)),
        published: None,
        switched: None,
    };
    assert_eq!(plan(&state(Phase::Joined), &observed), Plan::default());
}
