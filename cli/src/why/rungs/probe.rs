//! The probes, which decide.

use inspection::Probe;

use crate::why::facts::Walk;
use crate::why::rung::{Check, Layer, Loses, Rung};

/// Packets of this length pass a path of any MTU.
const SHORT: usize = 64;

/// A rung for each probe.
pub(crate) fn probes(walk: Walk<'_>) -> Vec<Rung> {
    let (from, to) = (&walk.from.end.name, walk.to.address.address);
    let probes = walk.probes();
    if probes.is_empty() && walk.from.host.is_some() {
        let check = Check::new(Layer::Probe, from, format!("{to} answers"));
        return vec![check.unknown("not probed: no facts of the sender")];
    }
    probes.into_iter().map(|probe| rung(from, probe)).collect()
}

fn rung(from: &str, probe: &Probe) -> Rung {
    let Probe { to, port, length, sent, received, micros, error, .. } = probe;
    let should = match port {
        Some(port) => format!("{to} accepts connections to port {port}"),
        None => format!("{to} answers {length} bytes"),
    };
    let check = Check::new(Layer::Probe, from, should);
    let time = micros.map(|micros| format!(", {:.2} ms", micros as f64 / 1000.0)).unwrap_or_default();
    let loses = if port.is_none() && *length > SHORT { Loses::Long } else { Loses::All };
    match error {
        Some(error) => check.wrong(error.clone()).loses(loses),
        None if probe.is_answered() => check.ok(format!("{received} of {sent}{time}")),
        None => check.wrong(format!("{received} of {sent}")).loses(loses),
    }
}

/// If the destination answers, but refuses the connection: no program listens on the port.
pub(crate) fn service(walk: Walk<'_>) -> Option<Rung> {
    let probe = walk.probes().into_iter().find(|probe| probe.port.is_some())?;
    let (name, port) = (walk.to.end.name.as_str(), probe.port?);
    let check = Check::new(Layer::Service, name, format!("a program listens on port {port}"));
    let refused = probe.error.as_ref().is_some_and(|error| error.contains("refused"));
    Some(if refused {
        check
            .wrong(format!("connections to port {port} are refused"))
            .fix(format!("start the program of {name}"))
    } else if probe.is_answered() {
        check.ok("listens")
    } else {
        check.unknown("no answer")
    })
}
