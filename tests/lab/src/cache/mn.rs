//! The management node's layer over the bare root: a web server that serves `/install` and `/tftpboot` with
//! directory listings, as xCAT's does.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Command, ExecuteError};
use thiserror::Error;

use crate::cache::apt::{Apt, AptError};
use crate::cache::entry::{Entry, EntryError};
use crate::mounts::{MountError, overlay, unmount_below};

/// How making the layer failed.
#[derive(Debug, Error)]
pub enum MnError {
    /// The cache.
    #[error("cannot keep the management node's layer in the cache")]
    Entry(#[from] EntryError),
    /// The download.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// The root to install in.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// dpkg.
    #[error("cannot install the web server")]
    Install(#[source] Box<ExecuteError>),
    /// A file.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

const FORMAT: &str = "1";
const PACKAGES: [&str; 1] = ["nginx"];
const SITE: &str = include_str!("../../files/nginx-site");
const SITE_PATH: &str = "etc/nginx/sites-available/default";
const DIRECTORIES: [&str; 4] =
    ["install/postscripts", "install/post/otherpkgs", "tftpboot/mypostscripts", "etc/xdock"];

/// The entry of the layer; the layer itself is `layer` in it.
pub fn entry(cache: &Path, suite: &str, root: &Path) -> Entry {
    let root = root.to_string_lossy();
    let ingredients = [FORMAT, &root, SITE].into_iter().chain(PACKAGES).chain(DIRECTORIES);
    Entry::new(cache, &format!("mn-{suite}"), ingredients, &["layer/usr/sbin/nginx", "layer/tftpboot"])
}

/// Builds it in an empty directory.
///
/// # Errors
/// What apt or dpkg said.
pub async fn build(apt: &Apt, root: &Path, half: &Path) -> Result<(), MnError> {
    let (layer, merged) = (half.join("layer"), half.join("merged"));
    overlay(&[root.to_owned()], &layer, &half.join("work"), &merged)?;
    let debs = merged.join("debs");
    apt.download(root, &PACKAGES.map(str::to_owned), &debs).await?;
    let installed = install(&merged).await;
    unmount_below(&merged)?;
    installed?;
    for directory in DIRECTORIES {
        let path = layer.join(directory);
        std::fs::create_dir_all(&path).map_err(at("make", &path))?;
    }
    let site = layer.join(SITE_PATH);
    std::fs::write(&site, SITE).map_err(at("write", &site))?;
    for path in [layer.join("debs"), half.join("work"), merged] {
        std::fs::remove_dir_all(&path).map_err(at("remove", &path))?;
    }
    Ok(())
}

async fn install(root: &Path) -> Result<(), MnError> {
    let command = Command::new("chroot", Duration::from_secs(300))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args([root])
        .args(["sh", "-ec", INSTALL]);
    command.execute().await.map(drop).map_err(|source| MnError::Install(source.into()))
}

/// policy-rc.d keeps the packages' scripts from starting daemons on the machine (Debian policy 9.3.3).
const INSTALL: &str = "
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
dpkg --force-unsafe-io --install /debs/*.deb
rm /usr/sbin/policy-rc.d
";

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> MnError + 'a {
    move |source| MnError::File { operation, path: path.to_owned(), source }
}
