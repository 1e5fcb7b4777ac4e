//! A line of the table.

use serde::Serialize;

use super::samples::Duel;

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reach {
    /// The value itself.
    AtMost(f64),
    /// The peer's value and that.
    PeerAndAtMost(f64),
    /// That many times the peer's value.
    RatioAtMost(f64),
    /// That many times the peer's value.
    RatioAtLeast(f64),
}

/// A figure, measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    name: String,
    value: Option<f64>,
    unit: &'static str,
    peer: Option<&'static str>,
    peer_value: Option<f64>,
    ratio: Option<f64>,
    reach: String,
    ok: bool,
    /// Why it could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Row {
    /// A figure that has no peer.
    pub(super) fn alone(name: &'static str, value: f64, unit: &'static str, limit: f64) -> Self {
        let reach = format!("<= {limit} {unit}");
        // written so that no number is no success
        let ok = value <= limit;
        let value = Some(rounded(value));
        let (name, error) = (name.to_owned(), None);
        Self { name, value, unit, peer: None, peer_value: None, ratio: None, reach, ok, error }
    }

    /// A figure that could not be measured: it misses.
    pub fn failed(name: &str, error: &str) -> Self {
        let (name, error) = (name.to_owned(), Some(error.to_owned()));
        let (value, peer, peer_value, ratio) = (None, None, None, None);
        let reach = "not measured".to_owned();
        Self { name, value, unit: "-", peer, peer_value, ratio, reach, ok: false, error }
    }

    /// A figure beside its peer's, measured in rounds.
    pub(super) fn against(
        name: &'static str,
        duel: &Duel,
        unit: &'static str,
        peer: &'static str,
        reach: Reach,
    ) -> Self {
        let (value, peer_value) = duel.medians();
        let ratio = duel.ratio();
        let (reach, ok) = match reach {
            Reach::AtMost(limit) => (format!("<= {limit} {unit}"), value <= limit),
            Reach::PeerAndAtMost(more) => (format!("<= peer + {more} {unit}"), duel.more() <= more),
            Reach::RatioAtMost(limit) => (format!("ratio <= {limit}"), ratio <= limit),
            Reach::RatioAtLeast(limit) => (format!("ratio >= {limit}"), ratio >= limit),
        };
        let (peer, peer_value, ratio) = (Some(peer), Some(rounded(peer_value)), Some(rounded(ratio)));
        let (name, value, error) = (name.to_owned(), Some(rounded(value)), None);
        Self { name, value, unit, peer, peer_value, ratio, reach, ok, error }
    }

    /// The figure's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it reaches what it must.
    pub fn is_reached(&self) -> bool {
        self.ok
    }

    /// The titles over [`Row::line`].
    pub fn titles() -> String {
        line(["figure", "value", "unit", "peer", "peer's", "ratio", "to reach", "ok"])
    }

    /// For a person.
    pub fn line(&self) -> String {
        let number = |number: Option<f64>| number.map_or("-".to_owned(), shown);
        line([
            &self.name,
            &number(self.value),
            self.unit,
            self.peer.unwrap_or("-"),
            &number(self.peer_value),
            &number(self.ratio),
            &self.reach,
            if self.ok { "yes" } else { "NO" },
        ])
    }

    /// For a program: one object on one line.
    pub fn json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

fn line([name, value, unit, peer, peer_value, ratio, reach, ok]: [&str; 8]) -> String {
    format!("{name:<15} {value:>8} {unit:<7} {peer:<30} {peer_value:>8} {ratio:>7}  {reach:<16} {ok}")
}

/// What is behind the third digit is noise.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn shown(number: f64) -> String {
    let digits = if number.abs() >= 100.0 { 0 } else { 2 };
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against(value: f64, reach: Reach) -> Row {
        Row::against("start", &Duel { ours: vec![value], peer: vec![300.0] }, "ms", "bridge", reach)
    }

    #[test]
    fn a_limit_is_reached_when_met_exactly_and_no_number_never_reaches_one() {
        assert!(Row::alone("x", 3.0, "ms", 3.0).is_reached());
        assert!(!Row::alone("x", f64::NAN, "ms", 3.0).is_reached());
        assert!(against(300.0, Reach::RatioAtMost(1.0)).is_reached());
        assert!(!against(303.0, Reach::RatioAtMost(1.0)).is_reached());
        assert!(against(340.0, Reach::PeerAndAtMost(40.0)).is_reached());
        assert!(!against(290.0, Reach::RatioAtLeast(0.98)).is_reached());
    }

    #[test]
    fn a_figure_that_fails_is_a_row_that_misses() {
        let row = Row::failed("start-overlay", "no swarm");
        assert!(!row.is_reached());
        assert_eq!(
            row.line().split_whitespace().collect::<Vec<_>>(),
            ["start-overlay", "-", "-", "-", "-", "-", "not", "measured", "NO"]
        );
        assert_eq!(
            row.json(),
            r#"{"error":"no swarm","name":"start-overlay","ok":false,"peer":null,"peer_value":null,"ratio":null,"reach":"not measured","unit":"-","value":null}"#
        );
    }

    #[test]
    fn json_has_the_promised_keys_also_without_a_peer() {
        assert_eq!(
            Row::alone("netd-calls", 2.5, "ms", 3.0).json(),
            r#"{"name":"netd-calls","ok":true,"peer":null,"peer_value":null,"ratio":null,"reach":"<= 3 ms","unit":"ms","value":2.5}"#
        );
    }
}
