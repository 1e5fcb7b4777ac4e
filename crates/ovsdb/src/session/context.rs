//! Database and server, for errors.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::error::{ConnectionError, Error, UnusableServer};
use crate::message::error_and_details;
use crate::remote::Remote;
use crate::schema::DatabaseSchema;

/// Database and server, for errors.
pub(crate) struct Context {
    pub(crate) database: Arc<str>,
    pub(crate) remote: Remote,
    /// The server's schema, for parsing differences.
    pub(crate) schema: Arc<DatabaseSchema>,
}

impl Context {
    pub(super) fn refused(&self, method: &'static str, json: &Json) -> Error {
        let (error, details) = error_and_details(json);
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

    pub(super) fn unusable(&self, reason: UnusableServer) -> ConnectionError {
        let (remote, database) = (self.remote.clone(), Arc::clone(&self.database));
        ConnectionError::Unusable { remote, database, reason }
    }

    pub(super) fn invalid_message(&self, problem: String) -> ConnectionError {
        ConnectionError::InvalidMessage { remote: self.remote.clone(), problem }
    }
}
