//! The packet filter of a host, which sees bridged packets if br_netfilter is loaded.

use inventory::Fabric;

use crate::why::facts::Side;
use crate::why::rung::{Check, Layer, Loses, Rung, on_host};

/// Chains of nftables that may drop the packets of the bridge.
pub(crate) fn chains(side: Side<'_>) -> Option<Rung> {
    let (facts, bridge) = (side.facts()?, side.bridge()?);
    if bridge.fabric() == Fabric::Ovs {
        return None;
    }
    let sees_bridged = facts.filters.iter().any(|filter| filter.sees_bridged);
    let mut dropping = facts.chains.iter().filter(|chain| sees_bridged || chain.bridged);
    let first = dropping.next()?;
    let others = dropping.map(|chain| format!(", {} ({})", chain.name, chain.why)).collect::<String>();
    let host = side.host_name();
    let check = Check::new(Layer::Firewall, &host, "no other chain of nftables drops packets of bridges");
    let fix = on_host(&host, &format!("nft list table {}", first.table()));
    Some(
        check
            .unknown(format!("may drop: {} ({}){others}", first.name, first.why))
            .loses(Loses::Perhaps)
            .fix(fix),
    )
}

/// Whether the FORWARD chain accepts the packets of the bridge.
pub(crate) fn filter(side: Side<'_>) -> Option<Rung> {
    let (facts, bridge) = (side.facts()?, side.bridge()?);
    if bridge.fabric() == Fabric::Ovs {
        // its packets do not pass FORWARD
        return None;
    }
    let (host, name) = (side.host_name(), &bridge.device.name);
    let program = if side.address.address.is_ipv4() { "iptables" } else { "ip6tables" };
    let check = Check::new(
        Layer::Firewall,
        &host,
        format!("FORWARD of {program} accepts {name} to {name} (rule of netd)"),
    );
    let Some(filter) = facts.filters.iter().find(|filter| filter.program == program) else {
        return Some(check.ok(format!("no {program} on the host")));
    };
    let found = filter.bridges.iter().find(|filtered| filtered.bridge == *name)?;
    let fix = on_host(&host, "netd reconcile");
    Some(match (found.accepted, found.drops.as_slice()) {
        (true, _) => check.ok("accepts"),
        (false, []) => check.wrong("no rule of netd; nothing drops").loses(Loses::None).fix(fix),
        (false, drops) if filter.sees_bridged => {
            check.wrong(format!("before the rule: {}", drops.join("; "))).fix(fix)
        }
        (false, _) => {
            let is = "no rule of netd; bridged packets do not pass iptables (br_netfilter is off)";
            check.wrong(is).loses(Loses::None).fix(fix)
        }
    })
}
