//! Networks that the tables move to another bridge while containers run.

use std::collections::BTreeSet;

use hostnet::ovs::{Bridge, Observed as Switch};
use hostnet::{Kind, Link, firewall};
use inventory::{Fabric, Snapshot};

use super::ovs::{switch, switch_port};
use super::{NOTHING, boot_time, bridge, endpoint, link, port};
use crate::reconcile::{Observation, Plan, ovs_bridges, plan};
use crate::state::{Change, Endpoint, Phase, PortLocation, State};

/// d1 is on the Linux bridge `mynet0`; the tables have its network on another bridge.
fn state(name: &str, fabric: Fabric, tag: Option<u16>) -> State {
    let mut snapshot = Snapshot::clone(&super::state(Phase::Joined).snapshot.unwrap());
    let on = snapshot.networks.first_mut().unwrap();
    (on.bridge, on.fabric, on.tag) = (name.parse().unwrap(), fabric, tag);
    let mut state = State::with(Some(Snapshot::seal(snapshot.host, 2, snapshot.networks, Vec::new())));
    state.apply(Change::PutEndpoint(endpoint(Phase::Joined)), boot_time(1000));
    state
}

fn planned(state: &State, links: Vec<Link>, switch: Option<Switch>) -> Plan {
    let switch = switch.map(Ok);
    plan(
        state,
        &Observation {
            began: boot_time(2000),
            links,
            switch,
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

/// Moves and steps, as a person reads them.
fn repairs(state: &State, links: Vec<Link>, switch: Option<Switch>) -> Vec<String> {
    let Plan { moved, steps, stale, .. } = planned(state, links, switch);
    assert_eq!(stale, []);
    moved.iter().map(ToString::to_string).chain(steps.iter().map(ToString::to_string)).collect()
}

/// Carries the moves of a plan out.
fn after(mut state: State, plan: Plan) -> State {
    for moved in plan.moved {
        state.apply(Change::PutEndpoint(moved.endpoint), boot_time(2000));
    }
    state
}

fn tap() -> Link {
    link(9, "mynet0", Kind::Other("tun".to_owned()))
}

fn adrift() -> Link {
    Link { master: None, ..port() }
}

#[test]
fn a_port_follows_its_network_to_a_bridge_of_another_name() {
    let state = state("br1", Fabric::Flat, None);
    let (old, new) = (bridge(), link(7, "br1", Kind::Bridge));
    assert_eq!(repairs(&state, vec![old.clone(), port()], None), NOTHING, "it is not there yet");
    let name = port().name;
    let wanted = [
        format!("port {name} of host1c1 moved from Linux bridge mynet0 to Linux bridge br1"),
        format!("port {name} of host1c1 attached to br1"),
    ];
    let links = vec![old, new.clone(), port()];
    assert_eq!(repairs(&state, links.clone(), None), wanted);
    let plan = planned(&state, links, None);
    let state = after(state, plan);
    assert_eq!(repairs(&state, vec![new, Link { master: Some(7), ..port() }], None), NOTHING);
    // its change is taken back
    let back = [
        format!("port {name} of host1c1 moved from Linux bridge br1 to Linux bridge mynet0"),
        format!("port {name} of host1c1 attached to mynet0"),
    ];
    assert_eq!(repairs(&state, vec![bridge(), adrift()], None), back);
}

#[test]
fn a_linux_bridge_becomes_an_open_vswitch_bridge_of_its_name_and_back() {
    let state = state("mynet0", Fabric::Ovs, Some(7));
    assert_eq!(ovs_bridges(&state).len(), 1);
    let none = || Some(Switch::default());
    assert_eq!(repairs(&state, vec![bridge(), port()], none()), NOTHING, "it is a Linux bridge still");
    assert_eq!(repairs(&state, vec![adrift()], none()), NOTHING, "in the middle of the change");
    assert_eq!(repairs(&state, vec![tap(), adrift()], None), NOTHING, "the switch does not answer");
    let name = port().name;
    let wanted = [
        format!(
            "port {name} of host1c1 moved from Linux bridge mynet0 to Open vSwitch bridge mynet0, VLAN 7"
        ),
        format!("port {name} of host1c1 attached to mynet0, VLAN 7"),
    ];
    let made = || Some(switch(vec![]));
    assert_eq!(repairs(&state, vec![tap(), adrift()], made()), wanted);
    let plan = planned(&state, vec![tap(), adrift()], made());
    let state = after(state, plan);
    assert_eq!(repairs(&state, vec![tap(), adrift()], Some(switch(vec![switch_port()]))), NOTHING);
    // a restart of ovs-vswitchd takes the device with it
    assert_eq!(repairs(&state, vec![bridge(), adrift()], made()), &wanted[1..]);
    let back = [
        format!(
            "port {name} of host1c1 moved from Open vSwitch bridge mynet0, VLAN 7 to Linux bridge mynet0"
        ),
        format!("port {name} of host1c1 attached to mynet0"),
    ];
    assert_eq!(repairs(&state, vec![bridge(), adrift()], none()), back);
}

#[test]
fn a_port_leaves_the_old_bridge_before_it_enters_a_new_one_of_another_sort() {
    let name = port().name;
    let moved = |from: &str, to: &str| format!("port {name} of host1c1 moved from {from} to {to}");
    let to_ovs = state("br0", Fabric::Ovs, None);
    let br0 = Bridge { name: "br0".to_owned(), ..Bridge::default() };
    let device = link(9, "br0", Kind::Other("openvswitch".to_owned()));
    let links = vec![bridge(), device, port()];
    let repairs_of = repairs(&to_ovs, links, Some(Switch { bridges: vec![br0], root: None }));
    let wanted = [
        moved("Linux bridge mynet0", "Open vSwitch bridge br0"),
        format!("port {name} of host1c1 detached from its Linux bridge"),
        format!("port {name} of host1c1 attached to br0"),
    ];
    assert_eq!(repairs_of, wanted);
    let mut to_flat = state("br1", Fabric::Flat, None);
    let on_ovs = Endpoint { fabric: Fabric::Ovs, tag: Some(7), ..endpoint(Phase::Joined) };
    to_flat.apply(Change::PutEndpoint(on_ovs), boot_time(1000));
    let links = vec![tap(), link(7, "br1", Kind::Bridge), adrift()];
    let wanted = [
        moved("Open vSwitch bridge mynet0, VLAN 7", "Linux bridge br1"),
        format!("left-over port {name} removed from Open vSwitch"),
        format!("port {name} of host1c1 attached to br1"),
    ];
    assert_eq!(repairs(&to_flat, links, Some(switch(vec![switch_port()]))), wanted);
}

#[test]
fn another_vlan_alone_waits_for_the_next_start() {
    let mut state = state("mynet0", Fabric::Ovs, Some(8));
    let on_ovs = Endpoint { fabric: Fabric::Ovs, tag: Some(7), ..endpoint(Phase::Joined) };
    state.apply(Change::PutEndpoint(on_ovs), boot_time(1000));
    assert_eq!(repairs(&state, vec![tap(), adrift()], Some(switch(vec![switch_port()]))), NOTHING);
}

#[test]
fn a_port_that_is_being_plugged_in_is_not_moved() {
    let mut state = state("br1", Fabric::Flat, None);
    state.apply(Change::PutEndpoint(endpoint(Phase::Intended)), boot_time(1000));
    let links = vec![bridge(), link(7, "br1", Kind::Bridge), port()];
    let began = boot_time(1005);
    assert_eq!(
        plan(
            &state,
            &Observation {
                began,
                links,
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
            }
        )
        .moved,
        []
    );
}

#[test]
fn bridged_traffic_passes_on_the_old_bridge_as_long_as_a_container_is_on_it() {
    let state = state("mynet0", Fabric::Ovs, None);
    let chain =
        || firewall::Observed { v4: Some("-P FORWARD DROP\n".to_owned()), v6: None, foreign_bridges: vec![] };
    let links = vec![bridge(), port()];
    let observed = Observation {
        began: boot_time(2000),
        links,
        switch: Some(Ok(Switch::default())),
        not_isolated: BTreeSet::new(),
        filters: None,
        flows: std::collections::BTreeMap::new(),
        flow_problems: Vec::new(),
        sandboxes: Default::default(),
        hosts_files: Default::default(),
        firewall: Some(Ok(chain())),
        published: None,
        switched: None,
    };
    let rules = firewall::plan(&["mynet0".parse().unwrap()], &chain());
    let wanted: Vec<super::super::Step> = rules.into_iter().map(super::super::Step::Firewall).collect();
    assert_eq!(plan(&state, &observed).steps, wanted);
}

#[test]
fn a_record_keeps_where_its_port_was() {
    let location =
        |bridge: &str| PortLocation { bridge: bridge.parse().unwrap(), fabric: Fabric::Flat, tag: None };
    let moved = endpoint(Phase::Joined).moved(location("br1"));
    assert_eq!((moved.location(), moved.previous.clone()), (location("br1"), Some(location("mynet0"))));
    let text = serde_json::to_string(&moved).unwrap();
    assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), moved);
    let asked = Endpoint { previous: None, ..moved.clone() };
    assert!(moved.same_endpoint(&asked), "dockerd repeats its call");
}
