//! Chooses the next action for a container's state.

use crate::engine::{Found, Phase};

/// Next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait for an event.
    Wait,
    /// Attach to its terminal, even before its start, so that its first output is not lost.
    Attach,
    /// Run a program.
    Shell,
}

/// Chooses the action. `exec`: run a program instead of attaching.
pub(super) fn step(found: Option<&Found>, exec: bool) -> Step {
    let Some(found) = found else { return Step::Wait };
    match (found.phase, exec || !found.tty) {
        (Phase::Running, true) => Step::Shell,
        (Phase::Running | Phase::Created | Phase::Exited, false) => Step::Attach,
        // the engine refuses to attach to a paused container and to one that it is about to restart (moby
        // daemon/attach.go)
        _ => Step::Wait,
    }
}

#[cfg(test)]
pub(super) fn found(phase: Phase, tty: bool) -> Found {
    Found {
        id: crate::engine::ContainerId::of_test("c0"),
        tty,
        listens: true,
        phase,
        started: None,
        exit_code: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_attached_to_before_the_start_and_a_program_needs_it() {
        let chosen = |phase, tty, exec| step(Some(&found(phase, tty)), exec);
        assert_eq!(chosen(Phase::Running, true, false), Step::Attach);
        assert_eq!(chosen(Phase::Created, true, false), Step::Attach);
        assert_eq!(chosen(Phase::Exited, true, false), Step::Attach);
        assert_eq!(chosen(Phase::Restarting, true, false), Step::Wait);
        assert_eq!(chosen(Phase::Paused, true, false), Step::Wait);
        assert_eq!(chosen(Phase::Running, false, false), Step::Shell);
        assert_eq!(chosen(Phase::Running, true, true), Step::Shell);
        assert_eq!(chosen(Phase::Created, false, false), Step::Wait);
        assert_eq!(step(None, false), Step::Wait);
    }
}
