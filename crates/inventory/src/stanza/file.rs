//! The file: read, and replaced under a lock.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Document, HEADER, StanzaError, parse, rows};

/// A stanza file. Writers exclude each other by a lock on `FILE.lock`; readers need none, as the file is
/// replaced as a whole.
#[derive(Debug, Clone)]
pub struct StanzaFile {
    path: PathBuf,
}

impl StanzaFile {
    /// The file at that path, which need not exist to be defined into.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Reads it.
    ///
    /// # Errors
    /// It can not be read, or its content is wrong.
    pub fn read(&self) -> Result<Document, StanzaError> {
        let text = fs::read_to_string(&self.path).map_err(self.failed("read"))?;
        parse(&text).map_err(|error| error.of(&self.path))
    }

    /// Creates or changes objects: each of `names` gets `attrs`; an empty value removes the attribute. The type
    /// is that of the object there is, else `objtype=` of `attrs`, else node.
    ///
    /// # Errors
    /// A name or attribute is wrong, or the file can not be read or written; it is then unchanged.
    pub fn define(&self, names: &[String], attrs: &[(String, String)]) -> Result<(), StanzaError> {
        self.change(|document| document.define(names, attrs))
    }

    /// Removes objects.
    ///
    /// # Errors
    /// One of them is not there, or the file can not be read or written; it is then unchanged.
    pub fn undefine(&self, names: &[String]) -> Result<(), StanzaError> {
        self.change(|document| document.undefine(names))
    }

    fn change(
        &self,
        edit: impl FnOnce(&Document) -> Result<Document, StanzaError>,
    ) -> Result<(), StanzaError> {
        let _lock = self.lock()?;
        let old = if self.path.exists() { self.read()? } else { parse(&format!("{HEADER}\n"))? };
        let new = edit(&old)?;
        rows(&new)?;
        durable::replace(&self.path, new.to_text().as_bytes(), 0o644).map_err(StanzaError::Write)?;
        Ok(())
    }

    /// Held until it is dropped.
    fn lock(&self) -> Result<File, StanzaError> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |source| StanzaError::File { operation: "lock", path: path.clone(), source };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(io::Error) -> StanzaError + '_ {
        move |source| StanzaError::File { operation, path: self.path.clone(), source }
    }
}

impl StanzaError {
    /// The same error, with the file that it is about.
    pub(crate) fn of(self, path: &Path) -> Self {
        Self::In { path: path.to_owned(), source: Box::new(self) }
    }
}
