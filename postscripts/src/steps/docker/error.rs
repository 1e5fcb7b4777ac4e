//! Errors of the docker step, with what to do.

use std::fmt;

use durable::FileError;
use hostnet::firewall::FirewallError;
use process::ExecuteError;
use thiserror::Error;

use super::configuration::{Conflict, PATH};
use super::journal::Journal;
use super::release::UnknownRelease;
use super::roots::Moved;
use crate::environment::EnvironmentError;
use crate::fetch::FetchError;
use crate::render::RenderError;
use crate::steps::network::guard;

/// The docker step failed.
#[derive(Debug, Error)]
pub enum DockerError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Unknown distribution.
    #[error(transparent)]
    Release(#[from] UnknownRelease),
    /// No supported package manager.
    #[error("no package manager of {0} found on this host; supported are apt-get, dnf, yum and zypper")]
    NoManager(String),
    /// The management node does not answer.
    #[error("cannot look for packages on the management node")]
    Look(#[source] FetchError),
    /// Unsigned packages are allowed, but there are none.
    #[error(
        "unsigned=yes, but the management node has neither a package index nor all of {} at {url}; put them there with their dependencies; {indexer} creates an index", packages.join(" ")
    )]
    NoIndex {
        /// The packages to install.
        packages: Vec<String>,
        /// URL of the directory.
        url: String,
        /// Program that creates an index.
        indexer: &'static str,
    },
    /// Packages cannot be installed.
    #[error("{lacking}")]
    Install {
        /// The packages, and where to put them.
        lacking: Box<Lacking>,
        /// Cause.
        #[source]
        source: InstallError,
    },
    /// A package was removed while it was fetched.
    #[error("{0} was listed but does not exist; run this again")]
    Gone(String),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A template cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The current configuration cannot be read.
    #[error("{PATH} is not JSON; nothing was changed; correct it")]
    Json(#[source] serde_json::Error),
    /// The configuration's template is not JSON.
    #[error("the template of {PATH} does not render to JSON; see /etc/xdock/templates")]
    Template(#[source] serde_json::Error),
    /// Keys have values that xdock cannot use.
    #[error("{PATH}: {}; nothing was changed", joined(.0))]
    Conflicts(Vec<Conflict>),
    /// Keys are in the file and on the command line, so dockerd would not start.
    #[error(
        "{PATH} and the command line of docker.service both set {}, so the engine would not start; nothing was changed. Remove it from one of them (systemctl cat docker.service)", .0.join(", ")
    )]
    Twice(Vec<String>),
    /// No addresses are left for Docker's own bridges.
    #[error(
        "the cluster's networks have all private addresses, so none are left for Docker's own bridges; see NETWORKS_LINES"
    )]
    NoAddresses,
    /// An engine in a swarm does not start with live-restore.
    #[error(
        "this engine is in a swarm, which excludes live-restore: its containers would stop at each restart; leave the swarm: docker swarm leave"
    )]
    Swarm,
    /// The engine would not find its containers.
    #[error(transparent)]
    Moved(#[from] Moved),
    /// The engine refuses the configuration.
    #[error("the engine refuses the new {PATH}; nothing was changed")]
    Refused(#[source] ExecuteError),
    /// The engine would stop its containers when it restarts.
    #[error(
        "live-restore was not in effect after 30 s, so the engine was not restarted; see journalctl -u docker"
    )]
    NoLiveRestore,
    /// The engine did not start with the new configuration.
    #[error("the engine does not start with the new {PATH}; the previous one is restored; {journal}")]
    RolledBack {
        /// Its last log lines.
        journal: Journal,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// A service did not start.
    #[error("cannot {action}; {journal}")]
    NotStarted {
        /// The failed action.
        action: Box<str>,
        /// Its last log lines.
        journal: Journal,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// The packet filter cannot be read or changed.
    #[error(transparent)]
    Firewall(Box<FirewallError>),
    /// The host's own copy of this program cannot be installed.
    #[error(transparent)]
    Keep(#[from] guard::install::InstallError),
    /// The registry's certificate is invalid.
    #[error("{0} is not a PEM certificate; replace it with the registry's CA, or remove it")]
    NoCertificate(String),
    /// A command failed.
    #[error("cannot {action}")]
    Action {
        /// The failed action.
        action: String,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// The engine is installed but does not answer.
    #[error("docker is installed, but its engine does not answer; see journalctl -u docker")]
    Silent(#[source] ExecuteError),
}

/// Why packages cannot be installed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The package manager failed.
    #[error(transparent)]
    Ran(#[from] ExecuteError),
    /// The package manager succeeded without reaching any source.
    #[error("{0} reached no source")]
    Unreached(String),
    /// Its sources cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Packages that cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The packages.
    pub packages: Vec<String>,
    /// The sources of the last attempt.
    pub from: String,
    /// The management node's directory.
    pub url: String,
    /// Program that creates an index there.
    pub indexer: &'static str,
    /// Error of the attempt with only that directory.
    pub first: Option<String>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packages, from, url, indexer, first } = self;
        write!(
            f,
            "cannot install {} from {from}; a host that reaches only the management node needs them and their dependencies in {url}, with an index ({indexer}), and unsigned=yes if they are not signed",
            packages.join(" ")
        )?;
        first.as_ref().map_or(Ok(()), |cause| write!(f, " (only from there: {cause})"))
    }
}

fn joined(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
