//! Every plan can be taken back from any of its steps, and a run that was cut off is completed by the next: for every stacking,
//! on machines in whatever state another plan left them when it was cut off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test")]

mod support;

use hostnet::{Link, Route};
use inventory::HostPlan;
use postscripts::steps::network::manager::Manager;
use postscripts::steps::network::plan::{Step, inverses, plan, removal};
use postscripts::steps::network::replace::replaced;
use postscripts::steps::network::resolve::{Memory, resolve};
use postscripts::steps::network::resolved::ResolvedNetwork;
use proptest::prelude::*;
use support::model::Model;
use support::{link, name, tables};

type Variables = &'static [(&'static str, &'static str)];

/// Hosts whose tables differ in what stands on what.
const HOSTS: [Variables; 16] = [
    &[],
    &[
        ("NICEXTRAPARAMS", "mynet0!MTU=9000"),
        ("NICTYPES", "mynet0!bridge"),
        ("NICDEVICES", "mynet0!eth0"),
        ("NICNETWORKS", "mynet0!mynet0"),
    ],
    &[("NICTYPES", "br98!bridge"), ("NICDEVICES", "br98!eth1"), ("NICNETWORKS", "br98!net98")],
    &[("NICTYPES", "eth1!ethernet"), ("NICIPS", "eth1!10.98.4.1"), ("NICNETWORKS", "eth1!net98")],
    &[("NICTYPES", "eth1.7!vlan"), ("NICDEVICES", "eth1.7!eth1"), ("NICIPS", "eth1.7!10.98.4.1")],
    &[
        ("NICTYPES", "bond0!bond,mynet0!bridge"),
        ("NICDEVICES", "bond0!eth0|eth1,mynet0!bond0"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup"),
    ],
    &[
        ("NICTYPES", "bond0!bond,mynet0!bridge"),
        ("NICDEVICES", "bond0!eth1|eth0|eth2,mynet0!bond0"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup miimon=50,mynet0!MTU=9000"),
    ],
    &[
        ("NICTYPES", "bond0!bond,bond0.50!vlan,mynet0!bridge"),
        ("NICDEVICES", "bond0!eth0|eth1,bond0.50!bond0,mynet0!bond0.50"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup,mynet0!MTU=9000"),
    ],
    &[
        ("NICTYPES", "bond0!bond,bond0.50!vlan,mynet0!bridge,br98!bridge"),
        ("NICDEVICES", "bond0!eth0|eth1,bond0.50!bond0,mynet0!bond0,br98!bond0.50"),
        ("NICNETWORKS", "mynet0!mynet0,br98!net98"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup"),
    ],
    &[
        ("NICTYPES", "eth0.50!vlan,mynet0!bridge"),
        ("NICDEVICES", "eth0.50!eth0,mynet0!eth0.50"),
        ("NICNETWORKS", "mynet0!mynet0"),
    ],
    &[
        ("NICTYPES", "mynet0!bridge_ovs"),
        ("NICDEVICES", "mynet0!eth0"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "mynet0!datapath_type=netdev"),
    ],
    &[
        ("NICTYPES", "bond0!bond,mynet0!bridge_ovs"),
        ("NICDEVICES", "bond0!eth0|eth1,mynet0!bond0"),
        ("NICNETWORKS", "mynet0!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup"),
    ],
    &[("NICTYPES", "br98!bridge_ovs"), ("NICDEVICES", "br98!eth1"), ("NICNETWORKS", "br98!net98")],
    &[("NICTYPES", "br0!bridge"), ("NICDEVICES", "br0!eth0"), ("NICNETWORKS", "br0!mynet0")],
    &[("NICTYPES", "br1!bridge_ovs"), ("NICDEVICES", "br1!eth0"), ("NICNETWORKS", "br1!mynet0")],
    &[
        ("NICTYPES", "bond0!bond,br1!bridge_ovs"),
        ("NICDEVICES", "bond0!eth0|eth1,br1!bond0"),
        ("NICNETWORKS", "br1!mynet0"),
        ("NICEXTRAPARAMS", "bond0!mode=active-backup,br1!datapath_type=netdev"),
    ],
];

/// What a machine is like before any of this.
#[derive(Debug, Clone)]
struct Start {
    mtu: u32,
    up: [bool; 2],
    ipv6: bool,
    second: bool,
    route: bool,
}

fn start() -> impl Strategy<Value = Start> {
    let mtu = prop_oneof![Just(1500_u32), Just(9000), Just(1280)];
    (mtu, any::<[bool; 2]>(), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(mtu, up, ipv6, second, route)| Start { mtu, up, ipv6, second, route })
}

impl Start {
    fn model(&self) -> Model {
        let mut host = support::bare_host();
        host.links.retain(|link| link.name.as_str() == "lo");
        host.links.push(Link { mtu: self.mtu, ..link(2, "eth0") });
        host.links.push(Link { up: self.up[0], mtu: self.mtu, ..link(3, "eth1") });
        host.links.push(Link { up: self.up[1], ..link(4, "eth2") });
        host.switch = Some(Vec::new());
        if self.second {
            host.addresses.push((name("eth0"), "2001:db8::7/64".parse().unwrap()));
        }
        if self.ipv6 {
            host.addresses.push((name("eth0"), "2001:db8::5/64".parse().unwrap()));
            let gateway = "2001:db8::1".parse().unwrap();
            host.routes.push((name("eth0"), Route::default_via(gateway)));
        }
        if self.route {
            let route = Route {
                destination: "10.0.0.0/8".parse().unwrap(),
                gateway: Some("10.99.0.2".parse().unwrap()),
                metric: Some(7),
            };
            host.routes.push((name("eth0"), route));
        }
        Model::new(host)
    }
}

fn host(at: usize) -> HostPlan {
    tables(HOSTS.get(at).unwrap())
}

/// The plan, where this machine can follow it.
fn steps(
    tables: &HostPlan,
    model: &Model,
    before: Option<&ResolvedNetwork>,
) -> Option<(ResolvedNetwork, Vec<Step>)> {
    let memory = before.map(Memory::of).unwrap_or_default();
    let made = before.cloned().unwrap_or_default();
    let replaced = replaced(&made, tables, &model.now, None).ok()?;
    let network = resolve(tables, &replaced.observed, &memory).ok()?;
    let steps = plan(&network, &replaced.observed);
    Some((network, replaced.change(steps, Manager::Ifupdown)))
}

fn apply<'a>(model: &mut Model, steps: impl IntoIterator<Item = &'a Step>) {
    for step in steps {
        model.act(step).unwrap_or_else(|why| panic!("{step}: {why}\n{}", model.described()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rollback_from_any_step_restores_the_previous_network(
        start in start(),
        first in 0..HOSTS.len(),
        second in 0..HOSTS.len(),
        until in 0..40_usize,
        stopped in 0..40_usize,
    ) {
        let mut model = start.model();
        let earlier = steps(&host(first), &model, None);
        prop_assume!(earlier.is_some());
        let (network, earlier) = earlier.unwrap();
        apply(&mut model, earlier.iter().take(until));
        let (_, later) = match steps(&host(second), &model, Some(&network)) {
            Some(found) => found,
            None => return Ok(()),
        };
        let old = model.described();
        apply(&mut model, later.iter().take(stopped));
        for _ in 0..2 {
            apply(&mut model, &inverses(&later));
            prop_assert_eq!(model.described(), old.clone());
        }
    }

    #[test]
    fn a_run_that_was_cut_off_is_completed_and_a_second_has_nothing_to_do(
        start in start(),
        at in 0..HOSTS.len(),
        stopped in 0..40_usize,
    ) {
        let mut model = start.model();
        let first = steps(&host(at), &model, None);
        prop_assume!(first.is_some());
        let (network, first) = first.unwrap();
        apply(&mut model, first.iter().take(stopped));
        let (_, rest) = steps(&host(at), &model, Some(&network)).unwrap_or_else(|| panic!("{}", model.described()));
        apply(&mut model, &rest);
        let (after, left) = steps(&host(at), &model, Some(&network)).unwrap();
        prop_assert_eq!(left, vec![]);
        for device in &after.devices {
            for address in &device.addresses {
                prop_assert!(model.now.addresses(&device.name).any(|on| on == *address));
            }
        }
        // everything goes through the device that has the host's address
        let home = after.devices.iter().find(|device| device.has("10.99.0.11".parse().unwrap())).unwrap();
        let mut v4 = model.now.routes.iter().filter(|(_, route)| route.destination.addr().is_ipv4());
        prop_assert!(v4.all(|(on, _)| *on == home.name), "{}", model.described());
    }

    #[test]
    fn unused_devices_that_are_no_longer_in_the_tables_are_removed(
        start in start(),
        first in 0..HOSTS.len(),
        second in 0..HOSTS.len(),
        stopped in 0..20_usize,
    ) {
        let mut model = start.model();
        let Some((old, made)) = steps(&host(first), &model, None) else { return Ok(()) };
        apply(&mut model, &made);
        let Some((new, change)) = steps(&host(second), &model, Some(&old)) else { return Ok(()) };
        apply(&mut model, &change);
        let before = model.described();
        let left = removal(&old, &new, &model.now);
        apply(&mut model, left.steps.iter().take(stopped));
        for _ in 0..2 {
            apply(&mut model, &inverses(&left.steps));
            prop_assert_eq!(model.described(), before.clone());
        }
        apply(&mut model, &left.steps);
        for device in old.devices_not_in(&ResolvedNetwork::default()) {
            let still_in_use = new.device(&device.name).is_some() || left.still_in_use.iter().any(|left| left.device == *device);
            prop_assert_eq!(model.now.link(&device.name).is_some(), still_in_use, "{}: {}", device.name, before);
        }
        prop_assert_eq!(removal(&old, &new, &model.now).steps, vec![]);
        prop_assert_eq!(plan(&new, &model.now), vec![]);
    }

    #[test]
    fn a_saved_plan_is_read_as_it_was_written(start in start(), at in 0..HOSTS.len()) {
        let model = start.model();
        if let Some((network, steps)) = steps(&host(at), &model, None) {
            let text = serde_json::to_string(&network).unwrap();
            prop_assert_eq!(serde_json::from_str::<ResolvedNetwork>(&text).unwrap(), network);
            let text = serde_json::to_string(&steps).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Step>>(&text).unwrap(), steps);
        }
    }
}
