//! apt-get and dpkg, each with a deadline, and kept to one source.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use process::{Command, ExecuteError};
use tokio::time::{Instant, sleep};

use super::plan::Action;
use super::{DockerError, SERVICE};

/// Lists of our own source: the host's own lists stay as they are.
const LISTS: &str = "/var/lib/xdock/apt";

const UPDATE: Duration = Duration::from_secs(120);
const INSTALL: Duration = Duration::from_secs(600);
const START: Duration = Duration::from_secs(100);
const AGAIN: Duration = Duration::from_secs(1);

/// Where packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The sources that the host has.
    Distribution,
    /// A flat directory on the management node, at that address.
    Flat(String),
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
pub(super) struct Apt {
    /// Where packages come from.
    pub(super) source: Source,
    options: Vec<String>,
}

impl Apt {
    /// Writes our source, where it is not the distribution's.
    pub(super) fn prepare(source: Source) -> Result<Self, DockerError> {
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

    /// Does it.
    pub(super) async fn act(&self, action: &Action) -> Result<(), DockerError> {
        let ran = match action {
            Action::Finish => finish().await,
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

/// dpkg does not wait for another run of itself, such as that of unattended upgrades; apt-get does.
async fn finish() -> Result<(), ExecuteError> {
    let end = Instant::now() + INSTALL;
    loop {
        let ran = noninteractive(Command::new("dpkg", INSTALL).args(["--configure", "-a"])).await;
        match ran {
            Err(ExecuteError::Status { stderr, .. }) if is_locked(&stderr) && Instant::now() < end => {
                sleep(AGAIN).await;
            }
            ran => return ran,
        }
    }
}

/// dpkg's own words (lib/dpkg/file.c, `file_lock`), in the C locale.
fn is_locked(stderr: &str) -> bool {
    stderr.contains("locked by another process")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_run_of_dpkg_is_waited_for() {
        assert!(is_locked("dpkg: error: dpkg database lock was locked by another process with pid 210\n"));
        assert!(!is_locked("dpkg: error processing package docker.io (--configure):\n"));
    }
}
