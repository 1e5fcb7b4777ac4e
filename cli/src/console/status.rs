//! Status messages of a console.

use crate::engine::{Found, Phase};
use crate::plan::NotOwn;

/// State of a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Situation {
    /// Not started.
    Begun,
    /// The container does not exist or does not run.
    Waiting(String),
    /// The container is paused.
    Paused,
    /// The engine is unreachable.
    Lost(String),
    /// Connected.
    Connected,
    /// The stream ended; the reason is not known yet.
    Ended,
    /// The container was restarted.
    Restarted,
}

/// Why we wait for a container.
pub(super) fn waiting(found: Option<&Found>) -> Situation {
    let Some(found) = found else {
        return Situation::Waiting("the container does not exist; waiting".to_owned());
    };
    let stopped = format!("stopped, exit status {}", found.exit_code);
    Situation::Waiting(match found.phase {
        Phase::Created => "not started yet; waiting".to_owned(),
        Phase::Running => "waiting".to_owned(),
        Phase::Paused => return Situation::Paused,
        Phase::Restarting => format!("{stopped}; Docker restarts it"),
        Phase::Exited => format!("{stopped}; waiting"),
        Phase::Gone => "being removed; waiting for a new container".to_owned(),
    })
}

/// Why a node has no usable container.
pub(super) fn unusable(why: &NotOwn) -> Situation {
    match why {
        NotOwn::Absent(_) => waiting(None),
        why => Situation::Waiting(why.to_string()),
    }
}

/// Message for a change of state; `None` without a change. `escape`: the escape key works.
pub(super) fn message(before: &Situation, now: &Situation, escape: bool) -> Option<String> {
    use Situation::{Begun, Connected, Ended, Lost, Paused, Restarted, Waiting};
    let leaves = if escape { "; Ctrl-] leaves" } else { "" };
    match (before, now) {
        (before, now) if before == now => None,
        // a pipe gets no greeting
        (Begun, Connected) => escape.then(|| format!("connected{leaves}")),
        (_, Begun | Ended) => None,
        (_, Waiting(why)) => Some(format!("{why}{leaves}")),
        (_, Paused) => Some(format!("paused; waiting{leaves}")),
        (Paused, Connected) => Some("resumed".to_owned()),
        (_, Lost(why)) => Some(format!("not connected: {why}; trying again{leaves}")),
        (Waiting(_), Connected | Restarted) => Some("started".to_owned()),
        (_, Connected) => Some("connected again".to_owned()),
        (_, Restarted) => Some("started again".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::found;
    use super::*;

    #[test]
    fn every_change_is_told_once() {
        let exited = waiting(Some(&found(Phase::Exited, true)));
        let lost = Situation::Lost("no route".into());
        let message = |before: &Situation, now: &Situation| message(before, now, true);
        assert_eq!(
            message(&Situation::Begun, &Situation::Connected).as_deref(),
            Some("connected; Ctrl-] leaves")
        );
        assert_eq!(
            message(&Situation::Connected, &exited).as_deref(),
            Some("stopped, exit status 0; waiting; Ctrl-] leaves")
        );
        assert_eq!(message(&exited, &exited.clone()), None);
        assert_eq!(message(&exited, &Situation::Connected).as_deref(), Some("started"));
        assert_eq!(message(&Situation::Connected, &Situation::Restarted).as_deref(), Some("started again"));
        assert_eq!(
            message(&Situation::Connected, &lost).as_deref(),
            Some("not connected: no route; trying again; Ctrl-] leaves")
        );
        assert_eq!(message(&lost, &Situation::Connected).as_deref(), Some("connected again"));
        assert_eq!(message(&Situation::Connected, &Situation::Ended), None);
        assert_eq!(message(&Situation::Ended, &Situation::Connected).as_deref(), Some("connected again"));
        assert_eq!(message(&Situation::Ended, &Situation::Restarted).as_deref(), Some("started again"));
    }

    #[test]
    fn a_pipe_is_not_greeted_and_told_of_no_key() {
        assert_eq!(message(&Situation::Begun, &Situation::Connected, false), None);
        assert_eq!(
            message(&Situation::Begun, &waiting(None), false).as_deref(),
            Some("the container does not exist; waiting")
        );
    }
}
