//! `xdockhost status`: shows what is installed on this host and what differs from the plan. The plan uses the
//! tables of xCAT's last run. Changes nothing.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use process::Command;
use serde_json::{Map, Value, json};

use super::{Outcome, Plan, Run, docker, network, outcome};
use crate::args::{RunOptions, Step};
use crate::environment::{Environment, REMEMBERED};
use crate::log::{Log, say};
use crate::render::{OVERRIDES, Templates};

const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

/// Status of one step.
struct Part {
    step: Step,
    /// Installed parts, one line each.
    facts: Vec<String>,
    state: State,
}

enum State {
    AsPlanned,
    /// What a run would change.
    Drifted(Vec<String>),
    /// Why the state is unknown.
    Unknown(String),
}

/// Prints the status. The exit status is 1 if something differs or cannot be compared.
pub async fn run(json: bool, log: Log) -> ExitCode {
    let environment = Environment::remembered(Path::new(REMEMBERED));
    let templates = Templates::new(Path::new(OVERRIDES));
    let run = match environment {
        Ok(Some(environment)) => Ok(Run { environment, options: RunOptions::for_status(), templates, log }),
        Ok(None) => Err("no step has run on this host; run updatenode NODE -P xdock".to_owned()),
        Err(error) => Err(chain::chain(&error)),
    };
    let mut parts = Vec::new();
    for step in Step::ALL {
        let state = match &run {
            Ok(run) => compared(step, run).await,
            Err(why) => State::Unknown(why.clone()),
        };
        parts.push(Part { step, facts: facts(step).await, state });
    }
    match json {
        true => say(&Value::Object(parts.iter().map(Part::json).collect()).to_string()),
        false => parts.iter().flat_map(Part::lines).for_each(|line| say(&line)),
    }
    let good = parts.iter().all(|part| matches!(part.state, State::AsPlanned));
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn compared(step: Step, run: &Run) -> State {
    match outcome(step, run).await {
        Ok(Outcome::Planned(plan)) => of_plan(&plan),
        Ok(_) => State::AsPlanned,
        Err(error) => State::Unknown(chain::chain(&*error)),
    }
}

fn of_plan(plan: &Plan) -> State {
    let lines: Vec<String> = plan.lines().collect();
    if lines.is_empty() { State::AsPlanned } else { State::Drifted(lines) }
}

async fn facts(step: Step) -> Vec<String> {
    match step {
        Step::Docker => {
            let version = answer("docker", &["version", "--format", "{{.Server.Version}}"]).await;
            let version = version.map_or("no engine answers".to_owned(), |text| format!("engine {text}"));
            let port = match docker::secure::listens() {
                Ok(port) => port.map(|at| format!("listens at {at} with mutual TLS")),
                Err(error) => Some(chain::chain(&error)),
            };
            std::iter::once(version).chain(port).collect()
        }
        Step::Network => {
            let bridges =
                answer("ip", &["-br", "address", "show", "type", "bridge"]).await.unwrap_or_default();
            let ours = bridges.lines().filter(|line| !line.starts_with("docker0 "));
            let ours =
                ours.map(|line| format!("bridge {}", line.split_whitespace().collect::<Vec<_>>().join(" ")));
            ours.chain(network::heal::status().await).collect()
        }
        Step::Netd => {
            let output = answer("/opt/xdock/bin/netd", &["status"]).await;
            output
                .map_or(vec!["does not answer".to_owned()], |text| text.lines().map(str::to_owned).collect())
        }
    }
}

async fn answer(program: &str, words: &[&str]) -> Option<String> {
    Command::new(program, QUERY_TIMEOUT).args(words).execute().await.ok().map(|output| output.text())
}

impl Part {
    fn lines(&self) -> Vec<String> {
        let state = match &self.state {
            State::AsPlanned => "as planned".to_owned(),
            State::Drifted(steps) => format!("drifted: a run would {}", steps.join("; ")),
            State::Unknown(why) => format!("cannot be compared: {why}"),
        };
        let lines = self.facts.iter().chain([&state]);
        lines.map(|line| format!("xdock: {}: {line}", self.step.name())).collect()
    }

    fn json(&self) -> (String, Value) {
        let mut part = Map::from_iter([("facts".to_owned(), json!(self.facts))]);
        let (key, value) = match &self.state {
            State::AsPlanned => ("drift", json!([])),
            State::Drifted(steps) => ("drift", json!(steps)),
            State::Unknown(why) => ("unknown", json!(why)),
        };
        part.insert(key.to_owned(), value);
        (self.step.name().to_owned(), Value::Object(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(state: State) -> Part {
        Part { step: Step::Network, facts: vec!["bridge br0 UP".to_owned()], state }
    }

    #[test]
    fn text_and_json_agree() {
        let drifted = part(State::Drifted(vec!["add bridge br0".to_owned(), "write /etc/x".to_owned()]));
        assert_eq!(
            drifted.lines(),
            [
                "xdock: network: bridge br0 UP",
                "xdock: network: drifted: a run would add bridge br0; write /etc/x"
            ]
        );
        assert_eq!(
            drifted.json().1,
            json!({ "facts": ["bridge br0 UP"], "drift": ["add bridge br0", "write /etc/x"] })
        );
        assert_eq!(part(State::AsPlanned).json().1["drift"], json!([]));
    }
}
