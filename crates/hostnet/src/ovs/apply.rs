//! Runs a transaction, and waits until ovs-vswitchd has applied it.

use std::time::Duration;

use inventory::IfName;
use ovsdb::{Condition, Error, Function, Mutation, Mutator, OperationResult, Row, Transaction, Until, Wait};

use super::observed::{INTERFACE, Observed};
use super::{ANSWER_TIMEOUT, Switch, SwitchError};

/// How often a change is planned again because another program changed the configuration meanwhile.
const MAX_RETRIES: usize = 8;

/// A transaction under construction, and whether it changes anything.
#[derive(Debug, Default)]
pub(super) struct Draft {
    transaction: Transaction,
    changes: bool,
}

impl Draft {
    /// Adds a condition: the transaction fails if it does not hold.
    pub(super) fn guard(&mut self, wait: Wait) {
        self.transaction = std::mem::take(&mut self.transaction).wait(wait.timeout(Duration::ZERO));
    }

    /// Adds operations that change something.
    pub(super) fn change(&mut self, add: impl FnOnce(Transaction) -> Transaction) {
        self.transaction = add(std::mem::take(&mut self.transaction));
        self.changes = true;
    }
}

/// The condition that a row of this name exists.
pub(super) fn row_exists(table: &str, name: &str) -> Wait {
    let row = Row::new().with("name", name);
    Wait::new(table, Until::Equal, [row]).when([Condition::equal("name", name)])
}

/// The condition that no row has this name.
pub(super) fn name_is_free(table: &str, name: &str) -> Wait {
    Wait::new(table, Until::Equal, []).columns(["name"]).when([Condition::equal("name", name)])
}

impl Switch {
    /// Plans a change from the current configuration and commits it. Retries if another program changed the
    /// configuration meanwhile. Returns the configuration number (`Open_vSwitch.next_cfg`, ovs-vswitchd.conf.db(5))
    /// that ovs-vswitchd must apply, and whether anything was changed.
    pub(super) async fn change(
        &self,
        what: &str,
        plan: impl Fn(&Observed) -> Result<Draft, SwitchError>,
    ) -> Result<(i64, bool), SwitchError> {
        let mut retries = 0;
        loop {
            let observed = self.observe().await?;
            let draft = plan(&observed)?;
            let transaction =
                if draft.changes { with_next_cfg(draft.transaction) } else { Transaction::new() };
            let last = transaction.len();
            let transaction = transaction.select("Open_vSwitch", [], ["next_cfg"]);
            match self.client.transact(transaction).await {
                Ok(results) => {
                    let rows = results.get(last).map(OperationResult::rows).unwrap_or_default();
                    let row = rows.first().ok_or(SwitchError::Empty)?;
                    return Ok((row.integer("next_cfg")?, draft.changes));
                }
                Err(error) if is_conflict(&error) && retries < MAX_RETRIES => retries += 1,
                Err(error) if is_conflict(&error) => {
                    let (what, source) = (what.to_owned(), Box::new(error));
                    return Err(SwitchError::Contended { what, source });
                }
                Err(source) => return Err(SwitchError::database(what, source)),
            }
        }
    }

    /// Waits until ovs-vswitchd has applied a configuration, and returns its numbers of these interfaces of a bridge.
    /// It writes numbers and errors together with `cur_cfg` (vswitchd/bridge.c, `bridge_run`).
    pub(super) async fn wait_applied(
        &self,
        what: &str,
        number: i64,
        bridge: &IfName,
        interfaces: &[&IfName],
    ) -> Result<Vec<i64>, SwitchError> {
        let applied = Condition::new("cur_cfg", Function::GreaterOrEqual, number);
        let wait = Wait::new("Open_vSwitch", Until::NotEqual, []).columns(["cur_cfg"]).when([applied]);
        let mut transaction = Transaction::new().wait(wait.timeout(self.apply_timeout));
        for interface in interfaces {
            let of = [Condition::equal("name", interface.as_str())];
            transaction = transaction.select("Interface", of, INTERFACE);
        }
        let client = self.client.with_deadline(self.apply_timeout + ANSWER_TIMEOUT);
        let results = client.transact(transaction).await.map_err(|source| match source {
            Error::Operation { ref error, .. } if error == TIMED_OUT => {
                SwitchError::NotApplied { what: what.to_owned(), waited: self.apply_timeout }
            }
            source => SwitchError::database(what, source),
        })?;
        let each = results.iter().skip(1).zip(interfaces);
        each.map(|(result, interface)| number_of(bridge, interface, result.rows())).collect()
    }
}

/// The error of a `wait` whose condition did not become true (RFC 7047 section 5.2.6).
const TIMED_OUT: &str = "timed out";

/// Whether a condition failed, or a name was used meanwhile (an index of the schema, RFC 7047 section 3.2).
fn is_conflict(error: &Error) -> bool {
    match error {
        Error::Operation { error, .. } => error == TIMED_OUT || error == "constraint violation",
        _ => false,
    }
}

/// Adds the change of `next_cfg` that makes ovs-vswitchd report when it has applied the configuration.
fn with_next_cfg(transaction: Transaction) -> Transaction {
    transaction.mutate("Open_vSwitch", [], [Mutation::new("next_cfg", Mutator::Add, 1)])
}

fn number_of(bridge: &IfName, interface: &IfName, rows: &[Row]) -> Result<i64, SwitchError> {
    let row = rows.first().ok_or_else(|| SwitchError::NoPort { port: interface.clone() })?;
    let failed = |error: &str| SwitchError::Interface {
        bridge: bridge.clone(),
        interface: interface.to_string(),
        error: error.to_owned(),
    };
    if let Some(error) = row.optional_string("error")? {
        return Err(failed(error));
    }
    match row.optional_integer("ofport")? {
        Some(number) if number >= 0 => Ok(number),
        _ => Err(failed("it has neither an OpenFlow number nor an error; see the log of ovs-vswitchd")),
    }
}
