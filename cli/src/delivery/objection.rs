//! Reasons why a host keeps another snapshot, and whether the administrator must decide. Pure.

use inventory::Stamp;
use thiserror::Error;

/// Conflicts that only `xdock sync` resolves. A version alone does not show which tables are right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Objection {
    /// A clock is or was wrong.
    #[error(
        "the tables on {host} are of {}, {ahead} in the future of this management node's clock (made by {}); check the clock, then run \"xdock sync {host}\"",
        held.when(), held.maker()
    )]
    Future {
        host: String,
        /// Its snapshot.
        held: Stamp,
        /// Difference as text.
        ahead: String,
    },
    /// Two management nodes deliver to one host.
    #[error(
        "{host} has the tables of management node {}{} (of {}), not those of {ours}; to replace them run \"xdock sync {host}\"",
        held.maker(), other_installation(held, ours), held.when()
    )]
    Foreign {
        host: String,
        /// Its snapshot.
        held: Stamp,
        /// This management node.
        ours: String,
    },
    /// This management node has lost its epoch.
    #[error(
        "{host} has tables of {} that {ours} made before it was restored or reinstalled; to replace them run \"xdock sync {host}\"",
        held.when()
    )]
    Restored {
        host: String,
        /// Its snapshot.
        held: Stamp,
        /// This management node.
        ours: String,
    },
}

fn other_installation(held: &Stamp, ours: &str) -> &'static str {
    if held.maker() == ours { " (another installation)" } else { "" }
}

/// Checks the snapshot that a host keeps instead of `new`. `None`: it is a later one of this management node, as with
/// two concurrent commands. `now` is in milliseconds since 1970.
pub(crate) fn objection(host: &str, new: &Stamp, held: &Stamp, now: u64) -> Option<Objection> {
    let (host, ours) = (host.to_owned(), new.maker().to_owned());
    let held = held.clone();
    let own_epoch = match (&new.origin, &held.origin) {
        (Some(new), Some(held)) if new.is_same(held) => Some(held.epoch.cmp(&new.epoch)),
        (_, None) => None,
        _ => return Some(Objection::Foreign { host, held, ours }),
    };
    if held.version > now {
        let ahead = span(held.version - now);
        return Some(Objection::Future { host, held, ahead });
    }
    let is_later = held.version >= new.version;
    (own_epoch.is_some_and(std::cmp::Ordering::is_gt) && !is_later).then_some(Objection::Restored {
        host,
        held,
        ours,
    })
}

/// Whether equal tables on a host need the stamp of this management node, so that its next delivery is accepted.
pub(crate) fn is_in_the_way(new: &Stamp, held: &Stamp, now: u64) -> bool {
    let foreign =
        held.origin.as_ref().is_some_and(|held| !new.origin.as_ref().is_some_and(|new| new.is_same(held)));
    foreign || held.version > now
}

/// Formats milliseconds in the largest unit.
fn span(ms: u64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];
    let fitting = units.iter().find(|(length, _)| ms >= *length);
    match fitting.map(|(length, name)| (ms / length, name)) {
        Some((1, name)) => format!("1 {name}"),
        Some((count, name)) => format!("{count} {name}s"),
        None => "less than a second".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_943_403_000;
    const HOUR: u64 = 3_600_000;

    fn stamp(version: u64, rest: &str) -> Stamp {
        format!("{version}@sha256:{rest}").parse().unwrap()
    }

    fn told(held: &Stamp) -> Option<String> {
        let new = stamp(NOW - 500, "ab by mn1 4f3a 2");
        objection("host1", &new, held, NOW).map(|objection| objection.to_string())
    }

    #[test]
    fn tables_of_the_future_name_their_time_and_maker() {
        let text = "the tables on host1 are of 2026-11-29 12:10:03 UTC, 3 hours in the future of this management node's clock (made by mn1); check the clock, then run \"xdock sync host1\"";
        assert_eq!(told(&stamp(NOW + 3 * HOUR, "cd by mn1 4f3a 2")).as_deref(), Some(text));
        let early = text.replace("made by mn1", "made by an earlier release of xdock");
        assert_eq!(told(&stamp(NOW + 3 * HOUR, "cd")), Some(early));
    }

    #[test]
    fn two_management_nodes_are_both_named() {
        let text = "host1 has the tables of management node mn2 (of 2026-11-29 08:10:03 UTC), not those of mn1; to replace them run \"xdock sync host1\"";
        assert_eq!(told(&stamp(NOW - HOUR, "cd by mn2 4f3a 0")).as_deref(), Some(text));
        let reinstalled = text.replace("mn2", "mn1 (another installation)");
        assert_eq!(told(&stamp(NOW - HOUR, "cd by mn1 77 0")), Some(reinstalled));
    }

    #[test]
    fn a_management_node_that_was_restored_is_told() {
        let text = "host1 has tables of 2026-11-29 08:10:03 UTC that mn1 made before it was restored or reinstalled; to replace them run \"xdock sync host1\"";
        assert_eq!(told(&stamp(NOW - HOUR, "cd by mn1 4f3a 3")).as_deref(), Some(text));
    }

    #[test]
    fn later_tables_of_another_command_are_as_good() {
        for later in ["cd by mn1 4f3a 2", "cd by mn1 4f3a 3", "cd"] {
            assert_eq!(told(&stamp(NOW - 200, later)), None);
        }
    }

    #[test]
    fn equal_tables_keep_their_stamp_unless_it_would_be_in_the_way() {
        let new = stamp(NOW, "ab by mn1 4f3a 2");
        let in_the_way = |held: &Stamp| is_in_the_way(&new, held, NOW);
        assert!(!in_the_way(&stamp(NOW - HOUR, "ab by mn1 4f3a 0")) && !in_the_way(&stamp(NOW - HOUR, "ab")));
        assert!(in_the_way(&stamp(NOW + HOUR, "ab by mn1 4f3a 2")) && in_the_way(&stamp(NOW + HOUR, "ab")));
        assert!(in_the_way(&stamp(NOW - HOUR, "ab by mn2 4f3a 0")));
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let spans =
            [(500, "less than a second"), (1000, "1 second"), (61_000, "1 minute"), (2 * HOUR, "2 hours")];
        for (ms, text) in spans {
            assert_eq!(span(ms), text);
        }
        assert_eq!(span(50 * HOUR), "2 days");
    }
}
