//! What a boot, or a run, makes of the records that it finds. Pure: it sees names only.

use super::state_dir::Stage;

/// How much of a change there is to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The machine runs still: kernel, switch, files, manager.
    Running,
    /// It has booted since: the kernel has forgotten, the manager has not read anything yet. Files; the switch when it runs.
    Booted,
}

impl Scope {
    /// That of a change that began in the one boot, seen from the other.
    pub fn of(began: &str, now: &str) -> Self {
        if began == now { Self::Running } else { Self::Booted }
    }
}

/// One thing to do about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take the pending change back.
    RollBack(Scope),
    /// This is the first boot with files that were confirmed: note that, so that there is no second one unless it is good.
    MarkBooting(String),
    /// Their first boot was not found good, or ended before it was: the files that booted before come back.
    RestoreBooted(String),
    /// A newer record has all that this one knows.
    Discard(String),
}

/// What is pending: its id, and the boot in which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending<'a> {
    /// Its id.
    pub id: &'a str,
    /// That boot.
    pub boot: &'a str,
}

/// What to do in the boot `now`, before anything else is done to the network. In order.
pub fn recovery(pending: Option<Pending<'_>>, records: &[(String, Stage)], now: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    if let Some(pending) = pending {
        actions.push(Action::RollBack(Scope::of(pending.boot, now)));
    }
    let mut unbooted = unbooted(records, pending.map(|pending| pending.id));
    match unbooted.next() {
        Some((id, Stage::Trial { boot })) if boot != now => actions.push(Action::MarkBooting(id.clone())),
        Some((id, Stage::Booting { boot })) if boot != now => actions.push(Action::RestoreBooted(id.clone())),
        _ => {}
    }
    actions.extend(unbooted.map(|(id, _)| Action::Discard(id.clone())));
    actions
}

/// The confirmed changes whose files have not booted well yet, newest first. Only the newest counts: it knows what the
/// others know. That of the pending change does not count.
pub fn unbooted<'a>(
    records: &'a [(String, Stage)],
    pending: Option<&'a str>,
) -> impl Iterator<Item = &'a (String, Stage)> {
    records.iter().filter(move |(id, stage)| *stage != Stage::SwitchPending && pending != Some(id.as_str()))
}

/// The record whose first boot is this one.
pub fn on_trial<'a>(records: &'a [(String, Stage)], pending: Option<&'a str>, now: &str) -> Option<&'a str> {
    match unbooted(records, pending).next() {
        Some((id, Stage::Booting { boot })) if boot == now => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(boot: &str) -> Stage {
        Stage::Trial { boot: boot.to_owned() }
    }

    fn booting(boot: &str) -> Stage {
        Stage::Booting { boot: boot.to_owned() }
    }

    fn records(records: &[(&str, Stage)]) -> Vec<(String, Stage)> {
        records.iter().map(|(id, stage)| ((*id).to_owned(), stage.clone())).collect()
    }

    #[test]
    fn a_pending_change_is_taken_back_as_far_as_it_is_there() {
        let pending = Pending { id: "2", boot: "one" };
        let of_it = records(&[("2", trial("one"))]);
        assert_eq!(recovery(Some(pending), &of_it, "one"), [Action::RollBack(Scope::Running)]);
        assert_eq!(recovery(Some(pending), &of_it, "two"), [Action::RollBack(Scope::Booted)]);
    }

    #[test]
    fn under_a_pending_change_an_older_one_is_on_trial() {
        let pending = Pending { id: "2", boot: "one" };
        let both = records(&[("2", trial("one")), ("1", trial("one"))]);
        let expected = [Action::RollBack(Scope::Booted), Action::MarkBooting("1".to_owned())];
        assert_eq!(recovery(Some(pending), &both, "two"), expected);
    }

    #[test]
    fn a_first_boot_is_marked_and_there_is_no_second_without_an_answer() {
        assert_eq!(recovery(None, &records(&[("1", trial("one"))]), "one"), []);
        assert_eq!(
            recovery(None, &records(&[("1", trial("one"))]), "two"),
            [Action::MarkBooting("1".to_owned())]
        );
        assert_eq!(recovery(None, &records(&[("1", booting("two"))]), "two"), []);
        let third = recovery(None, &records(&[("1", booting("two"))]), "three");
        assert_eq!(third, [Action::RestoreBooted("1".to_owned())]);
        assert_eq!(on_trial(&records(&[("1", booting("two"))]), None, "two"), Some("1"));
        assert_eq!(on_trial(&records(&[("1", booting("two"))]), None, "three"), None);
        assert_eq!(on_trial(&records(&[("1", trial("two"))]), None, "two"), None);
    }

    #[test]
    fn only_the_newest_counts() {
        let all = records(&[("3", trial("one")), ("2", booting("one")), ("1", Stage::SwitchPending)]);
        let expected = [Action::MarkBooting("3".to_owned()), Action::Discard("2".to_owned())];
        assert_eq!(recovery(None, &all, "two"), expected);
    }
}
