//! Atomic file writes: after a crash a file has its old or its new content.
//!
//! Writes a temporary file in the same directory, syncs it, renames it, and syncs the directory (otherwise ext4 may
//! store the name before the content). An unchanged file is not written.

#![allow(clippy::disallowed_methods, reason = "this crate is what others call instead")]

mod read;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use read::{
    READ_LIMIT, exists, kernel_text, list, mode, read, read_text, read_text_up_to, read_up_to, same_content,
};

/// A file that could not be read, replaced or removed. Its content is unchanged.
#[derive(Debug, Error)]
#[error("cannot {operation} {}", path.display())]
pub struct FileError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    /// The kind of the I/O error.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// What a call changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the file already had this content.
    None,
    /// The file was written.
    Written,
}

/// Writes `content` to `path` with permission bits `mode`, and creates missing parent directories (0755).
///
/// # Errors
/// The path and the step that failed; the old file is unchanged.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<Change, FileError> {
    if is_already(path, content, mode) {
        return Ok(Change::None);
    }
    let parent = parent_of(path);
    fs::create_dir_all(parent).map_err(at("create directory", parent))?;
    let temporary = temporary_beside(path);
    let written = write_synced(&temporary, content, mode)
        .map_err(at("write", &temporary))
        .and_then(|()| fs::rename(&temporary, path).map_err(at("replace", path)));
    if let Err(error) = written {
        // report the first error; a left-over temporary file does no harm
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_directory(parent)?;
    Ok(Change::Written)
}

/// Makes `path` a symbolic link to `target`, and creates missing parent directories (0755). An old link works until
/// it is replaced.
///
/// # Errors
/// The path; an existing file is unchanged.
pub fn link(path: &Path, target: &Path) -> Result<Change, FileError> {
    if fs::read_link(path).is_ok_and(|now| now == target) {
        return Ok(Change::None);
    }
    let parent = parent_of(path);
    create_directory(parent)?;
    let temporary = temporary_beside(path);
    symlink(target, &temporary).map_err(at("link", path))?;
    if let Err(error) = fs::rename(&temporary, path) {
        // report the first error; a left-over temporary link does no harm
        let _ = fs::remove_file(&temporary);
        return Err(at("link", path)(error));
    }
    sync_directory(parent)?;
    Ok(Change::Written)
}

/// Renames a file durably and replaces the file at `to`. Both paths must be in one directory: otherwise a power
/// failure may undo the removal of the old name. Works on a full disk.
///
/// # Errors
/// The path `to`.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(at("replace", to))?;
    sync_directory(parent_of(to))
}

/// Gives a file a second name durably (a hard link). The second name keeps content, owner and times when the first name gets
/// another file. Creates missing parent directories (0755). Both names must be in one file system.
///
/// # Errors
/// The second name. An existing file of this name is unchanged.
pub fn hard_link(path: &Path, name: &Path) -> Result<(), FileError> {
    let parent = parent_of(name);
    create_directory(parent)?;
    fs::hard_link(path, name).map_err(at("link", name))?;
    sync_directory(parent)
}

/// Removes `path` durably. A missing file is no error.
///
/// # Errors
/// The path.
pub fn remove(path: &Path) -> Result<Change, FileError> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(parent_of(path)).map(|()| Change::Written),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Change::None),
        Err(error) => Err(at("remove", path)(error)),
    }
}

/// Creates a directory and its parents (0755). An existing directory is no error.
///
/// # Errors
/// The path.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(at("create directory", path))
}

fn is_already(path: &Path, content: &[u8], mode: u32) -> bool {
    let same_mode = fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o7777 == mode);
    same_mode && fs::read(path).is_ok_and(|old| old == content)
}

fn write_synced(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // the umask may have removed bits
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
}

/// A unique name: process ID, counter (for threads) and time.
fn temporary_beside(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let stamp =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    parent_of(path).join(format!(".{name}.{}.{count}.{stamp:x}.new", std::process::id()))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(directory: &Path) -> Result<(), FileError> {
    File::open(directory).and_then(|open| open.sync_all()).map_err(at("sync directory", directory))
}

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FileError + 'a {
    move |source| FileError { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_once_and_keeps_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file");
        assert_eq!(replace(&path, b"one", 0o600).unwrap(), Change::Written);
        assert_eq!(replace(&path, b"one", 0o600).unwrap(), Change::None);
        assert_eq!(replace(&path, b"one", 0o644).unwrap(), Change::Written);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
        assert_eq!(remove(&path).unwrap(), Change::Written);
        assert_eq!(remove(&path).unwrap(), Change::None);
    }

    #[test]
    fn a_link_is_made_once_and_takes_the_place_of_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let (path, first, second) = (dir.path().join("a/link"), Path::new("../first"), Path::new("/second"));
        assert_eq!(link(&path, first).unwrap(), Change::Written);
        assert_eq!(link(&path, first).unwrap(), Change::None);
        assert_eq!(link(&path, second).unwrap(), Change::Written);
        assert_eq!(fs::read_link(&path).unwrap(), second);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary link stays");
        let directory = dir.path().join("a");
        let error = link(&directory, first).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot link {}", directory.display()));
    }

    #[test]
    fn a_second_name_keeps_what_the_first_one_had() {
        use std::time::{Duration, SystemTime};
        let dir = tempfile::tempdir().unwrap();
        let (path, backup) = (dir.path().join("file"), dir.path().join("kept/file.1"));
        fs::write(&path, "old").unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
        hard_link(&path, &backup).unwrap();
        replace(&path, b"new", 0o644).unwrap();
        let error = hard_link(&path, &backup).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot link {}", backup.display()));
        assert_eq!(fs::read(&backup).unwrap(), b"old");
        rename(&backup, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), then);
    }

    #[test]
    fn a_failure_names_the_path_and_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("directory");
        fs::create_dir(&path).unwrap();
        let error = replace(&path, b"x", 0o644).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot replace {}", path.display()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }
}
