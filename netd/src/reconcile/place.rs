//! On which bridge the port of a running container has to be. Pure.
//!
//! The tables may move a network to another bridge while containers run: a Linux bridge becomes an Open vSwitch bridge, or gets
//! another name. The network step makes the new bridge, and takes it away again where its change fails. So a port follows
//! the tables only to a bridge that is there, and goes back to the one before when its own is gone.

use super::Seen;
use crate::fabric::{Presence, rules};
use crate::state::{Endpoint, Phase, Place, State};

/// The endpoint with the bridge that it has to be on, where that is another one.
pub(super) fn moved(state: &State, endpoint: &Endpoint, seen: &Seen<'_>) -> Option<Endpoint> {
    if endpoint.phase == Phase::Intended {
        // it is being plugged in
        return None;
    }
    let now = endpoint.place();
    let there = |place: &Place| rules(place.fabric).presence(&place.bridge, seen);
    let is_ready = |place: &Place| there(place) == Presence::Ready && !place.same_bridge(&now);
    let on = state.snapshot.as_ref().and_then(|snapshot| snapshot.network(&endpoint.on));
    let tables = on.map(Place::of).filter(is_ready);
    let before = endpoint.before.clone().filter(|before| is_ready(before) && there(&now) == Presence::Absent);
    tables.or(before).map(|place| endpoint.moved(place))
}
