//! The docker hosts: connection, tables, netd.

use inventory::Stamp;

use crate::why::facts::HostFacts;
use crate::why::rung::{Check, Layer, Loses, Rung, on_host};

/// Whether the host answers.
pub(crate) fn host(host: &HostFacts) -> Rung {
    let name = host.name.as_str();
    let check = Check::new(Layer::Host, name, "answers");
    match (&host.inspection, &host.plan) {
        (Err(error), _) => {
            let is = match &host.witness {
                Some(witness) => {
                    format!("{error}; its container {witness} answers, so the host is up and connected")
                }
                None => error.clone(),
            };
            let fix = match &host.witness {
                Some(_) => {
                    format!("on its console: xdockhost restore, then xdockhost status (address of {name})")
                }
                None => format!("check power, cable and console of {name}"),
            };
            check.wrong(is).fix(fix)
        }
        (Ok(_), Err(error)) => check.wrong(error.clone()).fix(format!("xdock plan {name}")),
        (Ok(facts), Ok(_)) if facts.unknown.is_empty() => check.ok("answers"),
        (Ok(facts), Ok(_)) => check.ok(format!("answers; unknown: {}", facts.unknown.join("; "))),
    }
}

/// Whether the host has the current tables.
pub(crate) fn snapshot(host: &HostFacts) -> Option<Rung> {
    let facts = host.inspection.as_ref().ok()?;
    let name = host.name.as_str();
    let check = Check::new(Layer::Snapshot, name, "the current tables");
    Some(match (&host.desired, &facts.snapshot) {
        (Err(error), _) => check.unknown(error.clone()),
        (Ok(_), None) => check.wrong("no snapshot").loses(Loses::None).fix(format!("xdock sync {name}")),
        (Ok(desired), Some(held)) if held.digest == desired.digest => {
            check.ok(format!("version {}", held.version))
        }
        (Ok(desired), Some(held)) => {
            let stamp = Stamp { version: held.version, digest: held.digest.clone(), origin: None };
            let age =
                if held.version > desired.version { "newer than" } else { "older than or different from" };
            let is = format!("version {} of {}, {age} the tables", held.version, stamp.when());
            check.wrong(is).loses(Loses::None).fix(format!("xdock sync {name}"))
        }
    })
}

/// Whether netd runs and has no problems.
pub(crate) fn netd(host: &HostFacts) -> Option<Rung> {
    let facts = host.inspection.as_ref().ok()?;
    let name = host.name.as_str();
    let check = Check::new(Layer::Netd, name, "runs without problems");
    Some(match (&facts.daemon.error, facts.daemon.problems.as_slice()) {
        (Some(error), _) => {
            let fix = on_host(name, "systemctl restart netd.socket netd.service");
            check.wrong(error.clone()).loses(Loses::None).fix(fix)
        }
        (None, []) => check.ok("runs"),
        (None, problems) => {
            check.wrong(problems.join("; ")).loses(Loses::None).fix(on_host(name, "netd status"))
        }
    })
}
