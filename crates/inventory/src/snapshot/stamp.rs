//! Identity of a snapshot: management node, time and digest of the tables.
//!
//! Versions are times of one management node's clock. They are compared only with each other: the clock of another management
//! node does not show which tables are right, and a clock that was wrong once must not block a host forever. The
//! administrator's `sync` therefore starts a new epoch of its management node if a version blocks it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;

use super::Snapshot;

/// The management node that created a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Its host name.
    pub name: String,
    /// Its installation: another machine of the same name is another management node.
    pub id: String,
    /// Number of times that `sync` had to override versions of this management node. A later epoch is newer, whatever its version.
    pub epoch: u64,
}

/// A snapshot without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// See [`Snapshot::version`].
    pub version: u64,
    /// See [`Snapshot::digest`].
    pub digest: String,
    /// See [`Snapshot::origin`].
    pub origin: Option<Origin>,
}

/// Comparison of a snapshot with the one on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Same content.
    Equal,
    /// It is newer.
    Newer,
    /// The host has a newer one.
    Older,
    /// Both have one version and different content.
    Conflict,
    /// The host has one of another management node.
    Foreign,
}

/// Error: not a stamp.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not VERSION@DIGEST")]
pub struct StampError(String);

impl Snapshot {
    /// Stamp of the snapshot.
    pub fn stamp(&self) -> Stamp {
        Stamp { version: self.version, digest: self.digest.clone(), origin: self.origin.clone() }
    }
}

impl Origin {
    /// Whether both are the same management node.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.id) == (&other.name, &other.id)
    }
}

impl Stamp {
    /// Compares this snapshot with `current`, which a host has. One without an origin is from an earlier release: it is compared
    /// by its version, but does not replace a snapshot with a known origin.
    pub fn relation(&self, current: &Self) -> Relation {
        if self.digest == current.digest {
            return Relation::Equal;
        }
        let epochs = match (&self.origin, &current.origin) {
            (_, None) => Ordering::Equal,
            (Some(new), Some(current)) if new.is_same(current) => new.epoch.cmp(&current.epoch),
            (_, Some(_)) => return Relation::Foreign,
        };
        match epochs.then(self.version.cmp(&current.version)) {
            Ordering::Greater => Relation::Newer,
            Ordering::Equal => Relation::Conflict,
            Ordering::Less => Relation::Older,
        }
    }

    /// Whether both name the same snapshot. A stamp that a person typed has no origin.
    pub fn names(&self, other: &Self) -> bool {
        (self.version, &self.digest) == (other.version, &other.digest)
    }

    /// When the tables were read, by the clock of the management node: `2026-11-29 09:10:03 UTC`.
    pub fn when(&self) -> String {
        let seconds = i64::try_from(self.version / 1000).unwrap_or(i64::MAX);
        let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else {
            return format!("{} ms after 1970", self.version);
        };
        let (hour, minute, second) = at.to_hms();
        format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
    }

    /// Name of the management node, for messages.
    pub fn maker(&self) -> &str {
        self.origin.as_ref().map_or("an earlier release of xdock", |origin| &origin.name)
    }
}

/// `VERSION@DIGEST`, and `by NAME ID EPOCH` where the origin is known.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.version, self.digest)?;
        match &self.origin {
            Some(Origin { name, id, epoch }) => write!(f, " by {name} {id} {epoch}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, StampError> {
        parse(text).ok_or_else(|| StampError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Stamp> {
    let mut words = text.split_whitespace();
    let (version, digest) = words.next()?.split_once('@')?;
    let rest: Vec<&str> = words.collect();
    let origin = match rest.as_slice() {
        [] => None,
        ["by", name, id, epoch] => {
            Some(Origin { name: (*name).to_owned(), id: (*id).to_owned(), epoch: epoch.parse().ok()? })
        }
        _ => return None,
    };
    Some(Stamp { version: version.parse().ok()?, digest: digest.to_owned(), origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_text_reads_back() {
        for text in ["16@sha256:ab", "16@sha256:ab by mn1 4f3a 2"] {
            assert_eq!(stamp(text).to_string(), text);
        }
        for text in ["", "16", "x@sha256:ab", "16@sha256:ab by mn1", "16@sha256:ab by mn1 4f3a x"] {
            assert_eq!(text.parse::<Stamp>(), Err(StampError(text.to_owned())));
        }
    }

    #[test]
    fn versions_of_one_management_node_are_compared_and_a_later_epoch_is_newer() {
        let current = stamp("16@a by mn1 4f3a 2");
        let relation = |new: &str| stamp(new).relation(&current);
        assert_eq!(relation("17@b by mn1 4f3a 2"), Relation::Newer);
        assert_eq!(relation("15@b by mn1 4f3a 2"), Relation::Older);
        assert_eq!(relation("16@b by mn1 4f3a 2"), Relation::Conflict);
        assert_eq!(relation("3@b by mn1 4f3a 3"), Relation::Newer);
        assert_eq!(relation("99@b by mn1 4f3a 1"), Relation::Older, "a replay of what sync overruled");
        assert_eq!(relation("3@a by mn2 77 0"), Relation::Equal, "equal tables, whoever made them");
    }

    #[test]
    fn another_management_node_replaces_nothing_by_its_clock() {
        let current = stamp("16@a by mn1 4f3a 2");
        for other in ["17@b by mn2 4f3a 2", "17@b by mn1 77 2", "17@b by mn1 77 9", "17@b"] {
            assert_eq!(stamp(other).relation(&current), Relation::Foreign, "{other}");
        }
    }

    #[test]
    fn one_of_an_earlier_release_is_followed_by_version() {
        let current = stamp("16@a");
        let relation = |new: &str| stamp(new).relation(&current);
        assert_eq!(relation("17@b by mn1 4f3a 0"), Relation::Newer);
        assert_eq!(relation("15@b by mn1 4f3a 7"), Relation::Older);
        assert_eq!((relation("17@b"), relation("15@b")), (Relation::Newer, Relation::Older));
    }

    #[test]
    fn the_version_is_a_time() {
        assert_eq!(stamp("1795943403000@a").when(), "2026-11-29 09:10:03 UTC");
        assert_eq!(stamp("18446744073709551615@a").when(), "18446744073709551615 ms after 1970");
    }
}
