//! What hosts install, as a layer of the management node: a flat apt repository where xCAT keeps it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Command, ExecuteError};
use thiserror::Error;

use crate::cache::apt::{Apt, AptError};
use crate::cache::entry::{Entry, EntryError};

/// How making the repository failed.
#[derive(Debug, Error)]
pub enum PackagesError {
    /// The cache.
    #[error("cannot keep the packages in the cache")]
    Entry(#[from] EntryError),
    /// The download.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// The index.
    #[error("cannot list the packages in {}", path.display())]
    Index {
        /// Of which directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<ExecuteError>,
    },
    /// The index file.
    #[error("cannot write the index of {}", path.display())]
    Write {
        /// Of which directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: durable::FileError,
    },
}

const FORMAT: &str = "1";

/// Where a release's packages are on the management node: xCAT's otherpkgdir, `/install/post/otherpkgs/OSVER/ARCH`.
pub fn directory(suite: &str) -> String {
    format!("install/post/otherpkgs/{}/{}", osver(suite), std::env::consts::ARCH)
}

/// xCAT's name of a release (`OSVER`).
pub fn osver(suite: &str) -> String {
    let number = match suite {
        "bullseye" => "11",
        "bookworm" => "12",
        "trixie" => "13",
        "forky" => "14",
        other => other,
    };
    format!("debian{number}")
}

/// The entry of the packages.
pub fn entry(cache: &Path, suite: &str, packages: &[String]) -> Entry {
    let ingredients = [FORMAT, suite].into_iter().chain(packages.iter().map(String::as_str));
    Entry::new(cache, &format!("packages-{suite}"), ingredients, &["install/post/otherpkgs"])
}

/// Downloads them into `layer` and makes the index.
///
/// # Errors
/// What apt said, or the index could not be written.
pub async fn build(
    apt: &Apt,
    root: &Path,
    (suite, packages): (&str, &[String]),
    layer: &Path,
) -> Result<(), PackagesError> {
    let path = layer.join(directory(suite));
    apt.download(root, packages, &path).await?;
    let scan = Command::new("sh", Duration::from_secs(300))
        .args(["-ec", "cd \"$1\" && dpkg-scanpackages --multiversion . 2>/dev/null", "scan"])
        .args([&path]);
    let index = scan
        .execute()
        .await
        .map_err(|source| PackagesError::Index { path: path.clone(), source: source.into() })?;
    durable::replace(&path.join("Packages"), &index.stdout, 0o644)
        .map(drop)
        .map_err(|source| PackagesError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_where_xcat_keeps_them() {
        assert!(directory("bookworm").starts_with("install/post/otherpkgs/debian12/"));
        assert_eq!(osver("sid"), "debiansid");
    }
}
