//! apt-get and dpkg.

use std::path::PathBuf;

use super::{INDEX, INSTALL, Invocation, OURS};
use crate::steps::docker::source::{Directory, Scope};

/// What makes apt-get end: no mirror is waited for long, another run of dpkg is.
const OPTIONS: [&str; 5] = [
    "Acquire::http::Timeout=10",
    "Acquire::https::Timeout=10",
    "Acquire::Retries=1",
    "DPkg::Lock::Timeout=300",
    "Dpkg::Options::=--force-confold",
];

pub(super) fn finish() -> Invocation {
    Invocation::new(INSTALL, &["dpkg", "--configure", "-a"])
}

pub(super) fn files(directory: &Directory, beside: bool) -> Vec<(PathBuf, String)> {
    let trusted = if directory.signed { "" } else { "[trusted=yes] " };
    let line = format!("deb {trusted}{} ./\n", directory.url);
    let hosts = match beside {
        // there may be none: newer releases have only sources.list.d
        true => std::fs::read_to_string("/etc/apt/sources.list").unwrap_or_default(),
        false => String::new(),
    };
    vec![
        (apt("sources.list"), line + &hosts),
        // apt makes neither of them in an unusual place
        (apt("lists/partial/.keep"), String::new()),
    ]
}

pub(super) fn index(scope: &Scope) -> Invocation {
    get(INDEX, scope).and(["update"])
}

pub(super) fn install(scope: &Scope, words: Vec<String>) -> Invocation {
    get(INSTALL, scope).and(["install", "--yes", "--no-install-recommends"]).and(words)
}

fn get(deadline: std::time::Duration, scope: &Scope) -> Invocation {
    let options = OPTIONS.map(str::to_owned).into_iter().chain(sources(scope));
    let options = options.flat_map(|option| ["-o".to_owned(), option]);
    Invocation::new(deadline, &["apt-get", "-q"]).and(options)
}

/// Only our list, where it is enough; lists and caches of our own, and no proxy to the management node.
fn sources(scope: &Scope) -> Vec<String> {
    let mut options = vec![
        format!("Dir::Etc::sourcelist={}", apt("sources.list").display()),
        format!("Dir::State::lists={}", apt("lists").display()),
        "Dir::Cache::pkgcache=".to_owned(),
        "Dir::Cache::srcpkgcache=".to_owned(),
    ];
    match scope {
        Scope::Host => return Vec::new(),
        Scope::Alone(_) => {
            options.extend(["Dir::Etc::sourceparts=-".to_owned(), "Acquire::http::Proxy=false".to_owned()]);
        }
        Scope::Beside(directory) => {
            options.push(format!("Acquire::http::Proxy::{}=DIRECT", directory.host()));
        }
    }
    options
}

fn apt(file: &str) -> PathBuf {
    PathBuf::from(OURS).join("apt").join(file)
}
