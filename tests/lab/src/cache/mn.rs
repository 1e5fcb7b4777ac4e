//! The management node's layer over the bare root: a web server that serves `/install` and `/tftpboot` with
//! directory listings, as xCAT's does, and a DHCP server.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cache::apt::Apt;
use crate::cache::entry::{Entry, EntryError};
use crate::cache::installed::{self, InstallError};
use crate::manager::Change;

/// How making the layer failed.
#[derive(Debug, Error)]
pub enum MnError {
    /// The cache.
    #[error("cannot keep the management node's layer in the cache")]
    Entry(#[from] EntryError),
    /// Packages.
    #[error(transparent)]
    Install(#[from] InstallError),
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
/// dnsmasq-base is dnsmasq without a service: only a lab whose hosts ask for their address starts it.
const PACKAGES: [&str; 2] = ["nginx", "dnsmasq-base"];
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
    let change = Change { install: PACKAGES.map(str::to_owned).into(), ..Change::default() };
    let layer = installed::build(apt, root, &change, half).await?;
    for directory in DIRECTORIES {
        let path = layer.join(directory);
        std::fs::create_dir_all(&path).map_err(at("make", &path))?;
    }
    let site = layer.join(SITE_PATH);
    std::fs::write(&site, SITE).map_err(at("write", &site))?;
    Ok(())
}

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> MnError + 'a {
    move |source| MnError::File { operation, path: path.to_owned(), source }
}
