//! Debian packages for machines that have no way to them: the machine's own apt, with directories of its own,
//! resolves against the packages of a bare root and downloads what is missing there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use process::{Command, ExecuteError};
use thiserror::Error;

use crate::cache::entry::{EntryError, lock};
use crate::cache::sources::mirror;

/// How apt failed.
#[derive(Debug, Error)]
pub enum AptError {
    /// The lock of its directories.
    #[error("cannot lock the package lists")]
    Lock(#[from] EntryError),
    /// A file of its directories.
    #[error("cannot write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The lists.
    #[error("cannot fetch the package lists of {suite}")]
    Update {
        /// Which release.
        suite: String,
        /// What apt said.
        #[source]
        source: Box<ExecuteError>,
    },
    /// The packages.
    #[error("cannot download {packages}")]
    Download {
        /// What was asked for.
        packages: String,
        /// What apt said.
        #[source]
        source: Box<ExecuteError>,
    },
}

const DEADLINE: Duration = Duration::from_secs(600);
const FRESH: Duration = Duration::from_secs(3600);

/// An apt of our own for one release.
#[derive(Debug, Clone)]
pub struct Apt {
    directory: PathBuf,
    suite: String,
}

impl Apt {
    /// Its directories are in the cache.
    pub fn new(cache: &Path, suite: &str) -> Self {
        Self { directory: cache.join(format!("apt-{suite}")), suite: suite.to_owned() }
    }

    /// Fetches the lists of packages, unless that was done within the hour.
    ///
    /// # Errors
    /// What apt said.
    pub async fn update(&self) -> Result<(), AptError> {
        let locked = lock(&self.directory.join("lock")).await?;
        let stamp = self.directory.join("updated");
        let age = stamp
            .metadata()
            .and_then(|meta| meta.modified())
            .map(|then| SystemTime::now().duration_since(then));
        if matches!(age, Ok(Ok(age)) if age < FRESH) {
            return Ok(());
        }
        self.prepare()?;
        let updated = self.command(&self.directory.join("none")).args(["update"]).execute().await;
        updated.map_err(|source| AptError::Update { suite: self.suite.clone(), source: source.into() })?;
        std::fs::write(&stamp, "").map_err(writing(&stamp))?;
        drop(locked);
        Ok(())
    }

    /// Downloads packages, and what they need beyond the packages of `root`, into the directory `into`.
    ///
    /// # Errors
    /// What apt said.
    pub async fn download(&self, root: &Path, packages: &[String], into: &Path) -> Result<(), AptError> {
        self.update().await?;
        let partial = into.join("partial");
        std::fs::create_dir_all(&partial).map_err(writing(&partial))?;
        let archives = format!("Dir::Cache::archives={}", into.display());
        let command = self
            .command(&root.join("var/lib/dpkg/status"))
            .args(["-o", &archives, "--download-only", "--no-install-recommends", "install", "--"])
            .args(packages);
        command
            .execute()
            .await
            .map_err(|source| AptError::Download { packages: packages.join(", "), source: source.into() })?;
        for leftover in [into.join("lock"), partial] {
            // the cache does not mind them
            let _ = std::fs::remove_file(&leftover).or_else(|_| std::fs::remove_dir(&leftover));
        }
        Ok(())
    }

    fn prepare(&self) -> Result<(), AptError> {
        for directory in ["lists/partial", "archives/partial", "etc/preferences.d"] {
            let path = self.directory.join(directory);
            std::fs::create_dir_all(&path).map_err(writing(&path))?;
        }
        let files = [("etc/sources.list", sources(&mirror(), &self.suite)), ("none", String::new())];
        for (name, content) in files {
            let path = self.directory.join(name);
            std::fs::write(&path, content).map_err(writing(&path))?;
        }
        Ok(())
    }

    /// apt with our sources and directories; the machine's proxies and credentials stay in force.
    fn command(&self, status: &Path) -> Command {
        let ours = |name: &str| self.directory.join(name).display().to_string();
        let options = [
            format!("Dir::Etc::sourcelist={}", ours("etc/sources.list")),
            "Dir::Etc::sourceparts=-".into(),
            format!("Dir::Etc::preferencesparts={}", ours("etc/preferences.d")),
            "Dir::Etc::preferences=-".into(),
            format!("Dir::State={}", ours("")),
            format!("Dir::State::lists={}", ours("lists")),
            format!("Dir::State::status={}", status.display()),
            format!("Dir::Cache={}", ours("")),
            // several downloads go on at once: no cache files to quarrel over, and dpkg's lock is not touched
            "Dir::Cache::pkgcache=".into(),
            "Dir::Cache::srcpkgcache=".into(),
            "Debug::NoLocking=true".into(),
            "APT::Sandbox::User=root".into(),
            "Acquire::Languages=none".into(),
            "Acquire::Retries=3".into(),
        ];
        let words = options.into_iter().flat_map(|option| ["-o".to_owned(), option]);
        Command::new("apt-get", DEADLINE)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "-y"])
            .args(words)
    }
}

fn sources(mirror: &str, suite: &str) -> String {
    format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n")
}

/// Debian's keys, which debootstrap checks the root with as well.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

fn writing(path: &Path) -> impl FnOnce(io::Error) -> AptError + '_ {
    move |source| AptError::File { path: path.to_owned(), source }
}
