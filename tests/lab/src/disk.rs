//! A host's disk of limited size: an ext4 in a file, with everything the host writes on it. Filling it is a file that
//! takes all that is free; the host cannot see it.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use process::{Command, ExecuteError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::dirs::MemberDir;
use crate::mounts::{self, MountError};
use crate::name::Member;

/// Text that is no size of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid size {0:?}: digits and M or G, 64M at least")]
pub struct SizeError(String);

/// How large a disk is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

const MEBI: u64 = 1 << 20;
const GIBI: u64 = 1 << 30;

impl FromStr for Size {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let invalid = || SizeError(text.to_owned());
        let (digits, unit) = match (text.strip_suffix('M'), text.strip_suffix('G')) {
            (Some(digits), _) => (digits, MEBI),
            (_, Some(digits)) => (digits, GIBI),
            _ => return Err(invalid()),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        bytes.filter(|bytes| *bytes >= 64 * MEBI).map(Self).ok_or_else(invalid)
    }
}

impl TryFrom<String> for Size {
    type Error = SizeError;
    fn try_from(text: String) -> Result<Self, SizeError> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(GIBI) {
            write!(f, "{}G", self.0 / GIBI)
        } else {
            write!(f, "{}M", self.0 / MEBI)
        }
    }
}

/// What can be done with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Disk {
    /// Nothing more goes on it.
    Full,
    /// As before.
    Free,
}

/// How a disk failed.
#[derive(Debug, Error)]
pub enum DiskError {
    /// Not asked for at `up`.
    #[error("{0} has all of the machine's disk: `lab up N --disk 2G` gives hosts one of their own")]
    None(Member),
    /// A file or directory.
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
    /// mkfs or mount.
    #[error("cannot make the disk {}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// What it said.
        #[source]
        source: Box<ExecuteError>,
    },
    /// What is mounted is not known.
    #[error(transparent)]
    Mounts(#[from] MountError),
}

const DEADLINE: Duration = Duration::from_secs(60);
const FILLER: &str = "filler";

/// Mounts a machine's disk, and makes it where it is not there yet.
///
/// # Errors
/// What mkfs or mount said.
pub async fn mount(dir: &MemberDir, size: Size) -> Result<(), DiskError> {
    let (image, place) = (dir.disk_image(), dir.disk());
    if mounts::below(&place)?.contains(&place) {
        return Ok(());
    }
    std::fs::create_dir_all(&place).map_err(at("make", &place))?;
    let failed = |source: ExecuteError| DiskError::Make { path: image.clone(), source: source.into() };
    if !image.exists() {
        let file = File::create(&image).map_err(at("make", &image))?;
        file.set_len(size.0).map_err(at("size", &image))?;
        // nothing is kept back for root: a full disk is full for everybody
        let make = Command::new("mkfs.ext4", DEADLINE).args(["-q", "-F", "-m", "0"]).args([&image]);
        make.execute().await.map_err(failed)?;
    }
    let mount = Command::new("mount", DEADLINE).args(["-o", "loop"]).args([&image, &place]);
    mount.execute().await.map(drop).map_err(failed)
}

/// Fills a machine's disk to its last block, or frees what that took.
///
/// # Errors
/// The machine has no disk of its own, or the file system refuses.
pub fn turn(dir: &MemberDir, member: Member, to: Disk) -> Result<(), DiskError> {
    if !dir.disk().is_dir() {
        return Err(DiskError::None(member));
    }
    let filler = dir.disk().join(FILLER);
    match to {
        Disk::Full => fill(&filler),
        Disk::Free => match std::fs::remove_file(&filler) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", &filler)(error)),
            _ => Ok(()),
        },
    }
}

/// In ever smaller pieces, to the size of a block.
fn fill(path: &Path) -> Result<(), DiskError> {
    let file = File::options().create(true).append(true).open(path).map_err(at("open", path))?;
    let mut end = file.metadata().map_err(at("measure", path))?.len().cast_signed();
    let mut piece = GIBI.cast_signed();
    while piece >= 4096 {
        match fallocate(&file, FallocateFlags::empty(), end, piece) {
            Ok(()) => end += piece,
            Err(Errno::ENOSPC) => piece /= 2,
            Err(error) => return Err(at("fill", path)(error.into())),
        }
    }
    Ok(())
}

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DiskError + 'a {
    move |source| DiskError::File { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for text in ["64M", "1536M", "2G"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("2048M".parse::<Size>().unwrap().to_string(), "2G");
    }

    #[test]
    fn what_is_no_size_is_told() {
        for bad in ["", "2", "G", "63M", "-1G", "99999999999999G", "1T"] {
            let error = bad.parse::<Size>().unwrap_err();
            assert_eq!(error.to_string(), format!("invalid size {bad:?}: digits and M or G, 64M at least"));
        }
    }

    #[test]
    fn a_host_without_a_disk_is_told_how_to_get_one() {
        let directory = tempfile::tempdir().unwrap();
        let dirs = crate::dirs::Dirs { labs: directory.path().into(), cache: directory.path().into() };
        let dir = dirs.lab(&"lab".parse().unwrap()).member(Member::Host(1));
        assert_eq!(
            turn(&dir, Member::Host(1), Disk::Full).unwrap_err().to_string(),
            "host1 has all of the machine's disk: `lab up N --disk 2G` gives hosts one of their own"
        );
    }
}
