//! Time as records need it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Milliseconds since the machine started, suspend included (`CLOCK_BOOTTIME`).
///
/// Records outlive the daemon but not a reboot, so this clock orders them, and setting the date does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Now. A kernel without this clock (none since 2.6.39) has all moments at once.
    pub(crate) fn now() -> Self {
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Self(0), |time| {
            let time = Duration::from(time);
            Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// How long it is since an earlier moment; nothing if that is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// A moment later than this.
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_ordered_and_never_negative() {
        let first = Moment::now();
        let later = first.after(Duration::from_millis(5));
        assert_eq!(later.since(first), Duration::from_millis(5));
        assert_eq!(first.since(later), Duration::ZERO);
    }
}
