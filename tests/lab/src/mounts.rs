//! A machine's root file system: an overlay of the cached layers and what the machine wrote.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use thiserror::Error;

use crate::dirs::MemberDir;

/// How a mount failed.
#[derive(Debug, Error)]
pub enum MountError {
    /// A directory for it.
    #[error("cannot make directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel refused.
    #[error("cannot mount the layers at {}", path.display())]
    Mount {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: nix::Error,
    },
    /// It stays.
    #[error("cannot unmount {}", path.display())]
    Unmount {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: nix::Error,
    },
    /// What is mounted is not known.
    #[error("cannot read /proc/self/mountinfo")]
    List(#[source] io::Error),
}

/// Mounts a machine's root, unless it is mounted: `lowest` is the layer below all others.
///
/// # Errors
/// Names the place.
pub fn mount_root(dir: &MemberDir, layers: &[PathBuf]) -> Result<(), MountError> {
    let root = dir.root();
    if below(&root)?.contains(&root) {
        return Ok(());
    }
    overlay(layers, &dir.upper(), &dir.work(), &root)
}

/// Mounts an overlay: the first layer wins.
///
/// # Errors
/// Names the place.
pub fn overlay(layers: &[PathBuf], upper: &Path, work: &Path, root: &Path) -> Result<(), MountError> {
    for path in [upper, work, root] {
        let failed = |source| MountError::Directory { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(failed)?;
    }
    let options = overlay_options(layers, upper, work);
    mount(Some("overlay"), root, Some("overlay"), MsFlags::empty(), Some(options.as_os_str()))
        .map_err(|source| MountError::Mount { path: root.to_owned(), source })
}

fn overlay_options(layers: &[PathBuf], upper: &Path, work: &Path) -> OsString {
    let mut options = OsString::from("lowerdir=");
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            options.push(":");
        }
        options.push(layer);
    }
    for (name, path) in [(",upperdir=", upper), (",workdir=", work)] {
        options.push(name);
        options.push(path);
    }
    options
}

/// Unmounts everything at or below a directory, the innermost first.
///
/// # Errors
/// Names the first that stays.
pub fn unmount_below(directory: &Path) -> Result<(), MountError> {
    for path in below(directory)?.iter().rev() {
        umount2(path, MntFlags::MNT_DETACH)
            .map_err(|source| MountError::Unmount { path: path.clone(), source })?;
    }
    Ok(())
}

/// What is mounted at or below a directory, in the order in which it was mounted.
///
/// # Errors
/// The list cannot be read.
pub fn below(directory: &Path) -> Result<Vec<PathBuf>, MountError> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").map_err(MountError::List)?;
    Ok(parse(&text).into_iter().filter(|path| path.starts_with(directory)).collect())
}

fn parse(mountinfo: &str) -> Vec<PathBuf> {
    mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(|field| unescape(field).into()).collect()
}

/// proc(5): space, tab, newline and backslash are written as three octal digits.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_keep_their_spaces() {
        let text =
            "36 35 98:0 / /a\\040b/root rw - overlay overlay rw\n37 36 0:5 / /proc rw - proc proc rw\n";
        assert_eq!(parse(text), [Path::new("/a b/root"), Path::new("/proc")]);
    }

    #[test]
    fn layers_are_given_topmost_first() {
        let options = overlay_options(&["/mn".into(), "/base".into()], Path::new("/u"), Path::new("/w"));
        assert_eq!(options, "lowerdir=/mn:/base,upperdir=/u,workdir=/w");
    }
}
