//! What is remembered of a machine between two commands.

use std::path::{Path, PathBuf};

use lab::proc::Process;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How reading or writing failed.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Not there, or not readable.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something else is in it.
    #[error("{} is no record of a machine: run `machine down`", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// Not written.
    #[error("cannot keep the record of a machine")]
    Write(#[source] durable::FileError),
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How many NICs it has.
    pub nics: u8,
    /// qemu; none while the power is cut.
    pub running: Option<Process>,
}

impl Record {
    /// Reads it; `None` where there is no such machine.
    ///
    /// # Errors
    /// Unreadable, or something else is in the file.
    pub fn load(path: &Path) -> Result<Option<Self>, RecordError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RecordError::Read { path: path.to_owned(), source }),
        };
        let record = serde_json::from_slice(&text);
        record.map(Some).map_err(|source| RecordError::Form { path: path.to_owned(), source })
    }

    /// Writes it.
    ///
    /// # Errors
    /// Names the file.
    pub fn save(&self, path: &Path) -> Result<(), RecordError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| RecordError::Form { path: path.to_owned(), source })?;
        durable::replace(path, &text, 0o600).map(drop).map_err(RecordError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("machine.json");
        assert_eq!(Record::load(&path).unwrap(), None);
        let record = Record { nics: 3, running: Some(Process { pid: 42, start: 7 }) };
        record.save(&path).unwrap();
        assert_eq!(Record::load(&path).unwrap(), Some(record));
        std::fs::write(&path, "{").unwrap();
        let error = Record::load(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} is no record of a machine: run `machine down`", path.display())
        );
    }
}
