//! A layer over a root in which packages were installed or removed: made in an overlay, of which the upper
//! directory stays.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Command, ExecuteError};
use thiserror::Error;

use crate::cache::apt::{Apt, AptError};
use crate::manager::Change;
use crate::mounts::{MountError, overlay, unmount_below};

/// How making the layer failed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The download.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// The root to install in.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// dpkg, or systemctl.
    #[error("cannot install {packages} in a root")]
    Install {
        /// What was asked for.
        packages: String,
        /// What it said.
        #[source]
        source: Box<ExecuteError>,
    },
    /// A file.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The directory of the layer in its entry.
pub const LAYER: &str = "layer";

/// Makes the layer over `root` in the empty directory `half`, and says where it is.
///
/// # Errors
/// What apt, dpkg or systemctl said.
pub async fn build(apt: &Apt, root: &Path, change: &Change, half: &Path) -> Result<PathBuf, InstallError> {
    let (layer, work, merged) = (half.join(LAYER), half.join("work"), half.join("merged"));
    overlay(&[root.to_owned()], &layer, &work, &merged)?;
    let changed = in_overlay(apt, change, &merged).await;
    unmount_below(&merged)?;
    changed?;
    for path in [layer.join("debs"), work, merged] {
        match std::fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(InstallError::Remove { path, source });
            }
            _ => {}
        }
    }
    Ok(layer)
}

async fn in_overlay(apt: &Apt, change: &Change, merged: &Path) -> Result<(), InstallError> {
    if !change.install.is_empty() {
        apt.download(merged, &change.install, &merged.join("debs")).await?;
    }
    let command = Command::new("chroot", Duration::from_secs(300))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args([merged])
        .args(["sh", "-ec", SCRIPT, "change"])
        .args([change.purge.join(" "), change.enable.join(" ")]);
    let failed = |source: ExecuteError| InstallError::Install {
        packages: change.install.join(", "),
        source: source.into(),
    };
    command.execute().await.map(drop).map_err(failed)
}

/// policy-rc.d keeps the packages' scripts from starting daemons on the machine (Debian policy 9.3.3). apt knows the
/// order that pre-dependencies ask for, dpkg does not.
const SCRIPT: &str = "
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
if [ -d /debs ]; then
    apt-get -qq -y -o Dpkg::Options::=--force-unsafe-io -o APT::Sandbox::User=root -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= --no-install-recommends install /debs/*.deb
fi
if [ -n \"$1\" ]; then dpkg --force-unsafe-io --purge $1; fi
if [ ! -e /usr/sbin/ifup ]; then rm -rf /etc/network/interfaces /etc/network/interfaces.d; fi
if [ -n \"$2\" ]; then systemctl enable $2; fi
rm /usr/sbin/policy-rc.d
";
