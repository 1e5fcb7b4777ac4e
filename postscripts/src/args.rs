//! The command line: `xdockhost [STEP...] [KEY=VALUE...] [--dry-run]`.
//!
//! xCAT splits a postscript's arguments with the shell a second time, so a value has neither blanks, quotes nor
//! commas (xCAT's xcatdsklspost, `./$@`).

use clap::Parser;
use thiserror::Error;

const HELP: &str = "\
Steps, in the order in which they run; none named: all of them.
  docker    install the engine from the distribution's packages
  network   make the bridges of the tables over this host's NICs, now and at every boot
  netd      install the daemon netd, its units and this host's snapshot
  status    say what is installed; changes nothing

Keys:
  unsigned=yes    accept the management node's own flat package directory
                  /install/post/otherpkgs/OSVER/ARCH, whose index nobody signed
  packages=A:B    packages of the docker step, instead of docker.io:iptables

The cluster's side comes from the environment that xCAT exports (NODE, MASTER_IP, NICIPS, NETWORKS_LINES ...):
  updatenode host1 -P xdock
  updatenode host1 -P \"xdock network --dry-run\"

Exit status: 0 done or nothing to do, 1 a step failed, 2 wrong usage.";

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "xdockhost", version, about = "Makes this machine a docker host", after_help = HELP)]
pub struct Arguments {
    /// Steps and keys
    #[arg(value_name = "STEP|KEY=VALUE")]
    pub words: Vec<String>,
    /// Print the plan and the difference of every file; change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A part of the work, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The engine.
    Docker,
    /// The bridges.
    Network,
    /// The daemon.
    Netd,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Network, Self::Netd];

    /// As it is typed and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Network => "network",
            Self::Netd => "netd",
        }
    }
}

/// What is wanted: the words, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Say what is installed.
    Status,
    /// Run steps.
    Run(Work),
}

/// Steps and how they shall go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Each once, in order.
    pub steps: Vec<Step>,
    /// Change nothing.
    pub dry_run: bool,
    /// `unsigned=yes`: a package index without a signature is accepted.
    pub unsigned: bool,
    /// What the docker step installs.
    pub packages: Vec<String>,
}

/// Words that are no request.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum UsageError {
    /// No such step.
    #[error("unknown step {0:?}; steps are all, docker, network, netd and status")]
    Step(String),
    /// No such key.
    #[error("unknown key {0:?}; keys are unsigned=yes|no and packages=NAME:NAME")]
    Key(String),
    /// A value that the key can not have.
    #[error("{key}={value}: {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// As typed.
        value: String,
        /// What it can be.
        wanted: &'static str,
    },
    /// `status` together with a step.
    #[error("status stands alone: it changes nothing")]
    StatusAndSteps,
}

impl Arguments {
    /// Parses the words.
    ///
    /// # Errors
    /// Names the word.
    pub fn request(&self) -> Result<Request, UsageError> {
        let mut work =
            Work { steps: Vec::new(), dry_run: self.dry_run, unsigned: false, packages: default_packages() };
        let mut status = false;
        for word in &self.words {
            match (word.split_once('='), word.as_str()) {
                (Some((key, value)), _) => work.set(key, value)?,
                (None, "all") => work.steps.extend(Step::ALL),
                (None, "status") => status = true,
                (None, name) => work.steps.push(step(name)?),
            }
        }
        match (status, work.steps.is_empty()) {
            (true, true) => return Ok(Request::Status),
            (true, false) => return Err(UsageError::StatusAndSteps),
            (false, true) => work.steps.extend(Step::ALL),
            (false, false) => {}
        }
        work.steps.sort();
        work.steps.dedup();
        Ok(Request::Run(work))
    }
}

impl Work {
    fn set(&mut self, key: &str, value: &str) -> Result<(), UsageError> {
        match key {
            "unsigned" => self.unsigned = yes_or_no(value)?,
            "packages" => self.packages = packages(value)?,
            _ => return Err(UsageError::Key(key.to_owned())),
        }
        Ok(())
    }
}

fn step(name: &str) -> Result<Step, UsageError> {
    Step::ALL.into_iter().find(|step| step.name() == name).ok_or_else(|| UsageError::Step(name.to_owned()))
}

fn default_packages() -> Vec<String> {
    // docker.io only recommends iptables, and does not start without it
    vec!["docker.io".to_owned(), "iptables".to_owned()]
}

fn yes_or_no(value: &str) -> Result<bool, UsageError> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(UsageError::Value { key: "unsigned", value: value.to_owned(), wanted: "yes or no" }),
    }
}

/// Names of packages as Debian's policy 5.6.7 has them; that also keeps apt's own options out.
fn packages(value: &str) -> Result<Vec<String>, UsageError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    let valid = |name: &str| {
        name.bytes().all(plain) && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let names: Vec<String> = value.split(':').map(str::to_owned).collect();
    if names.iter().all(|name| valid(name)) {
        return Ok(names);
    }
    Err(UsageError::Value {
        key: "packages",
        value: value.to_owned(),
        wanted: "names of packages, joined by :",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Result<Request, UsageError> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Arguments { words, dry_run: false }.request()
    }

    fn steps(words: &[&str]) -> Vec<Step> {
        match request(words).unwrap() {
            Request::Run(work) => work.steps,
            Request::Status => panic!("status"),
        }
    }

    #[test]
    fn steps_run_once_and_in_their_order() {
        assert_eq!(steps(&[]), Step::ALL);
        assert_eq!(steps(&["all"]), Step::ALL);
        assert_eq!(steps(&["unsigned=yes"]), Step::ALL);
        assert_eq!(steps(&["netd", "docker", "netd"]), [Step::Docker, Step::Netd]);
        assert_eq!(request(&["status"]), Ok(Request::Status));
    }

    #[test]
    fn wrong_words_are_named() {
        let text = |words: &[&str]| request(words).unwrap_err().to_string();
        assert_eq!(
            text(&["nettwork"]),
            "unknown step \"nettwork\"; steps are all, docker, network, netd and status"
        );
        assert_eq!(
            text(&["sign=no"]),
            "unknown key \"sign\"; keys are unsigned=yes|no and packages=NAME:NAME"
        );
        assert_eq!(text(&["unsigned=1"]), "unsigned=1: yes or no");
        assert_eq!(text(&["packages=-o"]), "packages=-o: names of packages, joined by :");
        assert_eq!(text(&["packages="]), "packages=: names of packages, joined by :");
        assert_eq!(text(&["status", "netd"]), "status stands alone: it changes nothing");
    }
}
