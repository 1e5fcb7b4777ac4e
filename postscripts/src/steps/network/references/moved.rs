//! Devices whose packets are received through another device after a change. Pure.

use inventory::IfName;

use super::reference::Moved;
use crate::steps::network::observe::Observed;
use crate::steps::network::plan::{KernelStep, Step, SwitchStep};
use crate::steps::network::resolved::ResolvedNetwork;

/// The devices that have an address and become ports, or whose address moves to another device.
pub(in crate::steps::network) fn moved(
    steps: &[Step],
    network: &ResolvedNetwork,
    observed: &Observed,
) -> Vec<Moved> {
    let mut all: Vec<Moved> = Vec::new();
    for (from, to) in steps.iter().filter_map(|step| move_of(step, steps, network)) {
        let has_address = observed.addresses(from).next().is_some();
        if from != to && has_address && !all.iter().any(|moved| moved.from == *from) {
            all.push(Moved { from: from.clone(), to: to.clone() });
        }
    }
    all
}

fn move_of<'a>(
    step: &'a Step,
    steps: &'a [Step],
    network: &'a ResolvedNetwork,
) -> Option<(&'a IfName, &'a IfName)> {
    match step {
        Step::Kernel(KernelStep::AttachPort { port, .. })
        | Step::Switch(SwitchStep::AttachPort { port, .. }) => Some((port, network.top_of(port))),
        Step::Switch(SwitchStep::AddBridge(spec)) => {
            spec.uplink.as_ref().map(|uplink| (uplink, network.top_of(uplink)))
        }
        Step::Kernel(KernelStep::DelAddress(from, address)) => steps.iter().find_map(|other| match other {
            Step::Kernel(KernelStep::AddAddress(to, added)) if added.addr() == address.addr() => {
                Some((from, to))
            }
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::network::resolved::{Device, Kind};

    fn name(text: &str) -> IfName {
        text.parse().unwrap()
    }

    fn bridge_over_bond() -> ResolvedNetwork {
        let ports = vec![name("eth0"), name("eth1")];
        let options = serde_json::from_str("[[\"mode\", \"active-backup\"]]").unwrap();
        let bond = Kind::Bond { ports, options };
        let kinds = [
            ("eth0", Kind::Ethernet),
            ("eth1", Kind::Ethernet),
            ("bond0", bond),
            ("br0", Kind::Bridge { port: name("bond0") }),
        ];
        ResolvedNetwork { devices: kinds.map(|(device, kind)| Device::bare(name(device), kind)).into() }
    }

    #[test]
    fn a_nic_under_a_bond_moves_to_the_bridge_above_and_one_without_an_address_does_not_move() {
        let enslave =
            |port, bridge| Step::Kernel(KernelStep::AttachPort { port: name(port), bridge: name(bridge) });
        let steps = [enslave("eth1", "bond0"), enslave("eth0", "bond0"), enslave("bond0", "br0")];
        let observed = Observed {
            addresses: vec![(name("eth0"), "10.0.0.1/16".parse().unwrap())],
            ..Observed::default()
        };
        let expected = [Moved { from: name("eth0"), to: name("br0") }];
        assert_eq!(moved(&steps, &bridge_over_bond(), &observed), expected);
        assert_eq!(moved(&[], &bridge_over_bond(), &observed), []);
    }

    #[test]
    fn an_address_that_moves_to_a_vlan_moves_its_device() {
        let address = "10.0.0.1/16".parse().unwrap();
        let steps = [
            Step::Kernel(KernelStep::AddAddress(name("eth0.5"), address)),
            Step::Kernel(KernelStep::DelAddress(name("eth0"), address)),
        ];
        let observed = Observed { addresses: vec![(name("eth0"), address)], ..Observed::default() };
        let expected = [Moved { from: name("eth0"), to: name("eth0.5") }];
        assert_eq!(moved(&steps, &ResolvedNetwork::default(), &observed), expected);
    }
}
