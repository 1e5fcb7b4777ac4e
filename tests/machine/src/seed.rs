//! What a machine has of its own before its first boot, packed as a disk that its initramfs unpacks: the same files that
//! the lab gives its hosts, and what xCAT leaves behind on a machine that it has deployed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::host::files::files;
use lab::host::keys::{KeyError, Keys};
use lab::plan::{Machine as Host, Spec};
use process::{Command, ExecuteError};
use thiserror::Error;

/// How the files could not be packed.
#[derive(Debug, Error)]
pub enum SeedError {
    /// ssh keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Where they are put together.
    #[error("cannot make a directory for the machine's files")]
    Directory(#[source] std::io::Error),
    /// One of them.
    #[error("cannot write a file of the machine")]
    Write(#[source] durable::FileError),
    /// tar.
    #[error("cannot pack the machine's files")]
    Pack(#[source] ExecuteError),
}

/// The lab's help for hosts that share a kernel without Open vSwitch: this machine's own has it.
const WITHOUT_MODULE: &str = "etc/systemd/system/ovs-vswitchd.service.d/";

/// What makes one machine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    content: Vec<(PathBuf, u32, String)>,
    /// The public half of its ssh host key.
    pub host_key: String,
}

impl Seed {
    /// The files of a machine that lets the management node's root in (`root_key`, the public half).
    ///
    /// # Errors
    /// What ssh-keygen said.
    pub async fn new(spec: &Spec, host: &Host, root_key: &str) -> Result<Self, SeedError> {
        let mut keys = Keys::generate(spec).await?;
        keys.root.public = format!("{root_key}\n");
        let host_key = keys.hosts.get(&host.member).map(|pair| pair.public.clone()).unwrap_or_default();
        let own = files(spec, host, &keys).into_iter().filter(|file| !file.path.starts_with(WITHOUT_MODULE));
        let content = own.map(|file| (file.path.into(), file.mode, file.content));
        Ok(Self { content: content.collect(), host_key })
    }

    /// As xCAT leaves a machine that it has deployed: its first boot runs the postscripts of the server at `master`.
    pub fn deployed_by(&mut self, master: std::net::Ipv4Addr) {
        let info = format!("XCATSERVER={master}\nHTTPPORT=80\n");
        self.content.push(("opt/xcat/xcatinfo".into(), 0o644, info));
    }

    /// Packs it.
    ///
    /// # Errors
    /// Names the file, or says what tar said.
    pub async fn pack(&self, to: &Path) -> Result<(), SeedError> {
        let directory = tempfile::tempdir().map_err(SeedError::Directory)?;
        for (path, mode, content) in &self.content {
            durable::replace(&directory.path().join(path), content.as_bytes(), *mode)
                .map_err(SeedError::Write)?;
        }
        // only the files: a directory's mode in the machine stays what it is
        let pack = Command::new("tar", Duration::from_secs(20))
            .args(["--create", "--owner=root:0", "--group=root:0", "--numeric-owner", "--file"])
            .args([to])
            .args([Path::new("--directory"), directory.path()])
            .args(self.content.iter().map(|(path, _, _)| path));
        pack.execute().await.map(drop).map_err(SeedError::Pack)
    }
}
