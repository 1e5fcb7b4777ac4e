//! The clock of records.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Milliseconds since boot, including suspend (`CLOCK_BOOTTIME`).
///
/// Endpoint records outlive the daemon but not a reboot. This clock orders them, and setting the date does
/// not change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BootTime(u64);

impl BootTime {
    /// The current time; 0 on a kernel without this clock (before 2.6.39).
    pub(crate) fn now() -> Self {
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Self(0), |time| {
            let time = Duration::from(time);
            Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The time `span` after this.
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ordered_and_never_negative() {
        let first = BootTime::now();
        let later = first.after(Duration::from_millis(5));
        assert_eq!(later.since(first), Duration::from_millis(5));
        assert_eq!(first.since(later), Duration::ZERO);
    }
}
