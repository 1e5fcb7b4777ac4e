//! The disk that every machine begins with: the hosts' bare Debian with a kernel and an initramfs, as one ext4 file
//! system made by `mke2fs -d`, without a mount or a loop device. Built once.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::cache::apt::Apt;
use lab::cache::entry::{Entry, EntryError};
use lab::cache::installed::{self, InstallError};
use lab::manager::Change;
use lab::mounts::{MountError, overlay, unmount_below};
use process::{Command, ExecuteError};
use thiserror::Error;

/// How the disk could not be made.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The cache.
    #[error("cannot keep the machine's disk in the cache")]
    Entry(#[from] EntryError),
    /// Kernel and initramfs.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// Layers.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A file of the image.
    #[error("cannot write a file of the machine's image")]
    Write(#[source] durable::FileError),
    /// A link or directory.
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
    /// mke2fs.
    #[error("cannot make a file system of the machine's image")]
    MakeFs(#[source] Box<ExecuteError>),
    /// cp.
    #[error("cannot copy the machine's disk")]
    Copy(#[source] Box<ExecuteError>),
    /// No kernel in the image.
    #[error("the image has no {0} in /boot: remove it from the cache and run `machine setup`")]
    NoKernel(&'static str),
}

/// Raised when the same ingredients give another disk.
const FORMAT: &str = "1";
/// Beside what boots: apparmor, which the kernel recommends and Debian's installer takes (Docker can start no container
/// without it on a kernel that has it on); python3, which Open vSwitch's package needs and every Debian of the installer has.
const PACKAGES: [&str; 5] = ["linux-image-amd64", "initramfs-tools", "busybox", "apparmor", "python3"];
/// Of the file system; the file is sparse.
const SIZE: &str = "8G";

const SERVICE: &str = include_str!("../files/xcatpostinit1.service");

/// Path, mode and content of what stands in the image before the kernel is installed: its initramfs is made then.
const FILES: [(&str, u32, &str); 6] = [
    ("etc/initramfs-tools/conf.d/machine", 0o644, include_str!("../files/initramfs.conf")),
    ("etc/initramfs-tools/modules", 0o644, include_str!("../files/initramfs-modules")),
    ("etc/initramfs-tools/scripts/local-bottom/seed", 0o755, include_str!("../files/seed")),
    ("etc/systemd/system/xcatpostinit1.service", 0o644, SERVICE),
    ("opt/xcat/xcatpostinit1", 0o755, include_str!("../files/xcatpostinit1")),
    ("etc/fstab", 0o644, "/dev/vda / ext4 defaults 0 1\n"),
];
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/xcatpostinit1.service";

/// The disk in the cache, and what qemu loads itself.
#[derive(Debug, Clone)]
pub struct Disk {
    directory: PathBuf,
}

impl Disk {
    /// Finds it, or builds it once (half a minute).
    ///
    /// # Errors
    /// What could not be built.
    pub async fn get(apt: &Apt, root: &Path, say: lab::lab::Say<'_>) -> Result<Self, DiskError> {
        let name = root.to_string_lossy();
        let ingredients = [FORMAT, SIZE, WANTED, &name].into_iter().chain(PACKAGES);
        let ingredients = ingredients.chain(FILES.iter().flat_map(|(path, _, content)| [*path, *content]));
        let cache = root.parent().unwrap_or(root);
        let entry = Entry::new(cache, "machine", ingredients, &["kernel", "initrd", "disk.img"]);
        let build = |half: PathBuf| async move {
            say("making a machine's disk: Debian with its own kernel (once; half a minute)");
            build(apt, root, &half).await
        };
        Ok(Self { directory: entry.get(build).await? })
    }

    /// Debian's kernel.
    pub fn kernel(&self) -> PathBuf {
        self.directory.join("kernel")
    }

    /// Its initramfs.
    pub fn initrd(&self) -> PathBuf {
        self.directory.join("initrd")
    }

    /// Gives a machine a disk of its own, sparse as the cached one is.
    ///
    /// # Errors
    /// What `cp` said.
    pub async fn copy(&self, to: &Path) -> Result<(), DiskError> {
        let copy = Command::new("cp", Duration::from_secs(120))
            .args(["--sparse=always", "--reflink=auto", "--"])
            .args([&self.directory.join("disk.img"), to]);
        copy.execute().await.map(drop).map_err(|source| DiskError::Copy(source.into()))
    }
}

async fn build(apt: &Apt, root: &Path, half: &Path) -> Result<(), DiskError> {
    let below = half.join("files");
    let (bare, kernel) = (below.join("merged"), half.join("kernel-layer"));
    overlay(&[root.to_owned()], &below.join(installed::LAYER), &below.join("work"), &bare)?;
    let made = in_overlay(apt, &bare, &kernel, half).await;
    unmount_below(half)?;
    made?;
    for directory in [below, kernel] {
        std::fs::remove_dir_all(&directory).map_err(at("remove", &directory))?;
    }
    Ok(())
}

async fn in_overlay(apt: &Apt, bare: &Path, kernel: &Path, half: &Path) -> Result<(), DiskError> {
    for (path, mode, content) in FILES {
        durable::replace(&bare.join(path), content.as_bytes(), mode).map_err(DiskError::Write)?;
    }
    let link = bare.join(WANTED);
    std::os::unix::fs::symlink("../xcatpostinit1.service", &link).map_err(at("link", &link))?;
    let change = Change { install: PACKAGES.map(str::to_owned).to_vec(), ..Change::default() };
    let layer = installed::build(apt, bare, &change, kernel).await?;
    for (prefix, name) in [("vmlinuz-", "kernel"), ("initrd.img-", "initrd")] {
        let found = newest(&layer.join("boot"), prefix).ok_or(DiskError::NoKernel(prefix))?;
        std::fs::copy(&found, half.join(name)).map_err(at("copy", &found))?;
    }
    let (work, merged) = (kernel.join("again"), kernel.join("all"));
    overlay(&[bare.to_owned()], &layer, &work, &merged)?;
    let make = Command::new("mke2fs", Duration::from_secs(300))
        .args(["-q", "-t", "ext4", "-L", "root", "-d"])
        .args([&merged, &half.join("disk.img")])
        .args([SIZE]);
    make.execute().await.map(drop).map_err(|source| DiskError::MakeFs(source.into()))
}

fn newest(boot: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(boot).into_iter().flatten().flatten();
    let kernels = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    kernels.map(|entry| entry.path()).max()
}

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DiskError + 'a {
    move |source| DiskError::File { operation, path: path.to_owned(), source }
}
