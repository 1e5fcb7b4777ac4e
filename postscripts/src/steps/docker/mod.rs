//! `xdockhost docker`: the engine, from the distribution's packages.
//!
//! apt never touches a source that is not needed: a node without a way out hangs for minutes in the sources that its
//! image came with (measured under xCAT's own otherpkgs: 355 s).

mod apt;
mod plan;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use thiserror::Error;

use self::apt::{Apt, Source};
use self::plan::{Action, Observed, installed, plan};
use super::{Outcome, Run, print_plan};
use crate::environment::{EnvironmentError, Node};
use crate::fetch::{FetchError, Server};

const SERVICE: &str = "docker.service";

const QUESTION: Duration = Duration::from_secs(30);

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

/// Runs the step.
///
/// # Errors
/// See [`DockerError`].
pub async fn run(run: &Run) -> Result<Outcome, DockerError> {
    let node = run.environment.node()?;
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(DockerError::NoApt);
    }
    // docker.io only recommends iptables, and does not start without it
    let default = || vec!["docker.io".to_owned(), "iptables".to_owned()];
    let packages = run.work.packages.clone().unwrap_or_else(default);
    let actions = plan(&packages, &observe(&packages).await);
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

async fn engine_version() -> Result<String, ExecuteError> {
    let words = ["version", "--format", "{{.Server.Version}}"];
    Ok(Command::new("docker", QUESTION).args(words).execute().await?.text())
}
