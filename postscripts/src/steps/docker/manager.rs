//! Package managers: which words install packages from where. Pure; `install.rs` runs them.
//!
//! Each is kept to the sources that are needed, asks nothing, and has a deadline.

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

/// Reading what packages there are. A host that reaches only the management node has a minute to say what is missing;
/// measured under xCAT's own otherpkgs, whose apt-get has no deadline: 355 s.
const INDEX: Duration = Duration::from_secs(40);
const INSTALL: Duration = Duration::from_secs(600);

/// Lists and repositories of our own: the host's own stay as they are.
const OURS: &str = "/var/lib/xdock";

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// apt-get and dpkg.
    Apt,
    /// dnf, version 4 or 5.
    Dnf,
    /// yum, where there is no dnf.
    Yum,
    /// zypper.
    Zypper,
}

/// A program to run, not yet run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    /// Program and words.
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

    /// Ready to run: no questions, and words that can be compared.
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
    /// Those of a family, the preferred one first.
    fn of(family: Family) -> &'static [Self] {
        match family {
            Family::Debian | Family::Ubuntu => &[Self::Apt],
            Family::Fedora | Family::RedHat | Family::Amazon => &[Self::Dnf, Self::Yum],
            Family::Suse => &[Self::Zypper],
        }
    }

    /// The one that this host has; an unknown distribution may have any of them.
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

    /// What makes a directory's index, for a person on the management node.
    pub(super) fn indexer(self) -> &'static str {
        match self {
            Self::Apt => "dpkg-scanpackages . >Packages",
            Self::Dnf | Self::Yum | Self::Zypper => "createrepo_c .",
        }
    }

    /// Completes what a killed run left half configured, which stops the next one.
    pub(super) fn finish(self) -> Option<Invocation> {
        (self == Self::Apt).then(apt::finish)
    }

    /// Files that the commands below read; all of them our own.
    ///
    /// # Errors
    /// The host's own list of sources, which goes into one of them, cannot be read.
    pub(super) fn files(self, scope: &Scope) -> Result<Vec<(PathBuf, String)>, FileError> {
        Ok(match (self, scope.directory()) {
            (Self::Apt, _) => apt::files(scope)?,
            (_, None) => Vec::new(),
            (Self::Dnf | Self::Yum, Some(directory)) => dnf::files(directory),
            (Self::Zypper, Some(directory)) => zypper::files(directory),
        })
    }

    /// Reads what packages there are.
    pub(super) fn index(self, scope: &Scope) -> Option<Invocation> {
        // packages that are named by their addresses need none
        if scope.directory().is_some_and(Directory::is_flat) && !scope.has_hosts_own() {
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
        let words = scope.directory().map_or_else(|| packages.to_vec(), |from| from.words(packages));
        match self {
            Self::Apt => apt::install(words),
            Self::Dnf | Self::Yum => dnf::install(self, scope, words),
            Self::Zypper => zypper::install(scope, words),
        }
    }

    /// Whether another run of the package manager is in the way, such as that of unattended upgrades. dnf and yum wait by
    /// themselves; the others' words are in the C locale: dpkg lib/dpkg/file.c `file_lock`, apt-pkg/contrib/fileutl.cc
    /// `GetLock`, zypper src/Zypper.cc.
    pub(super) fn is_locked(self, told: &str) -> bool {
        match self {
            Self::Apt => told.contains("locked by another process") || told.contains("Could not get lock"),
            Self::Zypper => told.contains("System management is locked"),
            Self::Dnf | Self::Yum => false,
        }
    }

    /// Whether any source answered: `apt-get update` succeeds when none does.
    pub(super) fn answered(self, stdout: &str) -> bool {
        self != Self::Apt || stdout.lines().any(|line| line.starts_with("Hit:") || line.starts_with("Get:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_there_is_taken() {
        let has = |program: &'static str| move |path: &Path| path == Path::new("/usr/bin").join(program);
        assert_eq!(Manager::find(Some(Family::RedHat), has("yum")), Some(Manager::Yum));
        assert_eq!(Manager::find(Some(Family::RedHat), |_| true), Some(Manager::Dnf));
        assert_eq!(Manager::find(Some(Family::Suse), has("apt-get")), None);
        assert_eq!(Manager::find(None, has("zypper")), Some(Manager::Zypper));
    }

    #[test]
    fn another_run_is_waited_for() {
        let told = "dpkg: error: dpkg database lock was locked by another process with pid 210\n";
        assert!(Manager::Apt.is_locked(told));
        assert!(Manager::Apt.is_locked("E: Could not get lock /var/lib/apt/lists/lock. It is held\n"));
        assert!(!Manager::Apt.is_locked("dpkg: error processing package docker.io (--configure):\n"));
    }

    #[test]
    fn an_update_that_reached_nobody_is_known() {
        assert!(Manager::Apt.answered("Hit:1 http://mirror bookworm InRelease\nErr:2 http://other x\n"));
        assert!(!Manager::Apt.answered("Ign:1 http://mirror x InRelease\nErr:1 http://mirror x InRelease\n"));
    }
}
