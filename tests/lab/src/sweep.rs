//! Taking a lab down, from its names alone: it works after any crash, and a second time. It goes on past an
//! error and tells all of them at the end.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cgroup;
use crate::dirs::Dirs;
use crate::fabric;
use crate::mounts;
use crate::name::LabName;

/// What could not be removed.
#[derive(Debug, Error)]
#[error("{}", self.message())]
pub struct SweepError {
    failures: Vec<String>,
}

impl SweepError {
    fn message(&self) -> String {
        self.failures.join("; ")
    }
}

/// Ends all processes of a lab, removes its namespaces, mounts, cgroups and directory.
///
/// # Errors
/// All that stayed.
pub async fn sweep(dirs: &Dirs, lab: &LabName) -> Result<(), SweepError> {
    let mut failures = Failures::default();
    failures.note(cgroup::kill_all(lab, None).await);
    for namespace in entries(Path::new("/run/netns")).filter(|name| lab.owns(name)) {
        failures.note(fabric::remove(&namespace).await);
    }
    failures.note(cgroup::remove(lab, None));
    let path = dirs.lab(lab).path;
    forget_nspawn(lab, &path);
    failures.note(mounts::unmount_below(&path));
    failures.note(remove_directory(&path));
    failures.into_result()
}

/// systemd-nspawn leaves a directory and a lock file when it is killed.
fn forget_nspawn(lab: &LabName, path: &Path) {
    let nspawn = Path::new("/run/systemd/nspawn");
    for name in entries(&nspawn.join("propagate")).filter(|name| lab.owns(name)) {
        // empty, or still a machine's own mounts, which go with the machine
        let _ = std::fs::remove_dir(nspawn.join("propagate").join(name));
    }
    for member in entries(path) {
        if let Ok(root) = path.join(member).join("root").metadata() {
            // nspawn.c, image_path_lock: named by device and inode of the root
            let lock = format!("locks/inode-{}:{}", root.dev(), root.ino());
            let _ = std::fs::remove_file(nspawn.join(lock));
        }
    }
}

#[derive(Debug, Error)]
enum DirectoryError {
    #[error("{} is still mounted; nothing in it was removed", .0.display())]
    Mounted(PathBuf),
    #[error("cannot look for mounts")]
    Mounts(#[source] mounts::MountError),
    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: std::io::Error },
}

/// Never through a mount: what is behind it may be shared.
fn remove_directory(path: &Path) -> Result<(), DirectoryError> {
    if let Some(mounted) = mounts::below(path).map_err(DirectoryError::Mounts)?.into_iter().next() {
        return Err(DirectoryError::Mounted(mounted));
    }
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(DirectoryError::Remove { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn entries(directory: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[derive(Debug, Default)]
struct Failures(Vec<String>);

impl Failures {
    fn note<E: std::error::Error>(&mut self, result: Result<(), E>) {
        if let Err(error) = result {
            self.0.push(chain::chain(&error));
        }
    }

    fn into_result(self) -> Result<(), SweepError> {
        if self.0.is_empty() { Ok(()) } else { Err(SweepError { failures: self.0 }) }
    }
}
