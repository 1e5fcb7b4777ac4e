//! The probes, which decide.

use inspection::Probe;

use crate::why::facts::Walk;
use crate::why::rung::{Check, Layer, Loses, Rung};

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
    match error {
        Some(error) => check.wrong(error.clone()),
        None if probe.is_answered() => check.ok(format!("{received} of {sent}{time}")),
        None => check.wrong(format!("{received} of {sent}")),
    }
    .loses(Loses::None)
}
