//! Decides what to do with existing records, at boot or in a run. Pure: it reads only names.

use super::state_dir::Stage;

/// How much of a change must be rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The host has not rebooted: kernel, switch, files and network manager.
    Running,
    /// The host has rebooted: the kernel has no changes and the manager has not read its files. Only files,
    /// and the switch when it runs.
    Booted,
}

impl Scope {
    /// The scope of a change that began in boot `began`, in boot `now`.
    pub fn of(began: &str, now: &str) -> Self {
        if began == now { Self::Running } else { Self::Booted }
    }
}

/// One action for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Roll back the pending change.
    RollBack(Scope),
    /// This is the first boot with confirmed files: record that, so that a second boot without confirmation
    /// restores the previous files.
    MarkBooting(String),
    /// The first boot was not confirmed: restore the files of the last good boot.
    RestoreBooted(String),
    /// Remove a record that a newer one includes.
    Discard(String),
}

/// The pending change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending<'a> {
    /// Its id.
    pub id: &'a str,
    /// The boot in which it began.
    pub boot: &'a str,
}

/// The actions in boot `now`, in order, before the network is changed in any other way.
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

/// The confirmed changes without a confirmed boot, newest first. Only the newest counts, because it includes
/// the others. The pending change does not count.
pub fn unbooted<'a>(
    records: &'a [(String, Stage)],
    pending: Option<&'a str>,
) -> impl Iterator<Item = &'a (String, Stage)> {
    records.iter().filter(move |(id, stage)| *stage != Stage::SwitchPending && pending != Some(id.as_str()))
}

/// The record whose first boot this is.
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
    fn a_pending_change_is_rolled_back_in_its_scope() {
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
