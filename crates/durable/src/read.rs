//! Reading a file so that "absent" and "unreadable" are never confused.
//!
//! A file counts as absent only if no directory entry of its name exists. A dangling link (its target's file system may not be
//! mounted yet), a directory in its place, an I/O error or a missing permission is an error: a caller that took it for an empty
//! file would overwrite what it never read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::{FileError, at};

/// The largest file that is read, in bytes. Configuration files and records are far smaller; a larger file is not one of them.
pub const READ_LIMIT: u64 = 16 * 1024 * 1024;

/// Reads a whole file. `None`: there is no such file.
///
/// # Errors
/// Names the path: the file exists but cannot be read, is not a regular file, or is larger than [`READ_LIMIT`].
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match bytes(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_absent(path) => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

/// Reads a whole text file. `None`: there is no such file.
///
/// # Errors
/// As [`read`], and where the content is not UTF-8.
pub fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    let text = read(path)?.map(String::from_utf8).transpose();
    text.map_err(|error| at("read", path)(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    // asked before it is opened: to open a FIFO would wait for a writer
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(READ_LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > READ_LIMIT {
        let message = format!("larger than {} MiB", READ_LIMIT / 1024 / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// Whether no entry of the name exists. A parent that is itself a dangling link makes no file absent.
fn is_absent(path: &Path) -> bool {
    let gone =
        |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let dangling = |path: &Path| !gone(path) && fs::metadata(path).is_err();
    gone(path) && !path.ancestors().skip(1).any(|parent| !parent.as_os_str().is_empty() && dangling(parent))
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
        assert!(source.starts_with("No such file"), "{source}");
        let parent = dir.path().join("etc");
        symlink("/not/mounted", &parent).unwrap();
        failure(read(&parent.join("daemon.json")));
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
}
