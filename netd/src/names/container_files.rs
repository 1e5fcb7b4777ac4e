//! Docker's files of a container: the labels with which it was created, and its /etc/hosts.
//!
//! Docker mounts the file into the container, so the file must stay the same one, and is written in place. Only root changes the
//! directories, and no symbolic link is followed: a container can only change the content.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use inventory::NodeName;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FallocateFlags, OFlag, fallocate, openat};
use nix::sys::stat::Mode;
use serde::Deserialize;
use thiserror::Error;

use super::hosts_file::{Entry, refresh};
use crate::reconcile::HostsFiles;

/// The engine's data (`docker info`, Docker Root Dir).
pub(crate) const DOCKER_ROOT: &str = "/var/lib/docker";
/// Label of a container with links: its entries of /etc/hosts (cli, `plan::LINKS_LABEL`).
const LABEL: &str = "xdock.links";
/// Label of a container that xdock created.
const NODE_LABEL: &str = "xdock.node";
/// Largest /etc/hosts that is changed.
const LARGEST: u64 = 1 << 20;

/// A container of Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// Its ID.
    id: String,
    /// The node that it was created for, and its entries for links. `None`: xdock wrote none.
    created: Option<(String, Vec<Entry>)>,
}

impl Container {
    /// The entries with which xdock created it, if it did for this node.
    pub(crate) fn created_for(&self, node: &NodeName) -> Option<&[Entry]> {
        let (created_for, entries) = self.created.as_ref()?;
        (created_for == node.as_str()).then_some(entries)
    }
}

/// A file could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum ContainerFileError {
    /// Docker's files could not be read.
    #[error(
        "cannot read Docker's files of containers: their /etc/hosts may have old addresses of links; set NETD_DOCKER_ROOT in /etc/xdock/netd.env"
    )]
    Docker(#[source] durable::FileError),
    /// The hosts file.
    #[error("cannot {operation} {} (/etc/hosts of a container)", path.display())]
    Hosts {
        operation: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Parts of `config.v2.json` (moby `container/container.go`).
#[derive(Deserialize)]
struct Config {
    #[serde(rename = "Config")]
    config: Option<Labels>,
    #[serde(rename = "NetworkSettings")]
    network: Option<NetworkSettings>,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct NetworkSettings {
    #[serde(rename = "SandboxKey", default)]
    sandbox: PathBuf,
}

/// The engine's directory of containers.
#[derive(Debug, Clone)]
pub(crate) struct ContainerFiles(PathBuf);

impl ContainerFiles {
    /// Those below Docker's data directory.
    pub(crate) fn below(root: &Path) -> Self {
        Self(root.join("containers"))
    }

    /// The containers of these sandboxes and their /etc/hosts. `known`: containers that were found before.
    pub(crate) fn observe(&self, sandboxes: &[PathBuf], known: BTreeMap<PathBuf, Container>) -> HostsFiles {
        let mut files = HostsFiles { containers: known, ..HostsFiles::default() };
        let is_unknown = |sandbox: &&PathBuf| !files.containers.contains_key(*sandbox);
        let unknown: Vec<PathBuf> = sandboxes.iter().filter(is_unknown).cloned().collect();
        if !unknown.is_empty() {
            match self.find(&unknown) {
                Ok(found) => files.containers.extend(found),
                Err(error) => files.problems.push(chain::chain(&error)),
            }
        }
        for (sandbox, container) in
            files.containers.iter().filter(|(_, container)| container.created.is_some())
        {
            match self.read(container) {
                Ok(text) => drop(files.texts.insert(sandbox.clone(), text)),
                Err(error) => files.problems.push(chain::chain(&error)),
            }
        }
        files
    }

    /// The containers of these sandboxes. One that dockerd is starting has no sandbox yet.
    fn find(&self, sandboxes: &[PathBuf]) -> Result<Vec<(PathBuf, Container)>, ContainerFileError> {
        let directories = durable::list(&self.0).map_err(ContainerFileError::Docker)?.unwrap_or_default();
        let container = |directory: &Path| {
            let id = directory
                .file_name()?
                .to_str()
                .filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            // dockerd may be creating or removing it
            let text = durable::read(&directory.join("config.v2.json")).ok()??;
            let Config { config, network } = serde_json::from_slice(&text).ok()?;
            let sandbox = network?.sandbox;
            let sandbox = sandboxes.iter().find(|wanted| same_sandbox(wanted, &sandbox))?;
            let created = config.and_then(|of| of.labels).as_ref().and_then(created);
            Some((sandbox.clone(), Container { id: id.to_owned(), created }))
        };
        Ok(directories.iter().filter_map(|directory| container(directory)).collect())
    }

    /// The content of a container's /etc/hosts.
    fn read(&self, container: &Container) -> Result<String, ContainerFileError> {
        self.open(container, OFlag::O_RDONLY)
            .and_then(|file| read(&file))
            .map_err(|source| self.error("read", container, source))
    }

    /// Corrects the lines of links. `false`: they are current.
    pub(crate) fn write(&self, container: &Container, wanted: &[Entry]) -> Result<bool, ContainerFileError> {
        let Some((_, created)) = &container.created else { return Ok(false) };
        let write = || {
            let file = self.open(container, OFlag::O_RDWR)?;
            let text = read(&file)?;
            let Some(new) = refresh(&text, created, wanted) else { return Ok(false) };
            // a reader finds whole lines at any moment: empty lines take the place of what the next call removes
            let padded = format!("{new}{}", "\n".repeat(text.len().saturating_sub(new.len())));
            reserve(&file, padded.len())?;
            file.write_all_at(padded.as_bytes(), 0)?;
            file.set_len(new.len().try_into().map_err(io::Error::other)?)?;
            Ok(true)
        };
        write().map_err(|source| self.error("write", container, source))
    }

    fn error(&self, operation: &'static str, container: &Container, source: io::Error) -> ContainerFileError {
        ContainerFileError::Hosts { operation, path: self.0.join(&container.id).join("hosts"), source }
    }

    fn open(&self, container: &Container, access: OFlag) -> io::Result<File> {
        let directory = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let containers = openat(AT_FDCWD, &self.0, directory, Mode::empty())?;
        let directory = openat(&containers, OsStr::new(&container.id), directory, Mode::empty())?;
        let plain = access | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let file: OwnedFd = openat(&directory, "hosts", plain, Mode::empty())?;
        let file = File::from(file);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no regular file")) }
    }
}

/// Reserves space for the whole content: on a full disk nothing is written, instead of a part.
fn reserve(file: &File, length: usize) -> io::Result<()> {
    let length = length.try_into().map_err(io::Error::other)?;
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, length) {
        // a file system without reservations
        Err(Errno::EOPNOTSUPP) => Ok(()),
        done => Ok(done?),
    }
}

/// dockerd writes one path, netd may have got the other.
fn same_sandbox(one: &Path, other: &Path) -> bool {
    let within = |path: &Path| {
        path.strip_prefix("/var")
            .map(Path::to_owned)
            .unwrap_or_else(|_| path.strip_prefix("/").map(Path::to_owned).unwrap_or_default())
    };
    !one.as_os_str().is_empty() && within(one) == within(other)
}

fn created(labels: &BTreeMap<String, String>) -> Option<(String, Vec<Entry>)> {
    let entries = labels.get(LABEL)?.split(',').map(Entry::parse).collect::<Option<_>>()?;
    Some((labels.get(NODE_LABEL)?.clone(), entries))
}

fn read(file: &File) -> io::Result<String> {
    if file.metadata()?.len() > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    let mut text = String::new();
    let mut file = file;
    file.read_to_string(&mut text)?;
    Ok(text)
}
