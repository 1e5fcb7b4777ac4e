//! Measured times and their statistics.

use std::time::Instant;

/// Milliseconds since then.
pub(super) fn ms_since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// The middle one: half of the samples are at most that.
pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Samples of ours and of the peer, taken in turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Duel {
    pub(super) ours: Vec<f64>,
    pub(super) peer: Vec<f64>,
}

impl Duel {
    /// Both medians.
    pub(super) fn medians(&self) -> (f64, f64) {
        (median(&self.ours), median(&self.peer))
    }

    /// The median of the rounds' own ratios. Both samples of a round are of one moment, so that a machine that is busy
    /// for a while does not decide.
    pub(super) fn ratio(&self) -> f64 {
        self.of_rounds(|ours, peer| ours / peer)
    }

    /// How far the rounds' ratios are apart: half of them lie within. A difference smaller than that is no news.
    pub(super) fn spread(&self) -> String {
        let mut ratios = self.ours.iter().zip(&self.peer).map(|(ours, peer)| ours / peer).collect::<Vec<_>>();
        ratios.sort_by(f64::total_cmp);
        let at = |quarters: usize| ratios.get(ratios.len() * quarters / 4).copied().unwrap_or(f64::NAN);
        format!("{} rounds, the ratio of half of them within {:.2} to {:.2}", ratios.len(), at(1), at(3))
    }

    /// The median of how much ours is more, in the same way.
    pub(super) fn more(&self) -> f64 {
        self.of_rounds(|ours, peer| ours - peer)
    }

    fn of_rounds(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        median(&self.ours.iter().zip(&self.peer).map(|(ours, peer)| of(*ours, *peer)).collect::<Vec<_>>())
    }

    /// Keeps a round, unless it is one to warm up.
    pub(super) fn add(&mut self, round: usize, warm_ups: usize, ours: f64, peer: f64) {
        if round >= warm_ups {
            self.ours.push(ours);
            self.peer.push(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_and_of_nothing_no_number() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn one_busy_moment_does_not_decide() {
        let duel = Duel { ours: vec![10.0, 30.0, 9.0], peer: vec![10.0, 60.0, 10.0] };
        assert_eq!((duel.ratio(), duel.more()), (0.9, -1.0));
        assert_eq!(duel.medians(), (10.0, 10.0));
        assert_eq!(duel.spread(), "3 rounds, the ratio of half of them within 0.50 to 1.00");
    }

    #[test]
    fn warm_ups_do_not_count() {
        let mut duel = Duel::default();
        (0..3).for_each(|round| duel.add(round, 2, round as f64, 9.0));
        assert_eq!(duel.medians(), (2.0, 9.0));
        assert_eq!(duel.ours.len(), 1);
    }
}
