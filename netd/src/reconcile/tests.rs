//! What is repaired, and what is left alone.

mod location;
mod ovs;

use std::collections::BTreeSet;
use std::time::Duration;

use hostnet::{Kind, Link, firewall};
use inventory::{Fabric, HostNetwork, IfName, Network, Snapshot};

use super::{Observation, Plan, plan};
use crate::boot_time::BootTime;
use crate::names::SandboxState;
use crate::state::{Change, Endpoint, Phase, State};

fn boot_time(seconds: u64) -> BootTime {
    BootTime::default().after(Duration::from_secs(seconds))
}

fn endpoint(phase: Phase) -> Endpoint {
    Endpoint {
        id: "a".repeat(64).parse().unwrap(),
        network: "1".repeat(64).parse().unwrap(),
        on: "mynet0".parse().unwrap(),
        node: "host1c1".parse().unwrap(),
        nic: "eth0".parse().unwrap(),
        mac: "02:42:0a:63:01:01".parse().unwrap(),
        addresses: vec!["10.99.1.1/16".parse().unwrap()],
        bridge: "mynet0".parse().unwrap(),
        fabric: Fabric::Flat,
        tag: None,
        previous: None,
        ports: Vec::new(),
        sandbox: None,
        phase,
        since: boot_time(1000),
    }
}

fn state(phase: Phase) -> State {
    let network = Network {
        name: "mynet0".parse().unwrap(),
        subnets: vec!["10.99.0.0/16".parse().unwrap()],
        gateways: vec![],
        vlan: None,
        mtu: None,
        isolate: false,
    };
    let on = HostNetwork { network, fabric: Fabric::Flat, bridge: "mynet0".parse().unwrap(), tag: None };
    let snapshot = Snapshot::seal("host1".parse().unwrap(), 1, vec![on], Vec::new());
    let mut state = State::with(Some(snapshot));
    state.apply(Change::PutEndpoint(endpoint(phase)), boot_time(1000));
    state
}

fn link(index: u32, name: &str, kind: Kind) -> Link {
    Link {
        index,
        name: name.parse().unwrap(),
        kind,
        mac: None,
        permanent_mac: None,
        altnames: Vec::new(),
        mtu: 1500,
        up: true,
        running: true,
        master: None,
        peer_netns: None,
        alias: None,
        layer: hostnet::Layer::Ethernet,
        max_mtu: None,
        settings: hostnet::Settings::None,
    }
}

fn bridge() -> Link {
    link(2, "mynet0", Kind::Bridge)
}

/// The endpoint's port as it has to be, in a container.
fn port() -> Link {
    let name = endpoint(Phase::Joined).port();
    Link { master: Some(2), peer_netns: Some(0), ..link(3, name.as_str(), Kind::Veth) }
}

fn planned(state: &State, links: &[Link], second: u64) -> Plan {
    plan(
        state,
        &Observation {
            began: boot_time(second),
            links: links.to_vec(),
            switch: None,
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
fn repairs(state: &State, links: &[Link], second: u64) -> Vec<String> {
    let Plan { moved, stale, steps, problems, port_problems: _ } = planned(state, links, second);
    let moved = moved.iter().map(ToString::to_string);
    let stale = moved.chain(stale.iter().map(ToString::to_string));
    stale.chain(steps.iter().map(ToString::to_string)).chain(problems).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_host_that_is_as_it_has_to_be_is_left_alone() {
    assert_eq!(repairs(&state(Phase::Joined), &[bridge(), port()], 9999), NOTHING);
}

#[test]
fn a_port_is_put_right() {
    let state = state(Phase::Joined);
    let wrong = Link { master: Some(7), mtu: 9000, up: false, ..port() };
    assert_eq!(
        repairs(&state, &[bridge(), wrong], 1001),
        [
            format!("port {} of host1c1 attached to mynet0", port().name),
            format!("MTU of port {} of host1c1 set to 1500", port().name),
            format!("port {} of host1c1 set up", port().name),
        ]
    );
}

#[test]
fn what_changed_since_looking_began_is_left_for_the_next_look() {
    let state = state(Phase::Created);
    assert_eq!(repairs(&state, &[bridge()], 1000), NOTHING);
    assert_eq!(
        repairs(&state, &[bridge()], 1001),
        [format!("record of host1c1 ({}) removed: its interface does not exist", port().name)]
    );
}

#[test]
fn a_pair_that_is_being_made_has_ten_seconds() {
    let state = state(Phase::Intended);
    assert_eq!(repairs(&state, &[bridge()], 1009), NOTHING);
    assert_eq!(repairs(&state, &[bridge()], 1010).len(), 1);
}

#[test]
fn what_docker_forgot_goes_after_a_minute() {
    let unjoined = Link { peer_netns: None, ..port() };
    let links = [bridge(), unjoined];
    assert_eq!(repairs(&state(Phase::Created), &links, 1059), NOTHING);
    assert_eq!(
        repairs(&state(Phase::Created), &links, 1060),
        [format!("record of host1c1 ({}) removed: Docker did not complete its start", port().name)]
    );
    assert_eq!(repairs(&state(Phase::Joined), &links, 1059), NOTHING, "dockerd may not have moved it yet");
    assert_eq!(
        repairs(&state(Phase::Joined), &links, 1060),
        [format!("record of host1c1 ({}) removed: no container uses it", port().name)]
    );
    assert_eq!(repairs(&state(Phase::Left), &links, 1009), NOTHING);
    assert_eq!(repairs(&state(Phase::Left), &links, 1010).len(), 1);
}

#[test]
fn left_over_pairs_go_once() {
    let state = state(Phase::Joined);
    let (host_end, container_end) = ("xh0123456789", "xc0123456789");
    let pair = [link(8, host_end, Kind::Veth), link(9, container_end, Kind::Veth)];
    let links = [vec![bridge(), port()], pair.to_vec()].concat();
    assert_eq!(repairs(&state, &links, 2000), ["left-over device xh0123456789 deleted"]);
    let half = [bridge(), port(), link(9, container_end, Kind::Veth)];
    assert_eq!(repairs(&state, &half, 2000), ["left-over device xc0123456789 deleted"]);
}

#[test]
fn a_lost_record_does_not_take_the_network_from_a_container() {
    let other = Link { peer_netns: Some(4), ..link(8, "xh0123456789", Kind::Veth) };
    assert_eq!(
        repairs(&state(Phase::Joined), &[bridge(), port(), other], 2000),
        ["port xh0123456789 has no record, but its other end is in a container: restart that container"]
    );
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let others = [
        link(8, "xh0", Kind::Veth),
        link(9, "veth1", Kind::Veth),
        link(10, "eth0", Kind::Other(String::new())),
    ];
    let tap = link(11, "xhaaaaaaaaaa", Kind::Other("tun".to_owned()));
    let links = [vec![bridge(), port(), tap], others.to_vec()].concat();
    assert_eq!(repairs(&state(Phase::Joined), &links, 2000), NOTHING);
}

#[test]
fn a_missing_bridge_is_a_problem_and_no_reason_to_remove_anything() {
    let state = state(Phase::Joined);
    let adrift = Link { master: None, ..port() };
    assert_eq!(
        repairs(&state, &[adrift], 2000),
        ["bridge mynet0 of network mynet0 is not on this host: run the postscript xdockhost network"]
    );
    let down = Link { up: false, ..bridge() };
    assert_eq!(
        repairs(&state, &[down, port()], 2000),
        ["bridge mynet0 of network mynet0 is down: ip link set mynet0 up"]
    );
    let tunnel = link(2, "mynet0", Kind::Other("vxlan".to_owned()));
    assert_eq!(
        repairs(&state, &[tunnel, port()], 2000),
        ["mynet0 of network mynet0 is not a bridge: run the postscript xdockhost network"]
    );
}

#[test]
fn bridged_traffic_is_let_through_when_the_filter_was_looked_at() {
    let state = state(Phase::Joined);
    let chain =
        firewall::Observed { v4: Some("-P FORWARD DROP\n".to_owned()), v6: None, foreign_bridges: vec![] };
    let links = vec![bridge(), port()];
    let observed = Observation {
        began: boot_time(2000),
        links,
        switch: None,
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
    let bridges: [IfName; 1] = ["mynet0".parse().unwrap()];
    let expected = firewall::plan(
        &bridges,
        &firewall::Observed { v4: Some("-P FORWARD DROP\n".to_owned()), v6: None, foreign_bridges: vec![] },
    );
    assert_eq!(expected.len(), 1);
    let steps: Vec<super::Step> = expected.into_iter().map(super::Step::Firewall).collect();
    assert_eq!(plan(&state, &observed), Plan { steps, ..Plan::default() });
}

#[test]
fn bridges_of_others_are_let_through_without_a_snapshot_too() {
    let listing = "-P FORWARD DROP\n-A FORWARD -i mynet0 -o mynet0 -m comment --comment xdock -j ACCEPT\n";
    let passed = vec!["br7".parse().unwrap()];
    let chain = firewall::Observed { v4: Some(listing.to_owned()), v6: None, foreign_bridges: passed };
    let observed = Observation {
        began: boot_time(2000),
        links: vec![],
        switch: None,
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
    let steps: Vec<String> =
        plan(&State::default(), &observed).steps.iter().map(ToString::to_string).collect();
    // the rule of a network that is not known now stays
    assert_eq!(steps, ["packet filter: insert the iptables rule \"xdock\" that lets bridge br7 forward"]);
}

fn with_sandbox(namespace: Option<u64>, served: Option<u64>) -> (State, Observation) {
    let mut state = state(Phase::Joined);
    let sandbox = Some("/run/netns/s".into());
    state.apply(Change::PutEndpoint(Endpoint { sandbox, ..endpoint(Phase::Joined) }), boot_time(1000));
    let observed = SandboxState { namespace, served, ..SandboxState::default() };
    let observation = Observation {
        began: boot_time(1001),
        links: vec![bridge(), port()],
        switch: None,
        not_isolated: BTreeSet::new(),
        filters: None,
        flows: std::collections::BTreeMap::new(),
        flow_problems: Vec::new(),
        sandboxes: [("/run/netns/s".into(), observed)].into(),
        hosts_files: Default::default(),
        firewall: None,
        published: None,
        switched: None,
    };
    (state, observation)
}

#[test]
fn each_container_has_dns_sockets_in_its_own_namespace() {
    let planned = |namespace, served| {
        let (state, observation) = with_sandbox(namespace, served);
        plan(&state, &observation).steps.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(planned(Some(7), Some(7)), NOTHING);
    assert_eq!(planned(Some(7), None), ["DNS sockets of host1c1 opened"]);
    let closed = ["left-over DNS sockets in /run/netns/s closed"];
    assert_eq!(planned(Some(8), Some(7)), closed, "another container's namespace");
    assert_eq!(planned(None, Some(7)), closed, "dockerd removed the sandbox");
    assert_eq!(planned(None, None), NOTHING, "an older engine creates it after `Join`");
    let (_, observation) = with_sandbox(Some(7), Some(7));
    let steps = plan(&state(Phase::Left), &observation).steps;
    assert_eq!(steps.iter().map(ToString::to_string).collect::<Vec<_>>(), closed, "nobody uses them");
}

#[test]
fn problems_of_published_ports_are_kept_until_they_are_observed_again() {
    let state = state(Phase::Joined);
    let view = crate::host::PublishView {
        generation: crate::host::Generation::default(),
        published: Vec::new(),
        problems: vec!["host1c1 does not publish 80->80/tcp".to_owned()],
        observed: hostnet::publish::Observed::default(),
    };
    let planned = |published| {
        let observation = Observation {
            began: boot_time(2000),
            links: vec![bridge(), port()],
            switch: None,
            not_isolated: BTreeSet::new(),
            filters: None,
            flows: std::collections::BTreeMap::new(),
            flow_problems: Vec::new(),
            sandboxes: Default::default(),
            hosts_files: Default::default(),
            firewall: None,
            published,
            switched: None,
        };
        plan(&state, &observation).port_problems
    };
    assert_eq!(planned(None), None);
    assert_eq!(planned(Some(Ok(view.clone()))), Some(view.problems));
    assert_eq!(planned(Some(Err("no answer".to_owned()))), Some(vec!["no answer".to_owned()]));
}
