//! A transaction between the question and the answer.

use std::sync::Arc;

use super::caller::Pending;
use crate::error::Error;
use crate::outcome::{Failure, OperationResult, outcomes};
use crate::session::Command;
use crate::transaction::Operation;

/// A transaction on its way. Dropping it cancels it, if it is not too late.
#[derive(Debug)]
pub struct Submitted {
    pub(super) pending: Pending,
    pub(super) operations: Vec<Operation>,
}

impl Submitted {
    /// Asks the server to forget it (RFC 7047 section 4.1.4); [`Submitted::results`] then fails with
    /// [`Error::Refused`], `canceled`, unless it was done already.
    pub fn cancel(&self) {
        self.pending.caller.tell(Command::Cancel { id: self.pending.id });
    }

    /// Waits for the results, within the client's deadline from here on.
    ///
    /// # Errors
    /// As with [`crate::Client::transact`].
    pub async fn results(self) -> Result<Vec<OperationResult>, Error> {
        let caller = self.pending.caller.clone();
        let result = self.pending.result().await?;
        outcomes(&self.operations, result).map_err(|failure| match failure {
            Failure::Operation { index, operation, table, error, details } => {
                let database = Arc::clone(&caller.options.database);
                Error::Operation { database, index, operation, table, error, details }
            }
            Failure::Unexpected(problem) => caller.unexpected("transact", problem),
        })
    }
}
