//! What the machine itself needs, installed through apt where it is missing.

use std::path::Path;
use std::time::Duration;

use process::{Command, ExecuteError};
use thiserror::Error;

/// How preparing the machine failed.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Namespaces, mounts and cgroups are root's.
    #[error("lab needs root: run it as root or with sudo")]
    NotRoot,
    /// apt.
    #[error("cannot install {packages}: the lab needs it; install it by hand and try again")]
    Install {
        /// What was missing.
        packages: String,
        /// What apt said.
        #[source]
        source: ExecuteError,
    },
}

/// Programs, and the Debian packages that have them.
const TOOLS: [(&str, &str); 14] = [
    ("systemd-nspawn", "systemd-container"),
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("ssh-keygen", "openssh-client"),
    ("dpkg-scanpackages", "dpkg-dev"),
    ("mkfs.ext4", "e2fsprogs"),
    ("ping", "iputils-ping"),
    ("ethtool", "ethtool"),
    ("tar", "tar"),
    ("bash", "bash"),
    ("dpkg-deb", "dpkg"),
    (crate::cache::apt::KEYRING, "debian-archive-keyring"),
];

/// Whether we may make namespaces at all.
///
/// # Errors
/// We are not root.
pub fn require_root() -> Result<(), SetupError> {
    if nix::unistd::geteuid().is_root() { Ok(()) } else { Err(SetupError::NotRoot) }
}

/// The kernel counts root's inotify instances of the whole machine together; a booted host has up to fifteen, and the
/// default of 128 starves the second of two labs (its `systemd-ask-password` units fail).
const INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";
const ENOUGH: u32 = 1024;

/// Gives all labs of the machine room. Where the limit is not ours to raise, one lab still fits below it.
fn raise_instances(path: &Path) {
    let allowed = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if allowed.is_some_and(|allowed| allowed < ENOUGH) {
        let _ = std::fs::write(path, ENOUGH.to_string());
    }
}

/// Installs missing packages and reports them; raises the machine's limits where labs side by side would hit them.
///
/// # Errors
/// What apt said.
pub async fn setup(say: &(dyn Fn(&str) + Sync)) -> Result<(), SetupError> {
    require_root()?;
    raise_instances(Path::new(INSTANCES));
    let packages = missing(is_installed);
    if packages.is_empty() {
        return Ok(());
    }
    say(&format!("installing {}", packages.join(", ")));
    let installed = match apt(&["install"], &packages).await {
        // a machine that never asked for its package lists, or long ago
        Err(_) => match apt(&["update"], &[]).await {
            Ok(()) => apt(&["install"], &packages).await,
            failed => failed,
        },
        done => done,
    };
    installed.map_err(|source| SetupError::Install { packages: packages.join(", "), source })
}

fn missing(is_installed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        TOOLS.iter().filter(|(program, _)| !is_installed(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).exists())
        || Path::new("/usr/sbin").join(program).exists()
}

async fn apt(verb: &[&str], packages: &[&str]) -> Result<(), ExecuteError> {
    Command::new("apt-get", Duration::from_secs(600))
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-qq", "-y", "--no-install-recommends"])
        .args(verb)
        .args(packages)
        .execute()
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_raised_and_a_higher_one_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (before, after) in [("128\n", "1024"), ("4096\n", "4096\n"), ("nonsense", "nonsense")] {
            std::fs::write(file.path(), before).unwrap();
            raise_instances(file.path());
            assert_eq!(std::fs::read_to_string(file.path()).unwrap(), after);
        }
    }

    #[test]
    fn only_what_is_missing_is_installed_and_once() {
        assert_eq!(missing(|_| true), Vec::<&str>::new());
        assert_eq!(
            missing(|program| !matches!(program, "nsenter" | "setsid" | "debootstrap")),
            ["debootstrap", "util-linux"]
        );
    }
}
