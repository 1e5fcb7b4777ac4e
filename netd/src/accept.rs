//! Decides whether a new snapshot replaces the loaded one. Pure; used with and without a running daemon.

use inventory::snapshot::Relation;
use inventory::{NodeName, Snapshot, Stamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The result of loading a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LoadResult {
    /// The new snapshot was loaded.
    Delivered(u64),
    /// The loaded snapshot has the same content.
    Already(Stamp),
    /// The loaded snapshot was kept, for this reason.
    Kept(Stamp, String),
}

/// Why a snapshot is refused. The loaded one is kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SnapshotRefusal {
    /// It is for another host.
    #[error("the snapshot is for {theirs}, but this host is {ours}; run \"xdock sync {ours}\"")]
    OtherHost { theirs: NodeName, ours: NodeName },
    /// It is older than the loaded one.
    #[error(
        "snapshot {} is older than snapshot {} of this host (of {}, made by {}); run \"xdock sync {}\"",
        .0.theirs.version, .0.ours.version, .0.ours.when(), .0.ours.maker(), .0.host
    )]
    Older(Box<StampPair>),
    /// It has the version of the loaded one, and other content.
    #[error(
        "this host has a different snapshot with version {}; run \"xdock sync {}\"",
        .0.ours.version, .0.host
    )]
    SameVersion(Box<StampPair>),
    /// Another management node made it: versions of different management nodes cannot be compared.
    #[error(
        "this host has the tables of management node {} (of {}), not of {}; run \"xdock sync {}\" to replace them",
        .0.ours.maker(), .0.ours.when(), .0.theirs.maker(), .0.host
    )]
    Foreign(Box<StampPair>),
    /// The loaded snapshot is not the one that the caller wants to replace.
    #[error("this host has snapshot {}, not {} as expected; try again", .0.ours, .0.theirs)]
    Changed(Box<StampPair>),
}

/// The two snapshots of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StampPair {
    /// The new snapshot, or the expected one.
    theirs: Stamp,
    /// The loaded snapshot.
    ours: Stamp,
    host: NodeName,
}

/// Compares a new snapshot with the loaded one. `host` is the expected host; without it, the host of the loaded
/// snapshot. `replaces` is the stamp of the loaded snapshot: only a caller that has just read it from this host knows
/// it, so an old file cannot replace a newer snapshot.
pub(crate) fn check_snapshot(
    current: Option<&Snapshot>,
    new: &Snapshot,
    host: Option<&NodeName>,
    replaces: Option<&Stamp>,
) -> Result<LoadResult, SnapshotRefusal> {
    let ours = host.or(current.map(|current| &current.host));
    if let Some(ours) = ours.filter(|ours| **ours != new.host) {
        return Err(SnapshotRefusal::OtherHost { theirs: new.host.clone(), ours: ours.clone() });
    }
    let Some(current) = current else { return Ok(LoadResult::Delivered(new.version)) };
    let (stamp, ours) = (new.stamp(), current.stamp());
    if stamp == ours {
        return Ok(LoadResult::Already(ours));
    }
    let pair = |theirs: &Stamp| {
        Box::new(StampPair { theirs: theirs.clone(), ours: ours.clone(), host: new.host.clone() })
    };
    match replaces {
        Some(expected) if expected.names(&ours) => Ok(LoadResult::Delivered(new.version)),
        Some(expected) => Err(SnapshotRefusal::Changed(pair(expected))),
        None => match stamp.relation(&ours) {
            Relation::Equal => Ok(LoadResult::Already(ours)),
            Relation::Newer => Ok(LoadResult::Delivered(new.version)),
            Relation::Conflict => Err(SnapshotRefusal::SameVersion(pair(&stamp))),
            Relation::Older => Err(SnapshotRefusal::Older(pair(&stamp))),
            Relation::Foreign => Err(SnapshotRefusal::Foreign(pair(&stamp))),
        },
    }
}

impl LoadResult {
    /// Turns a refusal that keeps the loaded snapshot into [`LoadResult::Kept`].
    pub(crate) fn of(checked: Result<Self, SnapshotRefusal>) -> Result<Self, String> {
        let message = |refusal: &SnapshotRefusal| refusal.to_string();
        checked.or_else(|refusal| match &refusal {
            SnapshotRefusal::OtherHost { .. } => Err(message(&refusal)),
            SnapshotRefusal::Older(pair)
            | SnapshotRefusal::SameVersion(pair)
            | SnapshotRefusal::Foreign(pair)
            | SnapshotRefusal::Changed(pair) => Ok(Self::Kept(pair.ours.clone(), message(&refusal))),
        })
    }
}

#[cfg(test)]
mod tests {
    use inventory::Origin;

    use super::*;

    fn snapshot(host: &str, version: u64, node: &str) -> Snapshot {
        let node = inventory::SnapshotNode::new(node.parse().unwrap(), host.parse().unwrap(), Vec::new());
        Snapshot::seal(host.parse().unwrap(), version, Vec::new(), vec![node])
    }

    fn of(name: &str, epoch: u64, snapshot: Snapshot) -> Snapshot {
        snapshot.made_by(Some(Origin { name: name.to_owned(), id: "4f3a".to_owned(), epoch }))
    }

    /// Judged without a word of the administrator's; what is told.
    fn checked(current: &Snapshot, new: &Snapshot) -> Result<LoadResult, String> {
        check_snapshot(Some(current), new, None, None).map_err(|no| no.to_string())
    }

    #[test]
    fn only_newer_tables_of_this_host_come_into_force() {
        let current = snapshot("dh1", 7, "d1");
        let check_snapshot = |new: &Snapshot| checked(&current, new);
        assert_eq!(check_snapshot(&snapshot("dh1", 8, "d2")), Ok(LoadResult::Delivered(8)));
        assert_eq!(
            check_snapshot(&snapshot("dh1", 9, "d1")),
            Ok(LoadResult::Already(current.stamp())),
            "equal tables"
        );
        assert_eq!(
            check_snapshot(&snapshot("dh1", 3, "d1")),
            Ok(LoadResult::Already(current.stamp())),
            "equal tables"
        );
        let no = |text: &str| Err(text.to_owned());
        assert_eq!(
            check_snapshot(&snapshot("dh1", 6, "d2")),
            no(
                "snapshot 6 is older than snapshot 7 of this host (of 1970-01-01 00:00:00 UTC, made by an earlier release of xdock); run \"xdock sync dh1\""
            )
        );
        assert_eq!(
            check_snapshot(&snapshot("dh1", 7, "d2")),
            no("this host has a different snapshot with version 7; run \"xdock sync dh1\"")
        );
        assert_eq!(
            check_snapshot(&snapshot("dh2", 8, "d1")),
            no("the snapshot is for dh2, but this host is dh1; run \"xdock sync dh1\"")
        );
    }

    #[test]
    fn another_management_nodes_tables_are_refused_with_both_names() {
        let current = of("mn1", 0, snapshot("dh1", 7, "d1"));
        assert_eq!(
            checked(&current, &of("mn2", 0, snapshot("dh1", 9, "d2"))),
            Err("this host has the tables of management node mn1 (of 1970-01-01 00:00:00 UTC), not of mn2; run \"xdock sync dh1\" to replace them".to_owned())
        );
    }

    #[test]
    fn whoever_names_the_one_in_force_replaces_it_and_nothing_from_the_past_comes_back() {
        let future = of("mn1", 0, snapshot("dh1", 900, "d1"));
        let new = of("mn1", 1, snapshot("dh1", 50, "d2"));
        let replaces = |stamp: &Stamp| check_snapshot(Some(&future), &new, None, Some(stamp));
        assert_eq!(replaces(&future.stamp()), Ok(LoadResult::Delivered(50)));
        let typed: Stamp = format!("900@{}", future.digest).parse().unwrap();
        assert_eq!(replaces(&typed), Ok(LoadResult::Delivered(50)));
        let other: Stamp = "899@sha256:ab".parse().unwrap();
        assert_eq!(
            replaces(&other).unwrap_err().to_string(),
            format!("this host has snapshot {}, not 899@sha256:ab as expected; try again", future.stamp())
        );
        assert_eq!(checked(&new, &of("mn1", 1, snapshot("dh1", 51, "d3"))), Ok(LoadResult::Delivered(51)));
        for past in [future, of("mn1", 0, snapshot("dh1", 60, "d3")), snapshot("dh1", 901, "d3")] {
            let loaded = LoadResult::of(check_snapshot(Some(&new), &past, None, None)).unwrap();
            assert!(matches!(loaded, LoadResult::Kept(stamp, _) if stamp == new.stamp()), "{}", past.stamp());
        }
    }

    #[test]
    fn equal_tables_get_another_stamp_when_they_are_to_be_replaced() {
        let current = of("mn2", 0, snapshot("dh1", 900, "d1"));
        let same = of("mn1", 0, snapshot("dh1", 50, "d1"));
        assert_eq!(checked(&current, &same), Ok(LoadResult::Already(current.stamp())));
        assert_eq!(
            check_snapshot(Some(&current), &same, None, Some(&current.stamp())),
            Ok(LoadResult::Delivered(50)),
            "so that what mn1 delivers next is taken"
        );
        assert_eq!(
            check_snapshot(Some(&same), &same, None, Some(&current.stamp())),
            Ok(LoadResult::Already(same.stamp())),
            "said again"
        );
    }

    #[test]
    fn the_first_one_says_which_host_this_is_unless_the_caller_does() {
        assert_eq!(check_snapshot(None, &snapshot("dh1", 1, "d1"), None, None), Ok(LoadResult::Delivered(1)));
        let told = check_snapshot(None, &snapshot("dh1", 1, "d1"), Some(&"dh2".parse().unwrap()), None);
        assert!(matches!(told, Err(SnapshotRefusal::OtherHost { .. })));
    }
}
