//! The state of a container according to its engine.

use crate::why::facts::EndFacts;
use crate::why::rung::{Check, Layer, Loses, Rung};

/// Whether the container runs. The kernel answers echo requests for a paused one, but no program does.
pub(crate) fn container(facts: &EndFacts) -> Option<Rung> {
    let state = facts.host.as_ref()?.container.as_ref()?;
    let name = facts.end.name.as_str();
    let check = Check::new(Layer::Container, name, "running");
    Some(match state.as_deref() {
        Ok("running") => check.ok("running"),
        Ok("paused") => check
            .wrong("paused: its address answers, its programs do not")
            .loses(Loses::Trust)
            .fix(format!("xdock power {name} unpause")),
        Ok(ABSENT) => {
            check.wrong("no such container").loses(Loses::Trust).fix(format!("xdock mk {name} --start"))
        }
        Ok(state) => check.wrong(state).loses(Loses::Trust).fix(format!("xdock power {name} on")),
        Err(error) => check.unknown(error),
    })
}

/// State of a container that does not exist.
pub(crate) const ABSENT: &str = "absent";
