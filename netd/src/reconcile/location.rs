//! Moves running containers' ports to another bridge. Pure.
//!
//! The tables may move a network to another bridge while containers run: a Linux bridge becomes an Open vSwitch
//! bridge, or gets another name. The network step of xdockhost creates the new bridge, and removes it again if its
//! change fails. So a port moves only to a bridge that exists, and moves back when that bridge is removed.

use super::HostView;
use crate::fabric::{Presence, presence};
use crate::state::{Endpoint, Phase, PortLocation, State};

/// The endpoint at its new location; `None` if it stays.
pub(super) fn moved(state: &State, endpoint: &Endpoint, host: &HostView<'_>) -> Option<Endpoint> {
    if endpoint.phase == Phase::Intended {
        // it is being attached
        return None;
    }
    let current = endpoint.location();
    let presence = |location: &PortLocation| presence(location.fabric, &location.bridge, host);
    let is_ready =
        |location: &PortLocation| presence(location) == Presence::Ready && !location.same_bridge(&current);
    let on = state.snapshot.as_ref().and_then(|snapshot| snapshot.network(&endpoint.on));
    let tables = on.map(PortLocation::of).filter(is_ready);
    let previous = endpoint.previous.clone();
    let previous = previous.filter(|previous| is_ready(previous) && presence(&current) == Presence::Absent);
    tables.or(previous).map(|location| endpoint.moved(location))
}
