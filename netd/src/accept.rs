//! Whether a snapshot may replace the one in force. Pure; the rule holds with and without a running daemon.

use inventory::{NodeName, Snapshot};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What became of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Loaded {
    /// It is in force.
    Delivered(u64),
    /// The one in force says the same; its version.
    Already(u64),
}

/// Why a snapshot is not taken; the one in force stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unacceptable {
    /// Compiled for another host.
    #[error("the snapshot is for {theirs}, but this host is {ours}; run \"xdock sync {ours}\"")]
    OtherHost { theirs: NodeName, ours: NodeName },
    /// The tables have moved on.
    #[error("snapshot {theirs} is older than {ours}, which this host has; run \"xdock sync {host}\"")]
    Older { theirs: u64, ours: u64, host: NodeName },
    /// Two contents cannot have one version.
    #[error(
        "snapshot {version} differs from the one of that version that this host has; run \"xdock sync {host}\""
    )]
    SameVersion { version: u64, host: NodeName },
}

/// Judges. The first snapshot of a host says which host it is, unless `host` does.
pub(crate) fn judge(
    current: Option<&Snapshot>,
    new: &Snapshot,
    host: Option<&NodeName>,
) -> Result<Loaded, Unacceptable> {
    let ours = host.or(current.map(|current| &current.host));
    if let Some(ours) = ours.filter(|ours| **ours != new.host) {
        return Err(Unacceptable::OtherHost { theirs: new.host.clone(), ours: ours.clone() });
    }
    let Some(current) = current else { return Ok(Loaded::Delivered(new.version)) };
    let host = new.host.clone();
    match new.version.cmp(&current.version) {
        _ if new.digest == current.digest => Ok(Loaded::Already(current.version)),
        std::cmp::Ordering::Greater => Ok(Loaded::Delivered(new.version)),
        std::cmp::Ordering::Equal => Err(Unacceptable::SameVersion { version: new.version, host }),
        std::cmp::Ordering::Less => {
            Err(Unacceptable::Older { theirs: new.version, ours: current.version, host })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(host: &str, version: u64, node: &str) -> Snapshot {
        let node = inventory::SnapshotNode {
            node: node.parse().unwrap(),
            host: host.parse().unwrap(),
            nics: Vec::new(),
        };
        Snapshot::seal(host.parse().unwrap(), version, Vec::new(), vec![node])
    }

    #[test]
    fn only_newer_tables_of_this_host_come_into_force() {
        let current = snapshot("dh1", 7, "d1");
        let judge = |new: &Snapshot| judge(Some(&current), new, None).map_err(|no| no.to_string());
        assert_eq!(judge(&snapshot("dh1", 8, "d2")), Ok(Loaded::Delivered(8)));
        assert_eq!(judge(&snapshot("dh1", 9, "d1")), Ok(Loaded::Already(7)), "equal tables");
        assert_eq!(judge(&snapshot("dh1", 3, "d1")), Ok(Loaded::Already(7)), "equal tables");
        let no = |text: &str| Err(text.to_owned());
        assert_eq!(
            judge(&snapshot("dh1", 6, "d2")),
            no("snapshot 6 is older than 7, which this host has; run \"xdock sync dh1\"")
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
    fn the_first_one_says_which_host_this_is_unless_the_caller_does() {
        assert_eq!(judge(None, &snapshot("dh1", 1, "d1"), None), Ok(Loaded::Delivered(1)));
        let told = judge(None, &snapshot("dh1", 1, "d1"), Some(&"dh2".parse().unwrap()));
        assert!(matches!(told, Err(Unacceptable::OtherHost { .. })));
    }
}
