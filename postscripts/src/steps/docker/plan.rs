//! What is to be done for the engine to run. Pure.

use std::fmt;

use super::SERVICE;

/// What is on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    /// Of the wanted packages, those that are installed.
    pub(super) installed: Vec<String>,
    /// Whether its service runs.
    pub(super) active: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// What a killed run left half configured stops apt.
    Finish,
    /// Read what packages the source has.
    Index,
    /// Install these.
    Install(Vec<String>),
    /// Start the engine.
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
    /// Whether it reads a source of packages.
    pub(super) fn needs_source(&self) -> bool {
        matches!(self, Self::Index | Self::Install(_))
    }
}

pub(super) fn plan(wanted: &[String], observed: &Observed) -> Vec<Action> {
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

/// The packages that dpkg-query calls installed.
pub(super) fn installed(listing: &str) -> Vec<String> {
    let name = |line: &str| line.strip_suffix(" installed").map(str::to_owned);
    listing.lines().filter_map(name).collect()
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
