//! One entry of the cache: found, or built once while others wait.

use std::fs::{File, Metadata};
use std::future::Future;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::mounts::{MountError, unmount_below};

/// How the cache failed.
#[derive(Debug, Error)]
pub enum EntryError {
    /// A directory or lock of the cache.
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
    /// Left over from a build that was killed.
    #[error("cannot clear a half-made entry of the cache")]
    Clear(#[source] MountError),
}

/// What an entry is made from, which is its name.
#[derive(Debug, Clone)]
pub struct Entry {
    path: PathBuf,
    /// Files without which it is broken.
    witnesses: Vec<&'static str>,
}

impl Entry {
    /// An entry called `what`, made from `ingredients`; without the `witnesses` in it, it is broken and built again.
    pub fn new<I>(cache: &Path, what: &str, ingredients: I, witnesses: &[&'static str]) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut hash = Sha256::new();
        for ingredient in ingredients {
            hash.update(ingredient.as_ref());
            hash.update([0]);
        }
        let digits: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { path: cache.join(format!("{what}-{digits}")), witnesses: witnesses.to_vec() }
    }

    /// Where it is once it is built.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is there with nothing missing.
    pub fn is_whole(&self) -> bool {
        self.path.is_dir()
            && self.witnesses.iter().all(|file| self.path.join(file).symlink_metadata().is_ok())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.path.with_file_name(format!(".{name}.{suffix}"))
    }

    /// Finds it, or has it built in the directory that `build` is given.
    ///
    /// # Errors
    /// The cache's own, or what `build` says.
    pub async fn get<E, B, F>(&self, build: B) -> Result<PathBuf, E>
    where
        E: From<EntryError>,
        B: FnOnce(PathBuf) -> F,
        F: Future<Output = Result<(), E>>,
    {
        if self.is_whole() {
            return Ok(self.path.clone());
        }
        let lock = lock(&self.beside("lock")).await?;
        // another process may have built it while we waited
        if !self.is_whole() {
            let half = self.beside("half");
            self.clear(&half)?;
            at("make directory", &half)(std::fs::create_dir_all(&half))?;
            build(half.clone()).await?;
            at("rename", &half)(std::fs::rename(&half, &self.path))?;
        }
        drop(lock);
        Ok(self.path.clone())
    }

    fn clear(&self, half: &Path) -> Result<(), EntryError> {
        for leftover in [half, &self.path] {
            unmount_below(leftover).map_err(EntryError::Clear)?;
            match std::fs::remove_dir_all(leftover) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return at("remove", leftover)(Err(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Takes a lock file and waits for its holder. The kernel releases it when the holder ends.
///
/// # Errors
/// Names the file.
pub async fn lock(path: &Path) -> Result<Flock<File>, EntryError> {
    if let Some(parent) = path.parent() {
        at("make directory", parent)(std::fs::create_dir_all(parent))?;
    }
    loop {
        let file = at("open", path)(File::create(path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // its holder may have removed the file: then others lock another one
            Ok(lock) if is_at(&lock, path) => return Ok(lock),
            Ok(_) => {}
            Err((_, nix::Error::EWOULDBLOCK)) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err((_, error)) => return at("lock", path)(Err(error.into())),
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: Metadata, b: Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().ok().zip(path.metadata().ok()).is_some_and(|(a, b)| same(a, b))
}

fn at<'a, T>(
    operation: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Result<T>) -> Result<T, EntryError> + 'a {
    move |result| result.map_err(|source| EntryError::File { operation, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    async fn build(entry: &Entry, count: &Cell<u32>) -> Result<PathBuf, EntryError> {
        let write = |half: PathBuf| async move {
            count.set(count.get() + 1);
            std::fs::write(half.join("file"), "x").unwrap();
            Ok(())
        };
        entry.get(write).await
    }

    #[tokio::test]
    async fn an_entry_is_built_once_and_again_when_it_is_broken() {
        let dir = tempfile::tempdir().unwrap();
        let entry = Entry::new(dir.path(), "root", ["a"], &["file"]);
        let count = Cell::new(0);
        build(&entry, &count).await.unwrap();
        let path = build(&entry, &count).await.unwrap();
        assert_eq!(count.get(), 1);
        std::fs::remove_file(path.join("file")).unwrap();
        build(&entry, &count).await.unwrap();
        assert_eq!(count.get(), 2);
    }

    #[tokio::test]
    async fn a_build_that_failed_leaves_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let entry = Entry::new(dir.path(), "root", ["a"], &[]);
        let failed = entry.get(|half| async move {
            lock(&half.join("x/y")).await.map(drop).and(at("try", &half)(Err(io::ErrorKind::Other.into())))
        });
        assert_eq!(
            failed.await.unwrap_err().to_string(),
            format!("cannot try {}", entry.beside("half").display())
        );
        assert!(!entry.path().exists());
        build(&entry, &Cell::new(0)).await.unwrap();
        assert!(!entry.path().join("x").exists(), "nothing of the failed build is in it");
    }

    #[test]
    fn other_ingredients_are_another_entry() {
        let entry = |words: &[&str]| Entry::new(Path::new("/c"), "root", words, &[]).path;
        assert_ne!(entry(&["a", "b"]), entry(&["ab"]));
        assert_eq!(entry(&["a", "b"]), entry(&["a", "b"]));
    }
}
