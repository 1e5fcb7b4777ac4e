//! zypper.

use std::path::PathBuf;
use std::time::Duration;

use super::{INDEX_TIMEOUT, INSTALL_TIMEOUT, Invocation, OURS};
use crate::steps::docker::source::{Directory, Scope};

pub(super) fn files(directory: &Directory) -> Vec<(PathBuf, String)> {
    let check = u8::from(directory.signed);
    let text = match directory.is_flat() {
        true => String::new(),
        // pkg_gpgcheck: packages, repo_gpgcheck: the index; zypper needs only one signature
        false => format!(
            "[xdock]\nname=xdock\nbaseurl={}\ntype=rpm-md\nenabled=1\nautorefresh=1\ngpgcheck={check}\n",
            directory.url
        ),
    };
    vec![(repositories().join("xdock.repo"), text)]
}

pub(super) fn index(scope: &Scope) -> Invocation {
    with(INDEX_TIMEOUT, scope).and(["refresh"])
}

pub(super) fn install(scope: &Scope, words: Vec<String>) -> Invocation {
    let unsigned = scope.directory().is_some_and(|directory| !directory.signed && directory.is_flat());
    let command =
        with(INSTALL_TIMEOUT, scope).and(["install", "--auto-agree-with-licenses", "--no-recommends"]);
    if unsigned { command.and(["--allow-unsigned-rpm"]).and(words) } else { command.and(words) }
}

fn with(deadline: Duration, scope: &Scope) -> Invocation {
    let mut command = Invocation::new(deadline, &["zypper", "--non-interactive"]);
    let Some(directory) = scope.directory() else { return command };
    if !directory.signed {
        command = command.and(["--no-gpg-checks"]);
    }
    match scope {
        Scope::Alone(_) => command.and(["--reposd-dir".to_owned(), repositories().display().to_string()]),
        Scope::Beside(_) if directory.is_flat() => command,
        Scope::Beside(_) | Scope::Host => command.and(["--plus-repo", directory.url.as_str()]),
    }
}

fn repositories() -> PathBuf {
    PathBuf::from(OURS).join("zypp.repos.d")
}
