//! `exec`: runs a program in many containers.

use std::cell::Cell;

use serde_json::json;

use super::logs::Lines;
use super::power;
use crate::app::App;
use crate::args::ExecArgs;
use crate::engine::{ContainerId, Engine, EngineError, Piece, Run};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Member, Outcome, Replies, Sequence};
use crate::plan::NotOwn;
use crate::targets;

/// Start of runc's error message, which it writes to the program's output.
const REFUSAL: &[u8] = b"OCI runtime exec failed";

pub(super) async fn run(args: &ExecArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let targets = targets::containers(&nodes, app, &inventory)?;
    let json = app.printer.is_json();
    let worst = Cell::new(0u8);
    let work = |group: Group, replies: Replies| {
        let worst = &worst;
        async move {
            let Group { host, members } = group;
            let listed = match host.engine.containers().await {
                Ok(listed) => listed,
                Err(error) => return replies.end_all(&members, &Outcome::failed(&error)),
            };
            // each program has its own connection
            fleet::each(members, host.requests.div_ceil(2), |member| {
                let (engine, replies) = (&host.engine, &replies);
                let found = power::own(&member, &host, &listed).map(|own| own.id.clone());
                async move {
                    let report = ProgramReport { member: &member, replies, json };
                    let ended = match found {
                        Ok(id) => report.run(engine, &id, &args.command).await,
                        Err(error) => Err(Refused::NotOwn(error)),
                    };
                    worst.set(worst.get().max(status(&ended)));
                    report.end(&ended);
                }
            })
            .await;
        }
    };
    fleet::run(targets, &nodes, Sequence::Noderange, &mut app.printer, work).await;
    Ok(Done::Ended(worst.get()))
}

/// Exit status of the program on one node.
type Ended = Result<i64, Refused>;

/// Reason why the program did not start.
enum Refused {
    NotOwn(NotOwn),
    Engine(EngineError),
    Program(String),
}

fn status(ended: &Ended) -> u8 {
    ended.as_ref().map_or(1, |code| u8::try_from(*code).unwrap_or(u8::MAX))
}

struct ProgramReport<'a> {
    member: &'a Member,
    replies: &'a Replies,
    json: bool,
}

impl ProgramReport<'_> {
    async fn run(&self, engine: &Engine, id: &ContainerId, words: &[String]) -> Ended {
        let run = Run { words, tty: false, input: false, env: &[] };
        let exec = engine.prepare(id, &run).await.map_err(Refused::Engine)?;
        let mut channel = engine.begin(&exec).await.map_err(Refused::Engine)?;
        let mut halves = [Lines::default(), Lines::default()];
        let mut refusal = Vec::new();
        // the engine does not notice a broken connection
        while let Ok(Some(Piece { from_stderr, bytes })) = channel.output.next().await {
            if bytes.starts_with(REFUSAL) || !refusal.is_empty() {
                refusal.extend_from_slice(&bytes);
                continue;
            }
            let [out, err] = &mut halves;
            let half = if from_stderr { err } else { out };
            half.take(&bytes).into_iter().for_each(|line| self.send(from_stderr, &line));
        }
        let [out, err] = halves;
        out.rest().into_iter().for_each(|line| self.send(false, &line));
        err.rest().into_iter().for_each(|line| self.send(true, &line));
        let refusal = String::from_utf8_lossy(&refusal).trim_end().to_owned();
        match engine.ended(&exec).await.map_err(Refused::Engine)? {
            Some(ended) if ended.never_ran && !refusal.is_empty() => Err(Refused::Program(refusal)),
            Some(ended) if !ended.running => {
                refusal.lines().for_each(|line| self.send(false, line));
                Ok(ended.code)
            }
            _ => Err(Refused::Program(
                "the connection ended before the program, which may still run".to_owned(),
            )),
        }
    }

    /// Copies standard output and standard error of the program to our own, like ssh and xdsh. The engine keeps the
    /// order within each stream, but not between them: containerd's shim reads them in parallel.
    fn send(&self, from_stderr: bool, line: &str) {
        let node = self.member.node.as_str();
        let stream = if from_stderr { "stderr" } else { "stdout" };
        let answer = match (self.json, from_stderr) {
            (true, _) => Answer::Line(json!({ "node": node, "stream": stream, "line": line }).to_string()),
            (false, false) => Answer::Line(format!("{node}: {line}")),
            (false, true) => Answer::ErrorLine(format!("{node}: {line}")),
        };
        self.replies.send(self.member, answer);
    }

    fn end(&self, ended: &Ended) {
        let outcome = match ended {
            Ok(code) if self.json => {
                let object = json!({ "node": self.member.node.as_str(), "exit": code });
                self.replies.send(self.member, Answer::Line(object.to_string()));
                Outcome::Silent
            }
            Ok(0) => Outcome::Silent,
            Ok(code) => Outcome::Failed(format!("exit status {code}"), None),
            Err(Refused::NotOwn(error)) => super::not_own(error),
            Err(Refused::Engine(error)) => super::failed(error),
            Err(Refused::Program(text)) => Outcome::Failed(text.clone(), None),
        };
        self.replies.end(self.member, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_is_ours() {
        assert_eq!(
            [Ok(0), Ok(3), Ok(-1), Err(Refused::Program(String::new()))].map(|ended| status(&ended)),
            [0, 3, 255, 1]
        );
    }
}
