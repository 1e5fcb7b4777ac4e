//! Reads files so that "missing" and "unreadable" are different results.
//!
//! A file is missing only if no directory entry of its name exists. A dangling link (its target's file system may not
//! be mounted yet), a directory, an I/O error or a missing permission is an error: a caller that treated it as an
//! empty file would overwrite data that it never read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::{FileError, at};

/// Maximum file size in bytes. Configuration files and records are far smaller.
pub const READ_LIMIT: u64 = 16 * 1024 * 1024;

/// Reads a whole file. `None`: the file does not exist.
///
/// # Errors
/// The path, if the file exists but cannot be read, is not a regular file, or is larger than [`READ_LIMIT`].
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    read_up_to(path, READ_LIMIT)
}

/// Like [`read`], with a maximum size in bytes: programs are larger than configuration files.
///
/// # Errors
/// Like [`read`].
pub fn read_up_to(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    present(path, "read", bytes(path, limit))
}

/// The sorted entries of a directory. `None`: the directory does not exist.
///
/// # Errors
/// The path, if it exists but cannot be listed, or is not a directory.
pub fn list(path: &Path) -> Result<Option<Vec<PathBuf>>, FileError> {
    let entries = fs::read_dir(path).and_then(|entries| {
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
        paths.sort();
        Ok(paths)
    });
    present(path, "list directory", entries)
}

/// Whether a file or directory exists.
///
/// # Errors
/// Like [`read`]: a dangling link is an error.
pub fn exists(path: &Path) -> Result<bool, FileError> {
    present(path, "read", fs::metadata(path)).map(|found| found.is_some())
}

/// The permission bits of an existing file.
///
/// # Errors
/// The path.
pub fn mode(path: &Path) -> Result<u32, FileError> {
    fs::metadata(path).map(|meta| meta.permissions().mode() & 0o7777).map_err(at("read the mode of", path))
}

/// Reads a file of /proc or /sys. `None`: this kernel does not have the file, or does not allow to read it. Nothing
/// is ever overwritten because of it, so an unreadable file need not be an error.
pub fn kernel_text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// How many bytes of each file [`same_content`] holds at a time.
const PIECE: u64 = 64 * 1024;

/// Whether two regular files have the same content. `false` also if one of them cannot be read. Holds only small pieces in memory.
pub fn same_content(one: &Path, other: &Path) -> bool {
    compare(one, other).unwrap_or(false)
}

fn compare(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    let (first, second) = (one.metadata()?, other.metadata()?);
    if !first.is_file() || !second.is_file() || first.len() != second.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (one.take(first.len()), other.take(first.len()));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.by_ref().take(PIECE).read_to_end(&mut left)?;
        other.by_ref().take(PIECE).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

fn present<T>(path: &Path, operation: &'static str, found: io::Result<T>) -> Result<Option<T>, FileError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match dangling(path) {
            None if is_missing(path) => Ok(None),
            None => Err(at(operation, path)(error)),
            Some(link) => Err(at(operation, path)(link.error(path))),
        },
        Err(error) => Err(at(operation, path)(error)),
    }
}

/// Reads a whole text file. `None`: the file does not exist.
///
/// # Errors
/// Like [`read`], and if the content is not UTF-8.
pub fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    read_text_up_to(path, READ_LIMIT)
}

/// Like [`read_text`], with a maximum size in bytes.
///
/// # Errors
/// Like [`read_text`].
pub fn read_text_up_to(path: &Path, limit: u64) -> Result<Option<String>, FileError> {
    let text = read_up_to(path, limit)?.map(String::from_utf8).transpose();
    text.map_err(|error| at("read", path)(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))
}

fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // check before opening: opening a FIFO waits for a writer
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let message = format!("larger than {} MiB", limit / 1024 / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// A symbolic link whose target does not exist.
struct Dangling {
    link: PathBuf,
    target: PathBuf,
}

impl Dangling {
    /// The error of reading `path`, whose name its message has already.
    fn error(&self, path: &Path) -> io::Error {
        let Self { link, target } = self;
        let link = if link == path { "it".into() } else { link.to_string_lossy() };
        let text = format!(
            "{link} is a link to {}, which does not exist; mount its file system, or remove the link",
            target.display()
        );
        io::Error::new(io::ErrorKind::NotFound, text)
    }
}

/// The path itself or a parent directory, if it is a dangling link: a file below a dangling link does not
/// count as missing.
fn dangling(path: &Path) -> Option<Dangling> {
    path.ancestors().find_map(|part| {
        let target = fs::read_link(part).ok()?;
        fs::metadata(part).is_err().then(|| Dangling { link: part.to_owned(), target })
    })
}

/// Whether no directory entry of this name exists.
fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The error's text and that of its source.
    fn failure<T: std::fmt::Debug>(read: Result<T, FileError>) -> (String, String) {
        let error = read.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        (error.to_string(), source)
    }

    #[test]
    fn only_a_name_that_does_not_exist_is_an_absent_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        assert_eq!(read(&path("none")).unwrap(), None);
        assert_eq!(read(&path("none/below")).unwrap(), None);
        fs::write(path("empty"), "").unwrap();
        assert_eq!(read(&path("empty")).unwrap(), Some(vec![]));
        symlink("empty", path("link")).unwrap();
        assert_eq!(read_text(&path("link")).unwrap(), Some(String::new()));
    }

    #[test]
    fn a_link_to_what_is_not_mounted_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("daemon.json");
        symlink("/not/mounted/daemon.json", &path).unwrap();
        let (text, source) = failure(read(&path));
        assert_eq!(text, format!("cannot read {}", path.display()));
        let told = "it is a link to /not/mounted/daemon.json, which does not exist; mount its file system, or remove the link";
        assert_eq!(source, told);
        let parent = dir.path().join("etc");
        symlink("/not/mounted", &parent).unwrap();
        failure(read(&parent.join("daemon.json")));
        let (text, source) = failure(list(&parent.join("below")));
        assert_eq!(text, format!("cannot list directory {}", parent.join("below").display()));
        let told = format!("{} is a link to /not/mounted, which does not exist; ", parent.display());
        assert!(source.starts_with(&told), "{source}");
    }

    #[test]
    fn a_directory_is_listed_in_order_and_only_one_that_does_not_exist_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(list(dir.path()).unwrap(), Some(vec![dir.path().join("a"), dir.path().join("b")]));
        assert_eq!(list(&dir.path().join("none")).unwrap(), None);
        assert!(failure(list(&dir.path().join("a"))).1.starts_with("Not a directory"));
    }

    #[test]
    fn what_is_no_regular_file_is_an_error_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(failure(read(dir.path())).1, "not a regular file");
        let below = dir.path().join("file/below");
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(failure(read(&below)).1.starts_with("Not a directory"));
    }

    #[test]
    fn text_that_is_not_utf8_and_a_file_without_end_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"dns \xff\xfe").unwrap();
        assert_eq!(failure(read_text(&path)).1, "invalid utf-8 sequence of 1 bytes from index 4");
        assert_eq!(read(&path).unwrap().unwrap().len(), 6);
        File::create(&path).unwrap().set_len(READ_LIMIT + 1).unwrap();
        assert_eq!(failure(read(&path)).1, "larger than 16 MiB");
    }

    #[test]
    fn files_are_the_same_by_content_only() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        let long: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let mut differs = long.clone();
        differs[199_999] ^= 1;
        for (left, right, same) in
            [(&long, &long, true), (&long, &differs, false), (&long, &long[..7].to_vec(), false)]
        {
            fs::write(&one, left).unwrap();
            fs::write(&other, right).unwrap();
            assert_eq!(same_content(&one, &other), same);
        }
        assert!(!same_content(&one, &dir.path().join("absent")));
        assert!(!same_content(dir.path(), dir.path()), "directories are no files");
    }
}
