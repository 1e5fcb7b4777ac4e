//! apt-get and dpkg.

use std::path::{Path, PathBuf};

use durable::FileError;

use super::{INDEX_TIMEOUT, INSTALL_TIMEOUT, Invocation, OURS};
use crate::steps::docker::source::{Directory, Scope};

/// Short timeouts for mirrors, a long one for another run of dpkg.
const OPTIONS: &str = r#"Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
Acquire::Retries "1";
APT::Install-Recommends "false";
DPkg::Lock::Timeout "300";
Dpkg::Options:: "--force-confold";
"#;

pub(super) fn finish() -> Invocation {
    Invocation::new(INSTALL_TIMEOUT, &["dpkg", "--configure", "-a"])
}

pub(super) fn files(scope: &Scope) -> Result<Vec<(PathBuf, String)>, FileError> {
    let Some(directory) = scope.directory() else { return Ok(vec![(apt("apt.conf"), OPTIONS.to_owned())]) };
    Ok(vec![
        (apt("apt.conf"), OPTIONS.to_owned() + &sources(scope, directory)),
        (apt("sources.list"), list(scope, directory)?),
        // apt does not create these directories at an unusual path
        (apt("lists/partial/.keep"), String::new()),
    ])
}

pub(super) fn index() -> Invocation {
    get(INDEX_TIMEOUT).and(["update"])
}

pub(super) fn install(words: Vec<String>) -> Invocation {
    get(INSTALL_TIMEOUT).and(["install", "--yes"]).and(words)
}

/// A command line that an administrator can repeat.
fn get(deadline: std::time::Duration) -> Invocation {
    Invocation::new(deadline, &["apt-get", "-q", "-c"]).and([apt("apt.conf").display().to_string()])
}

fn list(scope: &Scope, directory: &Directory) -> Result<String, FileError> {
    let trusted = if directory.signed { "" } else { "[trusted=yes] " };
    let hosts = match scope.has_host_sources() {
        // it may not exist: newer releases only have sources.list.d
        true => durable::read_text(Path::new("/etc/apt/sources.list"))?.unwrap_or_default(),
        false => String::new(),
    };
    Ok(format!("deb {trusted}{} ./\n{hosts}", directory.base))
}

/// Only our list, if it is sufficient; our own lists and caches, and no proxy to the management node.
fn sources(scope: &Scope, directory: &Directory) -> String {
    let (list, lists) = (apt("sources.list"), apt("lists"));
    let only = match scope.has_host_sources() {
        true => format!("Acquire::http::Proxy::{} \"DIRECT\";\n", directory.host()),
        false => "Dir::Etc::sourceparts \"-\";\nAcquire::http::Proxy \"false\";\n".to_owned(),
    };
    format!(
        "Dir::Etc::sourcelist \"{}\";\nDir::State::lists \"{}\";\nDir::Cache::pkgcache \"\";\n\
         Dir::Cache::srcpkgcache \"\";\n{only}",
        list.display(),
        lists.display()
    )
}

fn apt(file: &str) -> PathBuf {
    PathBuf::from(OURS).join("apt").join(file)
}
