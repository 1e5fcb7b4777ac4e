//! The delay before the next connection attempt.

use std::time::Duration;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(8);

/// A connection that lasted this long resets the delay.
const STABLE_AFTER: Duration = Duration::from_secs(1);

/// Counts failed attempts.
pub(super) struct Backoff {
    remotes: u32,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(remotes: usize) -> Self {
        Self { remotes: u32::try_from(remotes).unwrap_or(u32::MAX).max(1), failures: 0 }
    }

    /// The delay after an attempt whose server was usable for `lasted`. `jitter` is between 0 and 1, so that many
    /// clients of one server do not reconnect at the same time.
    ///
    /// There is no delay before the next remote until all were tried.
    pub(super) fn next(&mut self, lasted: Duration, jitter: f64) -> Duration {
        if lasted >= STABLE_AFTER {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        if !self.failures.is_multiple_of(self.remotes) {
            return Duration::ZERO;
        }
        let round = self.failures / self.remotes;
        let doubled = FIRST_DELAY.saturating_mul(1 << (round - 1).min(10));
        doubled.min(MAX_DELAY).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(remotes: usize, attempts: usize) -> Vec<u128> {
        let mut backoff = Backoff::new(remotes);
        (0..attempts).map(|_| backoff.next(Duration::ZERO, 1.0).as_millis()).collect()
    }

    #[test]
    fn grows_to_the_longest() {
        assert_eq!(delays(1, 9), [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000]);
    }

    #[test]
    fn one_delay_a_round() {
        assert_eq!(delays(3, 7), [0, 0, 100, 0, 0, 200, 0]);
    }

    #[test]
    fn a_good_connection_begins_anew() {
        let mut backoff = Backoff::new(1);
        backoff.next(Duration::ZERO, 1.0);
        assert_eq!(backoff.next(Duration::from_millis(900), 0.0).as_millis(), 100);
        assert_eq!(backoff.next(Duration::from_secs(1), 0.0).as_millis(), 50);
    }
}
