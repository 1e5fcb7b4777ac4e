//! What the docker step can not do, and what to do about it.

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

/// A docker step that failed.
#[derive(Debug, Error)]
pub enum DockerError {
    /// xCAT's variables are wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// No table for this distribution.
    #[error(transparent)]
    Release(#[from] UnknownRelease),
    /// No package manager that we know.
    #[error(
        "this host has none of the package managers of {0}: apt-get, dnf, yum, zypper are those known here"
    )]
    NoManager(String),
    /// The management node does not answer.
    #[error("cannot look for packages on the management node")]
    Look(#[source] FetchError),
    /// Unsigned packages were allowed, but there are none.
    #[error(
        "unsigned=yes, but the management node has neither a package index nor all of {} at {url}; put them there, with all that they depend on; {indexer} makes an index", packages.join(" ")
    )]
    NoIndex {
        /// What is to be installed.
        packages: Vec<String>,
        /// The directory's address.
        url: String,
        /// What makes an index.
        indexer: &'static str,
    },
    /// Packages did not come.
    #[error("{lacking}")]
    Install {
        /// Which, and where to put them.
        lacking: Box<Lacking>,
        /// Why.
        #[source]
        source: InstallError,
    },
    /// A package went away while it was fetched.
    #[error("{0} was listed and is not there; run this again")]
    Gone(String),
    /// A file was not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A template is wrong.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The present configuration can not be read.
    #[error("{PATH} is no JSON; nothing was changed: correct it")]
    Json(#[source] serde_json::Error),
    /// The template of the configuration is no JSON.
    #[error("the template of {PATH} makes no JSON; see /etc/xdock/templates")]
    Template(#[source] serde_json::Error),
    /// Keys that another needs otherwise.
    #[error("{PATH}: {}; nothing was changed", joined(.0))]
    Conflicts(Vec<Conflict>),
    /// dockerd does not start when both say it.
    #[error(
        "{PATH} and the command line of docker.service both set {}: the engine does not start so; nothing was changed. Take it out of one of them (systemctl cat docker.service)", .0.join(", ")
    )]
    Twice(Vec<String>),
    /// No room for Docker's own bridges.
    #[error(
        "the cluster's networks have all private addresses, so none are left for Docker's own bridges; see NETWORKS_LINES"
    )]
    NoAddresses,
    /// A swarm's engine does not start with live-restore.
    #[error(
        "this engine is in a swarm, which excludes live-restore: its containers would end whenever it restarts; leave it: docker swarm leave"
    )]
    Swarm,
    /// The engine would not find its containers.
    #[error(transparent)]
    Moved(#[from] Moved),
    /// The engine refuses the configuration.
    #[error("the engine refuses the new {PATH}; nothing was changed")]
    Refused(#[source] ExecuteError),
    /// The engine does not hold containers over its restart.
    #[error(
        "the engine did not take live-restore within 30 s, so it was not restarted; see journalctl -u docker"
    )]
    NoLiveRestore,
    /// The engine did not start with the new configuration.
    #[error("the engine does not start with the new {PATH}; the old one is back; {journal}")]
    RolledBack {
        /// What it said.
        journal: Journal,
        /// Why.
        #[source]
        source: ExecuteError,
    },
    /// A service did not start.
    #[error("cannot {action}; {journal}")]
    NotStarted {
        /// What was to be done.
        action: Box<str>,
        /// What it said.
        journal: Journal,
        /// Why.
        #[source]
        source: ExecuteError,
    },
    /// The packet filter.
    #[error(transparent)]
    Firewall(Box<FirewallError>),
    /// The host's own copy of this program.
    #[error(transparent)]
    Keep(#[from] guard::install::InstallError),
    /// What the registry's certificate should be is none.
    #[error("{0} is no certificate in PEM; put the registry's CA there, or take it away")]
    NoCertificate(String),
    /// A command failed.
    #[error("cannot {action}")]
    Action {
        /// What was to be done.
        action: String,
        /// Why.
        #[source]
        source: ExecuteError,
    },
    /// It is installed but can not be asked.
    #[error("docker is installed, but its engine does not answer; see journalctl -u docker")]
    Silent(#[source] ExecuteError),
}

/// Why packages did not come.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The package manager failed.
    #[error(transparent)]
    Ran(#[from] ExecuteError),
    /// It succeeded without any source.
    #[error("{0} reached no source")]
    Unreached(String),
    /// Its sources could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Packages that did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Which.
    pub packages: Vec<String>,
    /// The sources of the last attempt.
    pub from: String,
    /// The management node's directory.
    pub url: String,
    /// What makes an index there.
    pub indexer: &'static str,
    /// What was said when only that directory was used.
    pub first: Option<String>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packages, from, url, indexer, first } = self;
        write!(
            f,
            "cannot install {} from {from}; a host without a way to others than the management node needs them, and what they depend on, in {url}, with an index ({indexer}), and unsigned=yes where nobody signed them",
            packages.join(" ")
        )?;
        first.as_ref().map_or(Ok(()), |said| write!(f, " (from there alone: {said})"))
    }
}

fn joined(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
