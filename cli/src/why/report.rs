//! The result as text and JSON.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::facts::EndFacts;
use super::ladder::{Ladder, ladder, tables_only};
use super::path::Path;
use super::rung::{Layer, Loses, Result, Rung};
use super::verdict::{Verdict, others, verdict};

/// Result of all paths between two ends.
#[derive(Debug)]
pub(crate) struct Report {
    from: String,
    to: String,
    paths: Vec<PathReport>,
}

#[derive(Debug)]
struct PathReport {
    title: String,
    path: Option<Path>,
    ladder: Ladder,
    verdict: Verdict,
}

/// How a check is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Broken,
    Warning,
    Unknown,
    NotReached,
}

impl Report {
    /// Judges all paths.
    pub(crate) fn new(paths: &[Path], from: &EndFacts, to: &EndFacts) -> Self {
        let (one, other) = (&from.end.name, &to.end.name);
        let mut reports: Vec<PathReport> = paths
            .iter()
            .map(|path| {
                let on = match &path.network {
                    Some(network) => format!("network {network}"),
                    None => "through a gateway".to_owned(),
                };
                let title = format!(
                    "{} <-> {}, {on}",
                    titled(one, path.from.address),
                    titled(other, path.to.address)
                );
                PathReport::new(title, Some(path.clone()), ladder(path, from, to))
            })
            .collect();
        if reports.is_empty() {
            reports.push(PathReport::new(format!("{one} <-> {other}"), None, tables_only(from, to)));
        }
        Self { from: one.clone(), to: other.clone(), paths: reports }
    }

    /// Whether all paths work in both directions.
    pub(crate) fn reaches(&self) -> bool {
        self.paths.iter().all(|path| path.verdict.reaches())
    }

    /// The text for people. The last lines are the verdicts.
    pub(crate) fn lines(&self, colours: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for path in &self.paths {
            lines.extend(path.lines(&self.from, &self.to, colours));
        }
        lines.extend(self.verdicts());
        lines
    }

    /// One line for each problem, and the verdicts last: those of paths that are broken at the very end.
    pub(crate) fn verdicts(&self) -> Vec<String> {
        // one line if all paths work
        let several = self.paths.len() > 1 && !self.reaches();
        let broken = |rung: &Rung| {
            self.paths.iter().any(|path| matches!(&path.verdict, Verdict::Broken(broken) if broken == rung))
        };
        let others = self.paths.iter().flat_map(|path| others(&path.ladder, &path.verdict));
        let notes = others.filter(|rung| !broken(rung)).map(|rung| format!("also wrong: {}", sentence(rung)));
        let mut paths: Vec<&PathReport> = self.paths.iter().collect();
        paths.sort_by_key(|path| !path.verdict.reaches());
        let verdicts = paths.into_iter().map(|path| path.verdict_line(&self.from, &self.to, several));
        let mut lines: Vec<String> = Vec::new();
        for line in notes.chain(verdicts) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// One object.
    pub(crate) fn json(&self) -> Value {
        let paths: Vec<Value> = self.paths.iter().map(PathReport::json).collect();
        json!({ "from": self.from, "to": self.to, "reaches": self.reaches(), "paths": paths, "verdict": self.verdicts().join("; ") })
    }
}

impl PathReport {
    fn new(title: String, path: Option<Path>, ladder: Ladder) -> Self {
        let verdict = verdict(&ladder);
        Self { title, path, ladder, verdict }
    }

    fn lines(&self, from: &str, to: &str, colours: bool) -> Vec<String> {
        let Ladder { both, forward, back } = &self.ladder;
        let mut lines = vec![self.title.clone()];
        let mut reached = true;
        let mut section = |rungs: &[Rung]| {
            let mut written = Vec::new();
            for rung in rungs {
                let mark = self.mark(rung, &mut reached);
                written.push(line(rung, mark, colours));
            }
            written
        };
        lines.extend(section(both));
        for (title, rungs) in [(format!("{from} -> {to}"), forward), (format!("{to} -> {from}"), back)] {
            if !rungs.is_empty() {
                lines.push(title);
                lines.extend(section(rungs));
            }
        }
        lines
    }

    /// Checks after the broken one were made too, but say nothing about a packet that does not get there.
    fn mark(&self, rung: &Rung, reached: &mut bool) -> Mark {
        let is_broken = matches!(&self.verdict, Verdict::Broken(broken) if broken == rung);
        if is_broken {
            *reached = false;
            return Mark::Broken;
        }
        match (rung.layer, rung.result) {
            (Layer::Probe, Result::Ok) => Mark::Ok,
            (Layer::Probe, Result::Wrong) => Mark::Broken,
            (_, Result::Wrong) => Mark::Warning,
            _ if !*reached => Mark::NotReached,
            (_, Result::Ok) => Mark::Ok,
            (_, Result::Unknown) => Mark::Unknown,
        }
    }

    fn verdict_line(&self, from: &str, to: &str, several: bool) -> String {
        let at = match &self.path {
            Some(path) if several => format!(" at {}", path.to.address),
            _ => String::new(),
        };
        match &self.verdict {
            Verdict::Reaches => format!("{from} and {to} reach each other{at}"),
            Verdict::Broken(rung) if rung.loses == Loses::Long => {
                format!("{from} and {to} lose long packets{at}: {}", sentence(rung))
            }
            Verdict::Broken(rung) => {
                format!("{from} and {to} do not reach each other{at}: {}", sentence(rung))
            }
            Verdict::Unexplained => format!(
                "{from} and {to} lose packets{at}, and no check explains it; checked: {}",
                self.checked()
            ),
            Verdict::NotProbed => format!("{from} and {to}{at}: nothing is wrong, but no probe could run"),
        }
    }

    /// Names of the layers that were checked, without repetition.
    fn checked(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        let Ladder { both, forward, back } = &self.ladder;
        for rung in both.iter().chain(forward).chain(back) {
            if rung.result == Result::Ok && !names.contains(&rung.layer.name()) {
                names.push(rung.layer.name());
            }
        }
        names.join(", ")
    }

    fn json(&self) -> Value {
        let direction = |name: &str, rungs: &[Rung]| -> Vec<Value> {
            rungs.iter().map(|rung| with_direction(rung, name)).collect()
        };
        let Ladder { both, forward, back } = &self.ladder;
        let rungs =
            [direction("both", both), direction("forward", forward), direction("back", back)].concat();
        let (broken, verdict) = match &self.verdict {
            Verdict::Reaches => (Value::Null, "reaches"),
            Verdict::Broken(rung) => (json!(rung), "broken"),
            Verdict::Unexplained => (Value::Null, "unexplained"),
            Verdict::NotProbed => (Value::Null, "not probed"),
        };
        json!({
            "from": self.path.as_ref().map(|path| path.from.address),
            "to": self.path.as_ref().map(|path| path.to.address),
            "network": self.path.as_ref().and_then(|path| path.network.as_ref()),
            "verdict": verdict,
            "broken": broken,
            "also_wrong": others(&self.ladder, &self.verdict).collect::<Vec<_>>(),
            "rungs": rungs,
        })
    }
}

fn titled(name: &str, address: IpAddr) -> String {
    let address = address.to_string();
    if name == address { address } else { format!("{name} {address}") }
}

fn with_direction(rung: &Rung, direction: &str) -> Value {
    let mut value = json!(rung);
    if let Value::Object(fields) = &mut value {
        fields.insert("direction".to_owned(), direction.into());
    }
    value
}

/// `port host1c1: xh01 is in no bridge; correct it with: netd reconcile`
fn sentence(rung: &Rung) -> String {
    let fix = rung.fix.as_ref().map(|fix| format!("; to correct it: {fix}")).unwrap_or_default();
    format!("{} {}: {}{fix}", rung.layer.name(), rung.at, rung.is)
}

fn line(rung: &Rung, mark: Mark, colours: bool) -> String {
    let (word, colour) = match mark {
        Mark::Ok => ("ok", None),
        Mark::Broken => ("BROKEN", Some(31)),
        Mark::Warning => ("wrong", Some(33)),
        Mark::Unknown => ("?", None),
        Mark::NotReached => ("-", None),
    };
    let is = if mark == Mark::NotReached { "not reached" } else { &rung.is };
    let text = format!("  {word:<7} {:<10} {:<10} {} | {is}", rung.layer.name(), rung.at, rung.should);
    match colour.filter(|_| colours) {
        Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        None => text,
    }
}
