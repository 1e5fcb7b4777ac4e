//! Decides whether packets arrive, and what is broken. Pure.

use super::ladder::Ladder;
use super::rung::{Layer, Loses, Result, Rung};

/// The result for one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All probes were answered.
    Reaches,
    /// Packets are lost, and a check explains it.
    Broken(Rung),
    /// Packets are lost, and no check explains it.
    Unexplained,
    /// No probe could run, and no check is wrong.
    NotProbed,
}

/// The first check that explains the loss. The probes decide whether there is one.
pub(crate) fn verdict(ladder: &Ladder) -> Verdict {
    let all = || ladder.both.iter().chain(&ladder.forward).chain(&ladder.back);
    let first = |loses: &[Loses]| all().find(|rung| explains(rung, loses)).cloned();
    let (forward, back) = (lost(&ladder.forward), lost(&ladder.back));
    let found = match (forward, back) {
        (Some(Lost::All), _) | (_, Some(Lost::All)) => first(&[Loses::All, Loses::Trust]),
        (Some(Lost::Long), _) | (_, Some(Lost::Long)) => first(&[Loses::Long, Loses::All, Loses::Trust]),
        (None, None) => {
            return match first(&[Loses::All, Loses::Trust]).or_else(|| first(&[Loses::None, Loses::Long])) {
                Some(rung) => Verdict::Broken(rung),
                None => Verdict::NotProbed,
            };
        }
        _ => {
            return match first(&[Loses::Trust]) {
                Some(rung) => Verdict::Broken(rung),
                None => Verdict::Reaches,
            };
        }
    };
    let perhaps = || all().find(|rung| rung.loses == Loses::Perhaps).cloned();
    found.or_else(perhaps).map_or(Verdict::Unexplained, Verdict::Broken)
}

fn explains(rung: &Rung, loses: &[Loses]) -> bool {
    rung.is_wrong() && rung.layer != Layer::Probe && loses.contains(&rung.loses)
}

/// Which probes of a direction were not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    /// Only those with the longest packets.
    Long,
    All,
}

/// `None`: no probe of this direction ran.
fn lost(rungs: &[Rung]) -> Option<Lost> {
    let probes = || rungs.iter().filter(|rung| rung.layer == Layer::Probe && rung.result != Result::Unknown);
    probes().next()?;
    let loses = |what| probes().any(|rung| rung.is_wrong() && rung.loses == what);
    Some(if loses(Loses::All) {
        Lost::All
    } else if loses(Loses::Long) {
        Lost::Long
    } else {
        Lost::Nothing
    })
}

impl Verdict {
    /// Whether the ends reach each other.
    pub(crate) fn reaches(&self) -> bool {
        *self == Self::Reaches
    }
}

/// Wrong checks other than that of the verdict and the probes.
pub(crate) fn others<'a>(ladder: &'a Ladder, verdict: &'a Verdict) -> impl Iterator<Item = &'a Rung> {
    let all = ladder.both.iter().chain(&ladder.forward).chain(&ladder.back);
    let broken = match verdict {
        Verdict::Broken(rung) => Some(rung),
        _ => None,
    };
    all.filter(move |rung| rung.is_wrong() && rung.layer != Layer::Probe && Some(*rung) != broken)
}
