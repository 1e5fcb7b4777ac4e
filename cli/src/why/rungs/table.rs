//! The rows of the tables.

use crate::error::CHECK;
use crate::why::end::{EndAddress, Kind};
use crate::why::facts::EndFacts;
use crate::why::rung::{Check, Layer, Loses, Rung};

/// Whether the rows of an end are valid and part of the snapshot.
pub(crate) fn table(facts: &EndFacts, address: Option<&EndAddress>) -> Rung {
    let end = &facts.end;
    let check = Check::new(Layer::Table, &end.name, row(facts, address));
    match (&end.addresses, facts.host.as_ref().and_then(|host| host.withheld.as_ref())) {
        (Err(error), _) => check.wrong(error.clone()).fix(CHECK),
        (_, Some(reason)) => {
            check.wrong(format!("left out of the snapshot: {reason}")).loses(Loses::None).fix(CHECK)
        }
        (Ok(_), None) => check.ok("valid"),
    }
}

/// What the rows say.
fn row(facts: &EndFacts, address: Option<&EndAddress>) -> String {
    let end = &facts.end;
    let Some(EndAddress { address, network, mac, .. }) = address else {
        return format!("valid rows of {}", end.name);
    };
    let network = network.as_ref().map(|network| format!(" on {network}")).unwrap_or_default();
    match (end.kind, &end.host, mac) {
        (Kind::Container, Some(host), Some(mac)) => {
            format!("{address}{network}, {mac}, on {host} (vm.host)")
        }
        (Kind::Host, ..) => format!("{address}{network}"),
        _ => format!("{address}{network}; only packets to it can be tested"),
    }
}
