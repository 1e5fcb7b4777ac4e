//! Where a lab and the cache are on the machine.

use std::path::{Path, PathBuf};

use crate::name::{LabName, Member};

/// The two directories that this program writes in.
#[derive(Debug, Clone)]
pub struct Dirs {
    /// One directory a lab.
    pub labs: PathBuf,
    /// What is built once.
    pub cache: PathBuf,
}

impl Dirs {
    /// `XDOCK_LAB_DIR` and `XDOCK_LAB_CACHE`, else where the Filesystem Hierarchy Standard puts such things.
    pub fn from_environment() -> Self {
        let variable = |name, default: &str| {
            let path = std::env::var_os(name).filter(|value| !value.is_empty());
            let path = path.map_or_else(|| default.into(), PathBuf::from);
            // mounts are found again by their absolute path
            std::path::absolute(&path).unwrap_or(path)
        };
        Self {
            labs: variable("XDOCK_LAB_DIR", "/var/lib/xdock-lab"),
            cache: variable("XDOCK_LAB_CACHE", "/var/cache/xdock-lab"),
        }
    }

    /// The directory of one lab.
    pub fn lab(&self, name: &LabName) -> LabDir {
        LabDir { path: self.labs.join(name.to_string()) }
    }

    /// Held while a lab is changed; beside the lab's directory, because `down` removes that.
    pub fn lock(&self, name: &LabName) -> PathBuf {
        self.labs.join(format!(".{name}.lock"))
    }
}

/// The directory of one lab.
#[derive(Debug, Clone)]
pub struct LabDir {
    /// The directory itself.
    pub path: PathBuf,
}

impl LabDir {
    /// What the lab remembers.
    pub fn state(&self) -> PathBuf {
        self.path.join("state.json")
    }

    /// The directory of one machine.
    pub fn member(&self, member: Member) -> MemberDir {
        MemberDir(self.path.join(member.to_string()))
    }
}

/// The directory of one machine.
#[derive(Debug, Clone)]
pub struct MemberDir(PathBuf);

impl MemberDir {
    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The machine's root file system, mounted from the layers.
    pub fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// Where a disk of limited size is mounted; made only where there is one.
    pub fn disk(&self) -> PathBuf {
        self.0.join("disk")
    }

    /// What is on that disk.
    pub fn disk_image(&self) -> PathBuf {
        self.0.join("disk.img")
    }

    /// Where all that the machine writes is kept.
    fn storage(&self) -> PathBuf {
        let disk = self.disk();
        if disk.is_dir() { disk } else { self.0.clone() }
    }

    /// What the machine wrote.
    pub fn upper(&self) -> PathBuf {
        self.storage().join("upper")
    }

    /// The kernel's scratch directory of the overlay.
    pub fn work(&self) -> PathBuf {
        self.storage().join("work")
    }

    /// A plain directory that appears in the machine: Docker's layers cannot be on an overlay.
    pub fn plain(&self, path: &str) -> PathBuf {
        self.storage().join("plain").join(path.trim_start_matches('/').replace('/', "-"))
    }

    /// What the machine printed while it booted.
    pub fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }
}
