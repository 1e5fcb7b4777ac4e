//! Who is talking to whom about what.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::error::{ConnectionError, Error, Unfit};
use crate::message::error_words;
use crate::remote::Remote;
use crate::schema::DatabaseSchema;

/// Who is talking to whom, for errors.
pub(crate) struct Context {
    pub(crate) database: Arc<str>,
    pub(crate) remote: Remote,
    /// What differences are read with; of this connection's server.
    pub(crate) schema: Arc<DatabaseSchema>,
}

impl Context {
    pub(super) fn refused(&self, method: &'static str, json: &Json) -> Error {
        let (error, details) = error_words(json);
        let (database, remote) = (Arc::clone(&self.database), self.remote.clone());
        Error::Refused { method, database, remote, error, details }
    }

    pub(super) fn unexpected(&self, method: &'static str, problem: String) -> Error {
        let (database, remote) = (Arc::clone(&self.database), self.remote.clone());
        Error::Unexpected { method, database, remote, problem }
    }

    pub(super) fn too_old(&self, method: &'static str) -> Error {
        Error::TooOld { method, database: Arc::clone(&self.database), remote: self.remote.clone() }
    }

    pub(super) fn disconnected(&self, method: &'static str, source: &Arc<ConnectionError>) -> Error {
        let (database, remote) = (Arc::clone(&self.database), self.remote.clone());
        Error::Disconnected { method, database, remote, source: Arc::clone(source) }
    }

    pub(super) fn unfit(&self, why: Unfit) -> ConnectionError {
        ConnectionError::Unfit { remote: self.remote.clone(), database: Arc::clone(&self.database), why }
    }

    pub(super) fn senseless(&self, problem: String) -> ConnectionError {
        ConnectionError::Senseless { remote: self.remote.clone(), problem }
    }
}
