//! Reads the file, and replaces it under a lock.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Document, HEADER, StanzaError, parse, rows};

/// The largest file, in bytes: a node takes some hundred.
const LIMIT: u64 = 1 << 30;
/// No such file.
const ENOENT: i32 = 2;

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
    /// The file cannot be read, or its content is invalid.
    pub fn read(&self) -> Result<Document, StanzaError> {
        let document = self.present()?;
        document.ok_or_else(|| self.failed("read")(io::Error::from_raw_os_error(ENOENT)))
    }

    fn present(&self) -> Result<Option<Document>, StanzaError> {
        let text = durable::read_text_up_to(&self.path, LIMIT).map_err(StanzaError::Read)?;
        text.map(|text| parse(&text).map_err(|error| error.of(&self.path))).transpose()
    }

    /// Creates or changes objects: each of `names` gets `attrs`; an empty value removes the attribute. The type
    /// is that of the existing object, else `objtype=` of `attrs`, else node.
    ///
    /// # Errors
    /// A name or attribute is invalid, or the file cannot be read or written. The file is then unchanged.
    pub fn define(&self, names: &[String], attrs: &[(String, String)]) -> Result<(), StanzaError> {
        self.change(|document| document.define(names, attrs))
    }

    /// Removes objects.
    ///
    /// # Errors
    /// An object does not exist, or the file cannot be read or written. The file is then unchanged.
    pub fn undefine(&self, names: &[String]) -> Result<(), StanzaError> {
        self.change(|document| document.undefine(names))
    }

    fn change(
        &self,
        edit: impl FnOnce(&Document) -> Result<Document, StanzaError>,
    ) -> Result<(), StanzaError> {
        let _lock = self.lock()?;
        let old = match self.present()? {
            Some(document) => document,
            None => parse(&format!("{HEADER}\n"))?,
        };
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
