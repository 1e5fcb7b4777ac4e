//! `xdockhost docker`: the engine, from the distribution's packages.
//!
//! apt never touches a source that is not needed: a node without a way out hangs for minutes in the sources that its
//! image came with (measured under xCAT's own otherpkgs: 355 s).

use std::fmt;
use std::path::Path;
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use thiserror::Error;

use super::{Outcome, Run, print_plan};
use crate::environment::{EnvironmentError, Node};
use crate::fetch::{FetchError, Server};

/// Lists of our own source: the host's own lists stay as they are.
const LISTS: &str = "/var/lib/xdock/apt";
const SERVICE: &str = "docker.service";

const QUESTION: Duration = Duration::from_secs(30);
const UPDATE: Duration = Duration::from_secs(120);
const INSTALL: Duration = Duration::from_secs(600);
const START: Duration = Duration::from_secs(100);

/// A docker step that failed.
#[derive(Debug, Error)]
pub enum DockerError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Another distribution.
    #[error("this host has no apt-get; only Debian's packages are supported yet")]
    NoApt,
    /// The management node does not answer.
    #[error("cannot look for packages on the management node")]
    Look(#[source] FetchError),
    /// Unsigned packages were allowed, but there are none.
    #[error(
        "unsigned=yes, but the management node has no package index at {0}; make it with dpkg-scanpackages . >Packages"
    )]
    NoIndex(String),
    /// Our source could not be written.
    #[error("cannot write the package source")]
    Source(#[source] FileError),
    /// A command failed.
    #[error("cannot {action}{}", Hint(*from_distribution))]
    Action {
        /// What was to be done.
        action: String,
        /// Whether packages come from the distribution's sources.
        from_distribution: bool,
        /// Why.
        #[source]
        source: ExecuteError,
    },
    /// It is installed but can not be asked.
    #[error("docker is installed, but its engine does not answer; see journalctl -u docker")]
    Silent(#[source] ExecuteError),
}

struct Hint(bool);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0 {
            return Ok(());
        }
        f.write_str(
            " from the distribution's sources; for a node without them put the packages into /install/post/otherpkgs/OSVER/ARCH on the management node and say unsigned=yes",
        )
    }
}

/// Where packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// The sources that the host has.
    Distribution,
    /// A flat directory on the management node, at that address.
    Flat(String),
}

/// What is on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Observed {
    /// Of the wanted packages, those that are installed.
    installed: Vec<String>,
    active: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    /// What a killed run left half configured stops apt.
    Finish,
    Index,
    Install(Vec<String>),
    Start,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finish => f.write_str("finish what an earlier run of dpkg began"),
            Self::Index => f.write_str("read the package index"),
            Self::Install(packages) => write!(f, "install {}", packages.join(" ")),
            Self::Start => write!(f, "start {SERVICE}"),
        }
    }
}

impl Action {
    fn needs_source(&self) -> bool {
        matches!(self, Self::Index | Self::Install(_))
    }
}

fn plan(wanted: &[String], observed: &Observed) -> Vec<Action> {
    let missing: Vec<String> =
        wanted.iter().filter(|package| !observed.installed.contains(package)).cloned().collect();
    let mut actions = Vec::new();
    if !missing.is_empty() {
        actions.extend([Action::Finish, Action::Index, Action::Install(missing)]);
    }
    if !observed.active {
        actions.push(Action::Start);
    }
    actions
}

/// Runs the step.
///
/// # Errors
/// See [`DockerError`].
pub async fn run(run: &Run) -> Result<Outcome, DockerError> {
    let node = run.environment.node()?;
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(DockerError::NoApt);
    }
    let actions = plan(&run.work.packages, &observe(&run.work.packages).await);
    if run.work.dry_run {
        print_plan("docker", &actions, &[]);
        return Ok(Outcome::Planned);
    }
    if actions.is_empty() {
        return Ok(Outcome::NothingToDo);
    }
    let source = if actions.contains(&Action::Index) { source(run, &node)? } else { Source::Distribution };
    let apt = Apt::prepare(source)?;
    for action in &actions {
        apt.act(action).await?;
    }
    let version = engine_version().await.map_err(DockerError::Silent)?;
    let done = match actions.contains(&Action::Index) {
        true => format!("installed docker {version} ({})", apt.source),
        false => format!("started docker {version}"),
    };
    Ok(Outcome::Done(done))
}

async fn observe(packages: &[String]) -> Observed {
    let format = "-f=${Package} ${db:Status-Status}\n";
    let asked = Command::new("dpkg-query", QUESTION).args(["-W", format]).args(packages).execute().await;
    // it fails when one is unknown, and still tells of the others
    let listing = match asked {
        Ok(output) => output.text(),
        Err(ExecuteError::Status { stdout, .. }) => stdout,
        Err(_) => String::new(),
    };
    let state = Command::new("systemctl", QUESTION).args(["is-active", "--quiet", SERVICE]).execute().await;
    Observed { installed: installed(&listing), active: state.is_ok() }
}

fn installed(listing: &str) -> Vec<String> {
    let name = |line: &str| line.strip_suffix(" installed").map(str::to_owned);
    listing.lines().filter_map(name).collect()
}

fn source(run: &Run, node: &Node) -> Result<Source, DockerError> {
    if !run.work.unsigned {
        return Ok(Source::Distribution);
    }
    let server = Server::new(node.master, node.http_port);
    // where xCAT's otherpkgs looks without an osimage: $INSTALLDIR/post/otherpkgs/$OSVER/$ARCH
    let directory = format!("/install/post/otherpkgs/{}/{}", node.os_version, node.arch);
    for index in ["Packages", "Packages.gz", "Packages.xz"] {
        if server.has(&format!("{directory}/{index}")).map_err(DockerError::Look)? {
            return Ok(Source::Flat(server.url(&directory)));
        }
    }
    Err(DockerError::NoIndex(server.url(&directory)))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distribution => f.write_str("the distribution's packages"),
            Self::Flat(url) => write!(f, "packages of {url}"),
        }
    }
}

/// apt-get with the options that keep it to one source and make it end.
struct Apt {
    source: Source,
    options: Vec<String>,
}

impl Apt {
    fn prepare(source: Source) -> Result<Self, DockerError> {
        let mut options: Vec<String> = [
            "Acquire::http::Timeout=15",
            "Acquire::Retries=2",
            "DPkg::Lock::Timeout=300",
            "Dpkg::Options::=--force-confold",
            "APT::Install-Recommends=false",
        ]
        .map(str::to_owned)
        .to_vec();
        if let Source::Flat(url) = &source {
            options.extend(flat_options());
            let text = format!("deb [trusted=yes] {url} ./\n");
            let list = Path::new(LISTS).join("sources.list");
            durable::replace(&list, text.as_bytes(), 0o644).map_err(DockerError::Source)?;
            // apt makes neither of them in an unusual place
            let keep = Path::new(LISTS).join("lists/partial/.keep");
            durable::replace(&keep, b"", 0o644).map_err(DockerError::Source)?;
        }
        Ok(Self { source, options })
    }

    async fn act(&self, action: &Action) -> Result<(), DockerError> {
        let ran = match action {
            Action::Finish => noninteractive(Command::new("dpkg", INSTALL).args(["--configure", "-a"])).await,
            Action::Index => self.get(UPDATE, &["update"]).await,
            Action::Install(packages) => {
                let mut words = vec!["install", "--yes", "--no-install-recommends"];
                words.extend(packages.iter().map(String::as_str));
                self.get(INSTALL, &words).await
            }
            Action::Start => {
                Command::new("systemctl", START).args(["start", SERVICE]).execute().await.map(drop)
            }
        };
        ran.map_err(|source| DockerError::Action {
            action: action.to_string(),
            from_distribution: self.source == Source::Distribution && action.needs_source(),
            source,
        })
    }

    async fn get(&self, deadline: Duration, words: &[&str]) -> Result<(), ExecuteError> {
        let options = self.options.iter().flat_map(|option| ["-o", option.as_str()]);
        let command = Command::new("apt-get", deadline).args(["-q"]).args(options).args(words);
        noninteractive(command).await
    }
}

async fn noninteractive(command: Command) -> Result<(), ExecuteError> {
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C").execute().await.map(drop)
}

/// Only our list, lists and caches of our own, and no proxy: the source is the management node.
fn flat_options() -> [String; 6] {
    [
        format!("Dir::Etc::sourcelist={LISTS}/sources.list"),
        "Dir::Etc::sourceparts=-".to_owned(),
        format!("Dir::State::lists={LISTS}/lists"),
        "Dir::Cache::pkgcache=".to_owned(),
        "Dir::Cache::srcpkgcache=".to_owned(),
        "Acquire::http::Proxy=false".to_owned(),
    ]
}

async fn engine_version() -> Result<String, ExecuteError> {
    let words = ["version", "--format", "{{.Server.Version}}"];
    Ok(Command::new("docker", QUESTION).args(words).execute().await?.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        let wanted = names(&["docker.io", "iptables"]);
        let bare = Observed { installed: vec![], active: false };
        let texts = |observed: &Observed| -> Vec<String> {
            plan(&wanted, observed).iter().map(ToString::to_string).collect()
        };
        let finish = "finish what an earlier run of dpkg began";
        let install = "install docker.io iptables";
        assert_eq!(texts(&bare), [finish, "read the package index", install, "start docker.service"]);
        let half = Observed { installed: names(&["docker.io"]), active: true };
        assert_eq!(texts(&half), [finish, "read the package index", "install iptables"]);
        let stopped = Observed { installed: wanted.clone(), active: false };
        assert_eq!(texts(&stopped), ["start docker.service"]);
        assert_eq!(plan(&wanted, &Observed { installed: wanted.clone(), active: true }), []);
    }

    #[test]
    fn removed_packages_are_not_installed_ones() {
        let listing = "docker.io config-files\niptables installed\n";
        assert_eq!(installed(listing), ["iptables"]);
    }
}
