//! Whether a snapshot may replace the one in force. Pure; the rule holds with and without a running daemon.

use inventory::snapshot::Relation;
use inventory::{NodeName, Snapshot, Stamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What became of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Loaded {
    /// It is in force.
    Delivered(u64),
    /// The one in force says the same.
    Already(Stamp),
    /// The one in force stays: why.
    Kept(Stamp, String),
}

/// Why a snapshot is not taken; the one in force stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unacceptable {
    /// Compiled for another host.
    #[error("the snapshot is for {theirs}, but this host is {ours}; run \"xdock sync {ours}\"")]
    OtherHost { theirs: NodeName, ours: NodeName },
    /// The tables have moved on.
    #[error(
        "snapshot {} is older than {}, which this host has (of {}, made by {}); run \"xdock sync {}\"",
        .0.theirs.version, .0.ours.version, .0.ours.when(), .0.ours.maker(), .0.host
    )]
    Older(Box<Pair>),
    /// Two contents cannot have one version.
    #[error(
        "snapshot {} differs from the one of that version that this host has; run \"xdock sync {}\"",
        .0.ours.version, .0.host
    )]
    SameVersion(Box<Pair>),
    /// The clocks of two management nodes say nothing about each other's tables.
    #[error(
        "this host has the tables of management node {} (of {}), not those of {}; run \"xdock sync {}\" to replace them",
        .0.ours.maker(), .0.ours.when(), .0.theirs.maker(), .0.host
    )]
    Foreign(Box<Pair>),
    /// Another one came meanwhile.
    #[error("this host has snapshot {}, not {} that was to be replaced; try again", .0.ours, .0.theirs)]
    Changed(Box<Pair>),
}

/// The two snapshots of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// What was brought, or was expected here.
    theirs: Stamp,
    /// What is in force.
    ours: Stamp,
    host: NodeName,
}

/// Judges. The first snapshot of a host says which host it is, unless `host` does. `replaces` is the stamp of the snapshot in
/// force, which only somebody knows who has just looked at this host: a file from the past does not come into force with it.
pub(crate) fn judge(
    current: Option<&Snapshot>,
    new: &Snapshot,
    host: Option<&NodeName>,
    replaces: Option<&Stamp>,
) -> Result<Loaded, Unacceptable> {
    let ours = host.or(current.map(|current| &current.host));
    if let Some(ours) = ours.filter(|ours| **ours != new.host) {
        return Err(Unacceptable::OtherHost { theirs: new.host.clone(), ours: ours.clone() });
    }
    let Some(current) = current else { return Ok(Loaded::Delivered(new.version)) };
    let (stamp, ours) = (new.stamp(), current.stamp());
    if stamp == ours {
        return Ok(Loaded::Already(ours));
    }
    let pair = |theirs: &Stamp| {
        Box::new(Pair { theirs: theirs.clone(), ours: ours.clone(), host: new.host.clone() })
    };
    match replaces {
        Some(expected) if expected.names(&ours) => Ok(Loaded::Delivered(new.version)),
        Some(expected) => Err(Unacceptable::Changed(pair(expected))),
        None => match stamp.relation(&ours) {
            Relation::Equal => Ok(Loaded::Already(ours)),
            Relation::Newer => Ok(Loaded::Delivered(new.version)),
            Relation::Conflict => Err(Unacceptable::SameVersion(pair(&stamp))),
            Relation::Older => Err(Unacceptable::Older(pair(&stamp))),
            Relation::Foreign => Err(Unacceptable::Foreign(pair(&stamp))),
        },
    }
}

impl Loaded {
    /// What is told of a judgement: a host that keeps its snapshot says which one that is.
    pub(crate) fn of(judged: Result<Self, Unacceptable>) -> Result<Self, String> {
        let told = |no: &Unacceptable| no.to_string();
        judged.or_else(|no| match &no {
            Unacceptable::OtherHost { .. } => Err(told(&no)),
            Unacceptable::Older(pair)
            | Unacceptable::SameVersion(pair)
            | Unacceptable::Foreign(pair)
            | Unacceptable::Changed(pair) => Ok(Self::Kept(pair.ours.clone(), told(&no))),
        })
    }
}

#[cfg(test)]
mod tests {
    use inventory::Origin;

    use super::*;

    fn snapshot(host: &str, version: u64, node: &str) -> Snapshot {
        let node = inventory::SnapshotNode {
            node: node.parse().unwrap(),
            host: host.parse().unwrap(),
            nics: Vec::new(),
        };
        Snapshot::seal(host.parse().unwrap(), version, Vec::new(), vec![node])
    }

    fn of(name: &str, epoch: u64, snapshot: Snapshot) -> Snapshot {
        snapshot.made_by(Some(Origin { name: name.to_owned(), id: "4f3a".to_owned(), epoch }))
    }

    /// Judged without a word of the administrator's; what is told.
    fn judged(current: &Snapshot, new: &Snapshot) -> Result<Loaded, String> {
        judge(Some(current), new, None, None).map_err(|no| no.to_string())
    }

    #[test]
    fn only_newer_tables_of_this_host_come_into_force() {
        let current = snapshot("dh1", 7, "d1");
        let judge = |new: &Snapshot| judged(&current, new);
        assert_eq!(judge(&snapshot("dh1", 8, "d2")), Ok(Loaded::Delivered(8)));
        assert_eq!(judge(&snapshot("dh1", 9, "d1")), Ok(Loaded::Already(current.stamp())), "equal tables");
        assert_eq!(judge(&snapshot("dh1", 3, "d1")), Ok(Loaded::Already(current.stamp())), "equal tables");
        let no = |text: &str| Err(text.to_owned());
        assert_eq!(
            judge(&snapshot("dh1", 6, "d2")),
            no(
                "snapshot 6 is older than 7, which this host has (of 1970-01-01 00:00:00 UTC, made by an earlier release of xdock); run \"xdock sync dh1\""
            )
        );
        assert_eq!(
            judge(&snapshot("dh1", 7, "d2")),
            no("snapshot 7 differs from the one of that version that this host has; run \"xdock sync dh1\"")
        );
        assert_eq!(
            judge(&snapshot("dh2", 8, "d1")),
            no("the snapshot is for dh2, but this host is dh1; run \"xdock sync dh1\"")
        );
    }

    #[test]
    fn another_management_nodes_tables_are_refused_with_both_names() {
        let current = of("mn1", 0, snapshot("dh1", 7, "d1"));
        assert_eq!(
            judged(&current, &of("mn2", 0, snapshot("dh1", 9, "d2"))),
            Err("this host has the tables of management node mn1 (of 1970-01-01 00:00:00 UTC), not those of mn2; run \"xdock sync dh1\" to replace them".to_owned())
        );
    }

    #[test]
    fn whoever_names_the_one_in_force_replaces_it_and_nothing_from_the_past_comes_back() {
        let future = of("mn1", 0, snapshot("dh1", 900, "d1"));
        let new = of("mn1", 1, snapshot("dh1", 50, "d2"));
        let replaces = |stamp: &Stamp| judge(Some(&future), &new, None, Some(stamp));
        assert_eq!(replaces(&future.stamp()), Ok(Loaded::Delivered(50)));
        let typed: Stamp = format!("900@{}", future.digest).parse().unwrap();
        assert_eq!(replaces(&typed), Ok(Loaded::Delivered(50)));
        let other: Stamp = "899@sha256:ab".parse().unwrap();
        assert_eq!(
            replaces(&other).unwrap_err().to_string(),
            format!(
                "this host has snapshot {}, not 899@sha256:ab that was to be replaced; try again",
                future.stamp()
            )
        );
        assert_eq!(judged(&new, &of("mn1", 1, snapshot("dh1", 51, "d3"))), Ok(Loaded::Delivered(51)));
        for past in [future, of("mn1", 0, snapshot("dh1", 60, "d3")), snapshot("dh1", 901, "d3")] {
            let loaded = Loaded::of(judge(Some(&new), &past, None, None)).unwrap();
            assert!(matches!(loaded, Loaded::Kept(stamp, _) if stamp == new.stamp()), "{}", past.stamp());
        }
    }

    #[test]
    fn equal_tables_get_another_stamp_when_they_are_to_be_replaced() {
        let current = of("mn2", 0, snapshot("dh1", 900, "d1"));
        let same = of("mn1", 0, snapshot("dh1", 50, "d1"));
        assert_eq!(judged(&current, &same), Ok(Loaded::Already(current.stamp())));
        assert_eq!(
            judge(Some(&current), &same, None, Some(&current.stamp())),
            Ok(Loaded::Delivered(50)),
            "so that what mn1 delivers next is taken"
        );
        assert_eq!(
            judge(Some(&same), &same, None, Some(&current.stamp())),
            Ok(Loaded::Already(same.stamp())),
            "said again"
        );
    }

    #[test]
    fn the_first_one_says_which_host_this_is_unless_the_caller_does() {
        assert_eq!(judge(None, &snapshot("dh1", 1, "d1"), None, None), Ok(Loaded::Delivered(1)));
        let told = judge(None, &snapshot("dh1", 1, "d1"), Some(&"dh2".parse().unwrap()), None);
        assert!(matches!(told, Err(Unacceptable::OtherHost { .. })));
    }
}
