//! The network between two hosts.

use super::bridge::uplink;
use super::forwarding::{entries, mac};
use crate::why::facts::Walk;
use crate::why::rung::{Check, Layer, Rung};

/// A frame that arrived during the probe is not older than this.
const RECENT_MS: u64 = 5000;

/// Whether frames of the sender arrive at the host of the destination.
pub(crate) fn fabric(walk: Walk<'_>) -> Option<Rung> {
    if walk.is_on_one_host() || walk.network.is_none() {
        return None;
    }
    let (mac, bridge) = (mac(walk.from)?, walk.to.bridge()?);
    let (host, uplink) = (walk.to.host_name(), uplink(walk.to)?);
    walk.from.facts()?;
    let should = format!("frames of {} arrive through {uplink}", walk.from.end.name);
    let check = Check::new(Layer::Fabric, &host, should);
    let age = entries(walk.to, mac)
        .iter()
        .filter(|entry| entry.port.as_str() == uplink)
        .find_map(|entry| entry.age_ms);
    Some(match age {
        Some(age) if age <= RECENT_MS => check.ok(format!("last frame {:.1} s ago", age as f64 / 1000.0)),
        last => {
            let last = last.map_or_else(|| "none".to_owned(), |age| format!("none since {} s", age / 1000));
            let vlan =
                bridge.network.vlan.map(|vlan| format!(", VLAN {vlan} on the trunk")).unwrap_or_default();
            let from = walk.from.host_name();
            check.wrong(last).fix(format!("check switch ports{vlan} and cables between {from} and {host}"))
        }
    })
}
