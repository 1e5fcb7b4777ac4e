//! Published ports of hosts.

use inspection::{Listener, Published};

use crate::why::end::Kind;
use crate::why::facts::{HostFacts, Publisher, Side};
use crate::why::rung::{Check, Layer, Loses, Rung};

/// Whether netd publishes the port for the container of the tables. `None`: the tables publish no such port.
pub(crate) fn publish(side: Side<'_>) -> Option<Rung> {
    let (host, port) = (side.host?, side.end.port.filter(|_| side.end.kind == Kind::Host)?);
    let Publisher { node, port: own, state } = host.publisher.as_ref()?;
    let facts = side.facts()?;
    let should = format!("netd publishes port {port} for port {own} of {node} (port= in vm.othersettings)");
    let check = Check::new(Layer::Publish, host.name.as_str(), should);
    let published = facts.published.iter().find(|published| published.port == port);
    Some(match published {
        Some(Published { node: by, container, .. }) if by == node && container == own => {
            match state.as_deref() {
                Ok("paused") => check
                    .wrong(format!("{node} is paused"))
                    .loses(Loses::Trust)
                    .fix(format!("xdock power {node} unpause")),
                _ => check.ok("published"),
            }
        }
        Some(Published { node: by, container, .. }) => check
            .wrong(format!("published for port {container} of {by}"))
            .loses(Loses::Trust)
            .fix(format!("xdock mk {by},{node} --replace")),
        None => not_published(check, host, port),
    })
}

/// Another program that answers on the port is not the container.
fn not_published(check: Check, host: &HostFacts, port: u16) -> Rung {
    let Some(Publisher { node, state, .. }) = &host.publisher else { return check.ok("not published") };
    let listeners = host.inspection.as_ref().map(|facts| facts.listeners.as_slice()).unwrap_or_default();
    let other = listeners.iter().find(|listener| listener.port == port && listener.program != "netd");
    let state = state.as_ref().map_or_else(|_| "in an unknown state".to_owned(), Clone::clone);
    match other {
        Some(Listener { program, pid, .. }) => {
            let pid = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            let is = format!(
                "not published, {node} is {state}: program {program}{pid} of the host listens on port {port}"
            );
            let fix = format!(
                "stop {program} on {} or change port= of {node}, then xdock power {node} on",
                host.name
            );
            check.wrong(is).loses(Loses::Trust).fix(fix)
        }
        None => check
            .wrong(format!("not published, {node} is {state}"))
            .loses(Loses::Trust)
            .fix(format!("xdock power {node} on")),
    }
}
