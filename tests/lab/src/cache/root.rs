//! The root file system of a Debian release that boots under systemd-nspawn: debootstrap, once.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Command, ExecuteError};
use thiserror::Error;

use crate::cache::entry::{Entry, EntryError};
use crate::cache::sources::mirror;

/// How building the root failed.
#[derive(Debug, Error)]
pub enum RootError {
    /// The cache.
    #[error("cannot keep the root in the cache")]
    Entry(#[from] EntryError),
    /// debootstrap.
    #[error("cannot make a Debian {suite} from {mirror}")]
    Debootstrap {
        /// Which release.
        suite: String,
        /// From where.
        mirror: String,
        /// What it said.
        #[source]
        source: Box<ExecuteError>,
    },
    /// Making it a host's.
    #[error("cannot {operation} {} in the new root", path.display())]
    Adapt {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Raised when the same packages give another root.
const FORMAT: &str = "1";

const PACKAGES: &str = "systemd,systemd-sysv,dbus,udev,iproute2,ifupdown,openssh-server,openssh-client,\
                        wget,kmod,procps,iputils-ping";

/// Units that have nothing to do in a lab: they wait for the internet, or mount what is the machine's.
const MASKED: [&str; 9] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "console-getty.service",
    "ifupdown-wait-online.service",
];

const CGROUP_UNIT: &str = include_str!("../../files/lab-cgroup.service");
const CGROUP_SCRIPT: &str = include_str!("../../files/lab-cgroup");

/// The entry of a release's root.
pub fn entry(cache: &Path, suite: &str) -> Entry {
    let ingredients = [FORMAT, suite, PACKAGES, CGROUP_UNIT, CGROUP_SCRIPT].into_iter().chain(MASKED);
    let witnesses = ["usr/lib/systemd/systemd", "usr/sbin/sshd", "usr/bin/wget", "usr/local/sbin/lab-cgroup"];
    Entry::new(cache, &format!("root-{suite}"), ingredients, &witnesses)
}

/// Builds a release's root in an empty directory.
///
/// # Errors
/// What debootstrap said, or the file that could not be written.
pub async fn build(suite: &str, root: &Path) -> Result<(), RootError> {
    let mirror = mirror();
    let command = Command::new("debootstrap", Duration::from_secs(900))
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), suite])
        .args([root])
        .args([&mirror]);
    let failed = |source| RootError::Debootstrap {
        suite: suite.to_owned(),
        mirror: mirror.clone(),
        source: Box::new(source),
    };
    command.execute().await.map_err(failed)?;
    adapt(root)
}

/// Makes a plain Debian a host of a lab.
fn adapt(root: &Path) -> Result<(), RootError> {
    for unit in MASKED {
        link(root, Path::new("/dev/null"), &format!("etc/systemd/system/{unit}"))?;
    }
    write(root, "etc/systemd/system/lab-cgroup.service", CGROUP_UNIT, 0o644)?;
    write(root, "usr/local/sbin/lab-cgroup", CGROUP_SCRIPT, 0o755)?;
    let wanted = "etc/systemd/system/sysinit.target.wants/lab-cgroup.service";
    link(root, Path::new("../lab-cgroup.service"), wanted)?;
    write(
        root,
        "etc/apt/sources.list",
        "# a host has no way to the internet: packages come from mn\n",
        0o644,
    )?;
    // a journal that is kept shows what was before a power cut
    std::fs::create_dir_all(root.join("var/log/journal")).map_err(adapting("make", root))?;
    for directory in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        empty(&root.join(directory))?;
    }
    // every machine has its own keys
    remove_matching(&root.join("etc/ssh"), "ssh_host_")
}

fn write(root: &Path, path: &str, content: &str, mode: u32) -> Result<(), RootError> {
    let path = root.join(path);
    durable::replace(&path, content.as_bytes(), mode)
        .map(drop)
        .map_err(|error| adapting("write", &path)(io::Error::other(error)))
}

fn link(root: &Path, target: &Path, path: &str) -> Result<(), RootError> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(adapting("make", parent))?;
    }
    match std::os::unix::fs::symlink(target, &path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(adapting("link", &path)(error)),
        _ => Ok(()),
    }
}

fn empty(directory: &Path) -> Result<(), RootError> {
    remove_matching(directory, "")
}

fn remove_matching(directory: &Path, prefix: &str) -> Result<(), RootError> {
    let entries = std::fs::read_dir(directory).map_err(adapting("read", directory))?;
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let path = entry.path();
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(adapting("remove", &path))?;
    }
    Ok(())
}

fn adapting<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> RootError + 'a {
    move |source| RootError::Adapt { operation, path: path.to_owned(), source }
}
