//! Neighbours: the MAC to which an end sends, and other machines with the same address.

use inspection::{Neighbour, Probe};

use super::forwarding::mac;
use crate::why::facts::Walk;
use crate::why::rung::{Check, Layer, Loses, Rung};

/// Whether the sender has the right MAC of the destination. An answer from another MAC is no answer of the destination.
pub(crate) fn neighbour(walk: Walk<'_>) -> Option<Rung> {
    let stack = walk.from.stack()?;
    walk.network?;
    let (name, to) = (walk.from.end.name.as_str(), walk.to.address.address);
    let wanted = mac(walk.to);
    let should = match wanted {
        Some(mac) => format!("{to} is at {mac}"),
        None => format!("{to} answers"),
    };
    let check = Check::new(Layer::Neighbour, name, should);
    let entry = stack.neighbour(to)?;
    Some(match (entry.mac, wanted) {
        (Some(found), Some(wanted)) if found != wanted => {
            let how = if entry.permanent { "set by hand" } else { "another machine uses the address" };
            check.wrong(format!("at {found}: {how}")).loses(Loses::Trust).fix(remove(walk, entry))
        }
        // its cause is elsewhere
        _ if entry.failed => check.unknown("no answer to ARP"),
        (Some(found), _) => check.ok(format!("at {found}")),
        (None, _) => check.unknown("no answer to ARP"),
    })
}

fn remove(walk: Walk<'_>, entry: &Neighbour) -> String {
    let Neighbour { address, device, permanent, .. } = entry;
    if !permanent {
        return format!(
            "find the machine with this MAC (switch tables), or change the address of {}",
            walk.to.end.name
        );
    }
    let host = walk.from.host_name();
    let enter = walk.from.stack().and_then(|stack| stack.namespace.as_ref());
    let enter = enter.map(|path| format!("nsenter --net={path} ")).unwrap_or_default();
    format!("ssh {host} {enter}ip neigh del {address} dev {device}")
}

/// Whether another machine answers for the destination's address too.
pub(crate) fn conflict(walk: Walk<'_>) -> Option<Rung> {
    walk.network?;
    let wanted = mac(walk.to)?;
    let probes: Vec<&Probe> = walk.probes();
    let probe = probes.first()?;
    let to = walk.to.address.address;
    let check = Check::new(Layer::Address, &walk.to.end.name, format!("only {wanted} answers for {to}"));
    Some(match probe.claimed_by.iter().find(|mac| **mac != wanted) {
        Some(other) => check
            .wrong(format!("{other} answers too: another machine uses the address"))
            .loses(Loses::Trust)
            .fix(format!(
                "find the machine with this MAC (switch tables), or change the address of {}",
                walk.to.end.name
            )),
        None => check.ok("no other machine answers"),
    })
}
