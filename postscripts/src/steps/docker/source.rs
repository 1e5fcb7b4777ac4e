//! Sources of packages: the host's own, or the management node's directory and its content.

use std::fmt;

use crate::environment::{Environment, Node};
use crate::fetch::Server;

use super::error::DockerError;
use super::flat;
use super::manager::Manager;

/// The management node's directory of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory {
    /// Its URL, without a trailing `/`.
    pub(super) url: String,
    /// The URL that the package manager reads: the same, or a copy on this host.
    pub(super) base: String,
    /// Whether signatures are required.
    pub(super) signed: bool,
    /// Packages by name and file name, if there is no index; otherwise empty.
    pub(super) flat: Vec<(String, String)>,
}

/// The sources of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// The host's own.
    Host,
    /// The directory only.
    Alone(Directory),
    /// The directory and the host's own, because the directory is incomplete.
    Beside(Directory),
}

impl Directory {
    /// Whether packages are named by their files.
    pub(super) fn is_flat(&self) -> bool {
        !self.flat.is_empty()
    }

    /// The host name in the URL.
    pub(super) fn host(&self) -> &str {
        let rest = self.url.strip_prefix("http://").unwrap_or(&self.url);
        let rest = rest.split('/').next().unwrap_or_default();
        rest.rsplit_once(':').map_or(rest, |(host, _)| host)
    }

    /// Arguments for the package manager: names, or URLs of files.
    pub(super) fn args(&self, packages: &[String]) -> Vec<String> {
        let word = |package: &String| {
            let file = self.flat.iter().find(|(name, _)| name == package);
            file.map_or_else(|| package.clone(), |(_, file)| format!("{}/{file}", self.url))
        };
        packages.iter().map(word).collect()
    }
}

impl Scope {
    /// The management node's directory, if it is used.
    pub(super) fn directory(&self) -> Option<&Directory> {
        match self {
            Self::Host => None,
            Self::Alone(directory) | Self::Beside(directory) => Some(directory),
        }
    }

    /// Whether the host's own sources are used.
    pub(super) fn has_host_sources(&self) -> bool {
        !matches!(self, Self::Alone(_))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host's own sources"),
            Self::Alone(directory) => write!(f, "packages of {}", directory.url),
            Self::Beside(directory) => write!(f, "packages of {} and the host's own sources", directory.url),
        }
    }
}

/// Path of the directory on the management node, as in xCAT's otherpkgs: the osimage's `otherpkgdir`, else
/// `$INSTALLDIR/post/otherpkgs/$OSVER/$ARCH` (xCAT `otherpkgs`).
pub(super) fn path(environment: &Environment, node: &Node) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    // several may be listed, also URLs of other servers, which belong to the host's own sources
    let listed = environment.get("OTHERPKGDIR").unwrap_or_default().split(',').map(str::trim);
    let ours = |path: &&str| path.starts_with('/') && path.chars().all(plain);
    let default = || format!("/install/post/otherpkgs/{}/{}", node.os_version, node.arch);
    listed.into_iter().find(ours).map_or_else(default, |path| path.trim_end_matches('/').to_owned())
}

/// The sources to try, in order.
///
/// # Errors
/// The management node does not answer, or has no packages with `unsigned=yes`.
pub(super) async fn scopes(
    manager: Manager,
    server: &Server,
    path: &str,
    packages: &[String],
    unsigned: bool,
) -> Result<Vec<Scope>, DockerError> {
    match find_directory(manager, server, path, packages, unsigned).await? {
        Some(directory) => Ok(vec![Scope::Alone(directory.clone()), Scope::Beside(directory)]),
        None if unsigned => Err(DockerError::NoIndex {
            packages: packages.to_vec(),
            url: server.url(path),
            indexer: manager.indexer(),
        }),
        None => Ok(vec![Scope::Host]),
    }
}

/// Files that mark a directory as a source, with and without a signature.
fn indexes(manager: Manager) -> (&'static [&'static str], &'static [&'static str]) {
    match manager {
        Manager::Apt => (&["InRelease", "Release.gpg"], &["Packages", "Packages.gz", "Packages.xz"]),
        // each package is signed, not the index
        Manager::Dnf | Manager::Yum | Manager::Zypper => (&["repodata/repomd.xml"], &["repodata/repomd.xml"]),
    }
}

async fn find_directory(
    manager: Manager,
    server: &Server,
    path: &str,
    packages: &[String],
    unsigned: bool,
) -> Result<Option<Directory>, DockerError> {
    let (signed, bare) = indexes(manager);
    let url = server.url(path);
    let directory = |base, flat| Directory { url: url.clone(), base, signed: !unsigned, flat };
    for index in if unsigned { bare } else { signed } {
        if server.has(&format!("{path}/{index}")).map_err(DockerError::Look)? {
            return Ok(Some(directory(url.clone(), Vec::new())));
        }
    }
    // apt cannot verify packages without an index
    if manager == Manager::Apt && !unsigned {
        return Ok(None);
    }
    let Some(listing) = server.find(&format!("{path}/")).map_err(DockerError::Look)? else { return Ok(None) };
    let listing = String::from_utf8_lossy(&listing);
    let files = if manager == Manager::Apt { flat::debs(&listing) } else { flat::rpms(&listing) };
    if packages.iter().any(|package| files.iter().all(|(name, _)| name != package)) {
        return Ok(None);
    }
    Ok(Some(match manager {
        Manager::Apt => directory(flat::index(server, path, &files).await?, Vec::new()),
        Manager::Dnf | Manager::Yum | Manager::Zypper => directory(url.clone(), files),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node {
            name: "host1".parse().unwrap(),
            master: "10.99.0.1".parse().unwrap(),
            http_port: 80,
            os_version: "rocky9".to_owned(),
            arch: "x86_64".to_owned(),
        }
    }

    #[test]
    fn the_directory_is_the_osimages() {
        let path = |value: &str| path(&[("OTHERPKGDIR", value)].into_iter().collect(), &node());
        assert_eq!(path(""), "/install/post/otherpkgs/rocky9/x86_64");
        assert_eq!(path("/install/post/mine/"), "/install/post/mine");
        assert_eq!(path("http://mirror/x,/install/post/mine"), "/install/post/mine");
        assert_eq!(path("/install/$(x)"), "/install/post/otherpkgs/rocky9/x86_64");
    }
}
