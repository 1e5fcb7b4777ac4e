//! The command line: `xdockhost [STEP...] [KEY=VALUE...] [--dry-run]`.
//!
//! xCAT splits a postscript's arguments with the shell a second time, so a value contains no blanks, quotes
//! or commas (xCAT's xcatdsklspost, `./$@`).

mod value;

use std::path::PathBuf;

use clap::Parser;
use thiserror::Error;

use crate::old_call::{self, OldCallError, OldNetwork};

const HELP: &str = "\
Steps, in the order in which they run [default: docker network netd]:
  docker    install the engine from the distribution's packages
  network   configure the bridges from the tables over this host's NICs, now and for every boot
  netd      install the daemon netd, its units and this host's snapshot
  status    show what is installed and what differs from the plan; changes nothing; accepts --json

  engine request, engine install    run by \"xdock host HOST enroll\" to set up mutual TLS

Keys:
  unsigned=yes    accept unsigned packages from the management node's directory (osimage's otherpkgdir, else
                  /install/post/otherpkgs/OSVER/ARCH)
  packages=A:B    packages for the docker step, instead of the distribution's default
  registry=HOST:PORT  registry mirror that engines try before Docker Hub
  data-root=/PATH     directory for the engine's images and containers
  override=KEY:KEY    keys of /etc/docker/daemon.json to overwrite; add the word abandon to change data-root although
                      the old one holds containers or images
  confirm=30          seconds to wait for the management node's answer through the new network before rolling back
  firewall=ignore     change the network even if the firewall accepts ssh only on a device that becomes a bridge port, and
                      do not roll back if ssh from the management node fails

Cluster data comes from the environment that xCAT exports (NODE, MASTER_IP, NICIPS, NETWORKS_LINES ...):
  updatenode host1 -P xdock
  updatenode host1 -P \"xdock network --dry-run\"

The call of xCAT's former postscript still works; it creates a bridge that is not in the tables:
  updatenode host1 -P \"setupdockerhost mynet0=10.0.0.0/16@10.0.101.1:eth0\"

Exit status: 0 success or nothing to do, 1 a step failed, 2 usage error.";

/// Command line of `xdockhost`.
#[derive(Debug, Parser)]
#[command(name = "xdockhost", version, about = "Configure this machine as a docker host", after_help = HELP)]
pub struct Arguments {
    /// Steps and options
    #[arg(value_name = "STEP|KEY=VALUE")]
    pub words: Vec<String>,
    /// Show the plan and a diff of every file; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With status: print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// The steps, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The engine.
    Docker,
    /// The network devices.
    Network,
    /// netd.
    Netd,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Network, Self::Netd];

    /// Name on the command line and in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Network => "network",
            Self::Netd => "netd",
        }
    }
}

/// The parsed command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Show what is installed and what differs from the plan.
    Status {
        /// As JSON.
        json: bool,
    },
    /// Run steps.
    Run(RunOptions),
    /// A job that units start.
    Job(Job),
    /// `restore`: restore the parts of the confirmed network that no network manager restores.
    Restore,
    /// `watch`: restore what goes missing of the confirmed network while the host runs.
    Watch,
    /// `engine WORD`: the host's part of an enrolment.
    Engine(EngineCall),
    /// `engine shutdown`: runs when docker.service stops. During a shutdown, the engine stops its containers.
    Shutdown,
    /// `engine stopped`: runs after docker.service has stopped and removes what a killed `engine shutdown`
    /// left.
    Stopped,
}

/// Commands of the management node during an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineCall {
    /// `request`: create a key and write the certificate request to standard output.
    Request,
    /// `install`: read the certificate from standard input, and let the engine listen with it.
    Install,
}

/// Jobs that units and the network step start, not people. Each may have its state directory
/// (`state=/DIRECTORY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// `guard`: roll back a network change unless it is confirmed.
    Guard(Option<PathBuf>),
    /// `recover`: roll back changes that were interrupted before this boot.
    Recover(Option<PathBuf>),
    /// `confirm-boot`: keep a new network after its first boot if the probes are answered.
    ConfirmBoot(Option<PathBuf>),
}

/// The steps and their options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// Each step once, in order.
    pub steps: Vec<Step>,
    /// Change nothing.
    pub dry_run: bool,
    /// `unsigned=yes`: accept a package index without a signature.
    pub unsigned: bool,
    /// Packages that the docker step installs; `None`: those of the distribution.
    pub packages: Option<Vec<String>>,
    /// Engine configuration of the docker step.
    pub engine: Engine,
    /// Probe timeout through a new network, in seconds.
    pub confirm: u64,
    /// `firewall=ignore`: do not require new ssh connections through the new network.
    pub ignore_firewall: bool,
    /// Networks and bridges of the old call that are not in the tables.
    pub old_networks: Vec<OldNetwork>,
}

/// Options for the engine's configuration, `/etc/docker/daemon.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Engine {
    /// `registry=HOST:PORT`.
    pub registry: Option<String>,
    /// `data-root=/PATH`.
    pub data_root: Option<String>,
    /// `override=KEY:KEY`: keys whose current value may be replaced.
    pub overrides: Vec<String>,
}

/// The command line is wrong.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum UsageError {
    /// Unknown step.
    #[error("unknown step {0:?}; steps are all, docker, network, netd and status")]
    Step(String),
    /// Unknown key.
    #[error(
        "unknown key {0:?}; keys are unsigned=yes|no, packages=NAME:NAME, registry=HOST:PORT, data-root=/PATH, override=KEY:KEY, confirm=SECONDS and firewall=check|ignore"
    )]
    Key(String),
    /// Invalid value.
    #[error("{key}={value}: {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// As typed.
        value: String,
        /// The valid values.
        wanted: &'static str,
    },
    /// Invalid word of the old call.
    #[error(transparent)]
    OldCall(#[from] OldCallError),
    /// `status` together with a step.
    #[error("status cannot be combined with other steps")]
    StatusAndSteps,
}

impl Arguments {
    /// Parses the arguments.
    ///
    /// # Errors
    /// The word that is wrong.
    pub fn request(&self) -> Result<Request, UsageError> {
        if let Some(job) = job(&self.words) {
            return Ok(Request::Job(job));
        }
        if self.words == ["restore"] {
            return Ok(Request::Restore);
        }
        if self.words == ["watch"] {
            return Ok(Request::Watch);
        }
        if self.words == ["engine", "shutdown"] {
            return Ok(Request::Shutdown);
        }
        if self.words == ["engine", "stopped"] {
            return Ok(Request::Stopped);
        }
        if let Some(call) = engine(&self.words) {
            return Ok(Request::Engine(call));
        }
        let mut options = RunOptions { dry_run: self.dry_run, ..RunOptions::for_status() };
        let mut status = false;
        let (old_call, words) = match self.words.split_first() {
            Some((first, words)) if first == old_call::NAME => (true, words),
            _ => (false, self.words.as_slice()),
        };
        for word in words {
            if old_call && word.contains('@') {
                options.old_networks.push(word.parse()?);
                continue;
            }
            match (word.split_once('='), word.as_str()) {
                (Some((key, value)), _) => options.set(key, value)?,
                (None, "all") => options.steps.extend(Step::ALL),
                (None, "status") => status = true,
                (None, name) => options.steps.push(step(name)?),
            }
        }
        match (status, options.steps.is_empty()) {
            (true, true) => return Ok(Request::Status { json: self.json }),
            (true, false) => return Err(UsageError::StatusAndSteps),
            (false, true) => options.steps.extend(Step::ALL),
            (false, false) => {}
        }
        options.steps.sort();
        options.steps.dedup();
        Ok(Request::Run(options))
    }
}

impl RunOptions {
    /// The default request, which `status` uses to plan.
    pub fn for_status() -> Self {
        Self {
            steps: Vec::new(),
            dry_run: true,
            unsigned: false,
            packages: None,
            engine: Engine::default(),
            confirm: value::CONFIRM,
            ignore_firewall: false,
            old_networks: Vec::new(),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), UsageError> {
        match key {
            "unsigned" => self.unsigned = value::yes_or_no(value)?,
            "packages" => self.packages = Some(value::packages(value)?),
            "registry" => self.engine.registry = Some(value::registry(value)?),
            "data-root" => self.engine.data_root = Some(value::data_root(value)?),
            "override" => self.engine.overrides = value::overrides(value)?,
            "confirm" => self.confirm = value::confirm(value)?,
            "firewall" => self.ignore_firewall = value::firewall(value)?,
            _ => return Err(UsageError::Key(key.to_owned())),
        }
        Ok(())
    }
}

fn job(words: &[String]) -> Option<Job> {
    let (word, state) = match words {
        [word] => (word, None),
        [word, state] => (word, Some(PathBuf::from(state.strip_prefix("state=")?))),
        _ => return None,
    };
    match word.as_str() {
        "guard" => Some(Job::Guard(state)),
        "recover" => Some(Job::Recover(state)),
        "confirm-boot" => Some(Job::ConfirmBoot(state)),
        _ => None,
    }
}

fn engine(words: &[String]) -> Option<EngineCall> {
    match words {
        [engine, word] if engine == "engine" => match word.as_str() {
            "request" => Some(EngineCall::Request),
            "install" => Some(EngineCall::Install),
            _ => None,
        },
        _ => None,
    }
}

fn step(name: &str) -> Result<Step, UsageError> {
    Step::ALL.into_iter().find(|step| step.name() == name).ok_or_else(|| UsageError::Step(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Result<Request, UsageError> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Arguments { words, dry_run: false, json: false }.request()
    }

    /// The form in which xCAT calls it: `updatenode NODES -P "SCRIPT WORDS"`.
    #[test]
    fn every_example_is_a_request() {
        let calls = HELP.lines().filter_map(|line| line.trim().split_once(" -P "));
        let calls: Vec<&str> = calls.map(|(_, call)| call.trim_matches('"')).collect();
        assert_eq!(calls.len(), 3, "{calls:?}");
        for call in calls {
            let words = call.split(' ').skip_while(|word| *word == "xdock");
            let parsed = Arguments::try_parse_from(["xdockhost"].into_iter().chain(words)).unwrap();
            assert!(matches!(parsed.request(), Ok(Request::Run(_))), "{call}: {:?}", parsed.request());
        }
        for step in HELP.lines().filter_map(|line| line.strip_prefix("  ")?.split("  ").next()).take(4) {
            assert!(request(&[step]).is_ok(), "{step}");
        }
    }

    fn steps(words: &[&str]) -> Vec<Step> {
        match request(words).unwrap() {
            Request::Run(options) => options.steps,
            _ => panic!("no steps"),
        }
    }

    #[test]
    fn steps_run_once_and_in_their_order() {
        assert_eq!(steps(&[]), Step::ALL);
        assert_eq!(steps(&["all"]), Step::ALL);
        assert_eq!(steps(&["unsigned=yes"]), Step::ALL);
        assert_eq!(steps(&["netd", "docker", "netd"]), [Step::Docker, Step::Netd]);
        assert_eq!(request(&["status"]), Ok(Request::Status { json: false }));
    }

    #[test]
    fn jobs_stand_alone() {
        assert_eq!(request(&["guard"]), Ok(Request::Job(Job::Guard(None))));
        let state = Some(PathBuf::from("/tmp/x"));
        assert_eq!(request(&["recover", "state=/tmp/x"]), Ok(Request::Job(Job::Recover(state))));
        assert_eq!(request(&["restore"]), Ok(Request::Restore));
        assert_eq!(request(&["watch"]), Ok(Request::Watch));
        assert_eq!(request(&["engine", "request"]), Ok(Request::Engine(EngineCall::Request)));
        assert_eq!(request(&["engine", "install"]), Ok(Request::Engine(EngineCall::Install)));
        assert_eq!(request(&["engine", "shutdown"]), Ok(Request::Shutdown));
        assert_eq!(request(&["engine", "stopped"]), Ok(Request::Stopped));
        assert_eq!(request(&["engine"]), Err(UsageError::Step("engine".to_owned())));
        assert_eq!(request(&["confirm-boot"]), Ok(Request::Job(Job::ConfirmBoot(None))));
        assert_eq!(request(&["guard", "netd"]), Err(UsageError::Step("guard".to_owned())));
    }

    #[test]
    fn keys_of_the_engine_are_read() {
        let words = ["registry=mn:5000", "data-root=/srv/docker", "override=bip:mtu", "packages=docker_x:Y"];
        let Ok(Request::Run(options)) = request(&words) else { panic!("no request") };
        let engine = Engine {
            registry: Some("mn:5000".to_owned()),
            data_root: Some("/srv/docker".to_owned()),
            overrides: vec!["bip".to_owned(), "mtu".to_owned()],
        };
        assert_eq!(options.engine, engine);
        assert_eq!(options.packages, Some(vec!["docker_x".to_owned(), "Y".to_owned()]));
        assert!(request(&["registry=[fd00::1]:5000"]).is_ok());
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
            "unknown key \"sign\"; keys are unsigned=yes|no, packages=NAME:NAME, registry=HOST:PORT, data-root=/PATH, override=KEY:KEY, confirm=SECONDS and firewall=check|ignore"
        );
        assert_eq!(text(&["unsigned=1"]), "unsigned=1: yes or no");
        assert_eq!(text(&["packages=-o"]), "packages=-o: names of packages, joined by :");
        assert_eq!(text(&["packages="]), "packages=: names of packages, joined by :");
        assert_eq!(text(&["registry=a/b"]), "registry=a/b: HOST or HOST:PORT");
        assert_eq!(text(&["registry=mn:0"]), "registry=mn:0: HOST or HOST:PORT");
        assert_eq!(
            text(&["data-root=data"]),
            "data-root=data: an absolute path of letters, digits and /._-+@"
        );
        assert_eq!(text(&["data-root=/a/../b"]).split(':').next(), Some("data-root=/a/../b"));
        assert_eq!(text(&["override=\"bip\""]), "override=\"bip\": keys of daemon.json, joined by :");
        assert_eq!(text(&["firewall=off"]), "firewall=off: check or ignore");
        assert_eq!(text(&["confirm=0"]), "confirm=0: seconds, 1 to 600");
        assert_eq!(text(&["status", "netd"]), "status cannot be combined with other steps");
    }
}
