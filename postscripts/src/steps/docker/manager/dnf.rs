//! dnf, and yum with the same arguments.

use std::path::PathBuf;
use std::time::Duration;

use super::{INDEX_TIMEOUT, INSTALL_TIMEOUT, Invocation, Manager, OURS};
use crate::steps::docker::source::{Directory, Scope};

/// dnf's default directories (dnf.conf(5), reposdir).
const HOSTS: &str = "/etc/yum.repos.d,/etc/yum/repos.d,/etc/distro.repos.d";

pub(super) fn files(directory: &Directory) -> Vec<(PathBuf, String)> {
    let check = u8::from(directory.signed);
    // an empty proxy, because that of dnf.conf is for external servers
    let text = match directory.is_flat() {
        true => String::new(),
        false => format!(
            "[xdock]\nname=xdock\nbaseurl={}\nenabled=1\ngpgcheck={check}\nrepo_gpgcheck=0\nproxy=\n\
             metadata_expire=0\n",
            directory.url
        ),
    };
    vec![(repositories().join("xdock.repo"), text)]
}

pub(super) fn index(manager: Manager, scope: &Scope) -> Invocation {
    let words: &[&str] = if manager == Manager::Dnf { &["makecache", "--refresh"] } else { &["makecache"] };
    with(manager, INDEX_TIMEOUT, scope).and(words.iter().copied())
}

pub(super) fn install(manager: Manager, scope: &Scope, words: Vec<String>) -> Invocation {
    with(manager, INSTALL_TIMEOUT, scope).and(["install"]).and(words)
}

fn with(manager: Manager, deadline: Duration, scope: &Scope) -> Invocation {
    let base = [manager.program(), "-y", "--setopt=timeout=10", "--setopt=retries=2"];
    let mut command = Invocation::new(deadline, &base);
    let Some(directory) = scope.directory() else { return command };
    let ours = repositories().display().to_string();
    command = match scope.has_host_sources() {
        true => command.and([format!("--setopt=reposdir={HOSTS},{ours}")]),
        // plugins may contact other servers, such as RHEL's subscription manager
        false => command.and([format!("--setopt=reposdir={ours}"), "--setopt=plugins=0".to_owned()]),
    };
    // packages named by their URLs are not checked otherwise
    let check = u8::from(directory.signed);
    if directory.is_flat() { command.and([format!("--setopt=localpkg_gpgcheck={check}")]) } else { command }
}

fn repositories() -> PathBuf {
    PathBuf::from(OURS).join("yum.repos.d")
}
