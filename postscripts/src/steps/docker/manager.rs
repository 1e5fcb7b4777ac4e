//! Command lines of the package managers. Pure; `install.rs` runs them.
//!
//! Each uses only the needed sources, asks no questions, and has a timeout.

mod apt;
mod dnf;
mod zypper;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use process::Command;

use super::release::Family;
use super::source::{Directory, Scope};

/// Timeout for reading the package index. A host that reaches only the management node reports within a
/// minute what is missing. xCAT's own otherpkgs, whose apt-get has no timeout, needed 355 s.
const INDEX_TIMEOUT: Duration = Duration::from_secs(40);
const INSTALL_TIMEOUT: Duration = Duration::from_secs(600);

/// Directory of our lists and repositories. Those of the host are not changed.
const OURS: &str = "/var/lib/xdock";

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// apt-get and dpkg.
    Apt,
    /// dnf, version 4 or 5.
    Dnf,
    /// yum, if there is no dnf.
    Yum,
    /// zypper.
    Zypper,
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    deadline: Duration,
}

impl Invocation {
    fn new(deadline: Duration, words: &[&str]) -> Self {
        Self { argv: words.iter().map(|word| (*word).to_owned()).collect(), deadline }
    }

    fn and<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(words.into_iter().map(Into::into));
        self
    }

    /// The command, without questions and in the C locale.
    pub(super) fn command(&self) -> Command {
        let (program, words) = self.argv.split_first().map_or(("", &[][..]), |(p, w)| (p.as_str(), w));
        let command = Command::new(program, self.deadline).args(words);
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C")
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

impl Manager {
    /// Package managers of a family, the preferred one first.
    fn of(family: Family) -> &'static [Self] {
        match family {
            Family::Debian | Family::Ubuntu => &[Self::Apt],
            Family::Fedora | Family::RedHat | Family::Amazon => &[Self::Dnf, Self::Yum],
            Family::Suse => &[Self::Zypper],
        }
    }

    /// The package manager of this host. An unknown distribution may have any of them.
    pub(super) fn find(family: Option<Family>, has: impl Fn(&Path) -> bool) -> Option<Self> {
        const ANY: &[Manager] = &[Manager::Apt, Manager::Dnf, Manager::Yum, Manager::Zypper];
        let candidates = family.map_or(ANY, Self::of);
        candidates.iter().copied().find(|manager| has(&Path::new("/usr/bin").join(manager.program())))
    }

    /// Its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Yum => "yum",
            Self::Zypper => "zypper",
        }
    }

    /// Program that creates a directory's index, for the administrator of the management node.
    pub(super) fn indexer(self) -> &'static str {
        match self {
            Self::Apt => "dpkg-scanpackages . >Packages",
            Self::Dnf | Self::Yum | Self::Zypper => "createrepo_c .",
        }
    }

    /// Completes an interrupted run, which would stop the next one.
    pub(super) fn finish(self) -> Option<Invocation> {
        (self == Self::Apt).then(apt::finish)
    }

    /// Files of ours that the commands below read.
    ///
    /// # Errors
    /// The host's list of sources, which one of them includes, cannot be read.
    pub(super) fn files(self, scope: &Scope) -> Result<Vec<(PathBuf, String)>, FileError> {
        Ok(match (self, scope.directory()) {
            (Self::Apt, _) => apt::files(scope)?,
            (_, None) => Vec::new(),
            (Self::Dnf | Self::Yum, Some(directory)) => dnf::files(directory),
            (Self::Zypper, Some(directory)) => zypper::files(directory),
        })
    }

    /// Reads the package index.
    pub(super) fn index(self, scope: &Scope) -> Option<Invocation> {
        // packages that are named by their URLs need no index
        if scope.directory().is_some_and(Directory::is_flat) && !scope.has_host_sources() {
            return None;
        }
        Some(match self {
            Self::Apt => apt::index(),
            Self::Dnf | Self::Yum => dnf::index(self, scope),
            Self::Zypper => zypper::index(scope),
        })
    }

    /// Installs packages.
    pub(super) fn install(self, scope: &Scope, packages: &[String]) -> Invocation {
        let args = scope.directory().map_or_else(|| packages.to_vec(), |from| from.args(packages));
        match self {
            Self::Apt => apt::install(args),
            Self::Dnf | Self::Yum => dnf::install(self, scope, args),
            Self::Zypper => zypper::install(scope, args),
        }
    }

    /// Whether another run of the package manager has the lock, such as unattended upgrades. dnf and yum wait
    /// themselves. The messages of the others are in the C locale: dpkg lib/dpkg/file.c `file_lock`,
    /// apt-pkg/contrib/fileutl.cc `GetLock`, zypper src/Zypper.cc.
    pub(super) fn is_locked(self, output: &str) -> bool {
        match self {
            Self::Apt => {
                output.contains("locked by another process") || output.contains("Could not get lock")
            }
            Self::Zypper => output.contains("System management is locked"),
            Self::Dnf | Self::Yum => false,
        }
    }

    /// Whether any source answered: `apt-get update` succeeds even if none does.
    pub(super) fn answered(self, stdout: &str) -> bool {
        self != Self::Apt || stdout.lines().any(|line| line.starts_with("Hit:") || line.starts_with("Get:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_installed_manager_is_used() {
        let has = |program: &'static str| move |path: &Path| path == Path::new("/usr/bin").join(program);
        assert_eq!(Manager::find(Some(Family::RedHat), has("yum")), Some(Manager::Yum));
        assert_eq!(Manager::find(Some(Family::RedHat), |_| true), Some(Manager::Dnf));
        assert_eq!(Manager::find(Some(Family::Suse), has("apt-get")), None);
        assert_eq!(Manager::find(None, has("zypper")), Some(Manager::Zypper));
    }

    #[test]
    fn another_run_is_waited_for() {
        let output = "dpkg: error: dpkg database lock was locked by another process with pid 210\n";
        assert!(Manager::Apt.is_locked(output));
        assert!(Manager::Apt.is_locked("E: Could not get lock /var/lib/apt/lists/lock. It is held\n"));
        assert!(!Manager::Apt.is_locked("dpkg: error processing package docker.io (--configure):\n"));
    }

    #[test]
    fn an_update_that_reached_no_source_is_detected() {
        assert!(Manager::Apt.answered("Hit:1 http://mirror bookworm InRelease\nErr:2 http://other x\n"));
        assert!(!Manager::Apt.answered("Ign:1 http://mirror x InRelease\nErr:1 http://mirror x InRelease\n"));
    }
}
