//! One transaction, and the wait until ovs-vswitchd has taken it.

use std::time::Duration;

use inventory::IfName;
use ovsdb::{Condition, Error, Function, Mutation, Mutator, OperationResult, Row, Transaction, Until, Wait};

use super::observed::{INTERFACE, Observed};
use super::{ANSWER, Switch, SwitchError};

/// How often a change is planned anew because somebody was quicker.
const RACES: usize = 8;

/// A change as it is put together: a transaction, and whether it would change anything.
#[derive(Debug, Default)]
pub(super) struct Draft {
    transaction: Transaction,
    changes: bool,
}

impl Draft {
    /// An operation that only makes sure of something.
    pub(super) fn guard(&mut self, wait: Wait) {
        self.transaction = std::mem::take(&mut self.transaction).wait(wait.timeout(Duration::ZERO));
    }

    /// Operations that change something.
    pub(super) fn change(&mut self, add: impl FnOnce(Transaction) -> Transaction) {
        self.transaction = add(std::mem::take(&mut self.transaction));
        self.changes = true;
    }
}

/// A row of that name is still there.
pub(super) fn is_there(table: &str, name: &str) -> Wait {
    let row = Row::new().with("name", name);
    Wait::new(table, Until::Equal, [row]).when([Condition::equal("name", name)])
}

/// No row has that name.
pub(super) fn is_free(table: &str, name: &str) -> Wait {
    Wait::new(table, Until::Equal, []).columns(["name"]).when([Condition::equal("name", name)])
}

impl Switch {
    /// Plans a change from what is there, and does it; again, when somebody was quicker. Returns the configuration
    /// (`Open_vSwitch.next_cfg`, ovs-vswitchd.conf.db(5)) that ovs-vswitchd then has to take, and whether anything was
    /// changed.
    pub(super) async fn change(
        &self,
        what: &str,
        plan: impl Fn(&Observed) -> Result<Draft, SwitchError>,
    ) -> Result<(i64, bool), SwitchError> {
        let mut races = 0;
        loop {
            let observed = self.observe().await?;
            let draft = plan(&observed)?;
            let transaction = if draft.changes { numbered(draft.transaction) } else { Transaction::new() };
            let last = transaction.len();
            let transaction = transaction.select("Open_vSwitch", [], ["next_cfg"]);
            match self.client.transact(transaction).await {
                Ok(results) => {
                    let rows = results.get(last).map(OperationResult::rows).unwrap_or_default();
                    let row = rows.first().ok_or(SwitchError::Empty)?;
                    return Ok((row.integer("next_cfg")?, draft.changes));
                }
                Err(error) if was_outrun(&error) && races < RACES => races += 1,
                Err(error) if was_outrun(&error) => {
                    let (what, source) = (what.to_owned(), Box::new(error));
                    return Err(SwitchError::Contended { what, source });
                }
                Err(source) => return Err(SwitchError::database(what, source)),
            }
        }
    }

    /// Waits until ovs-vswitchd has taken a configuration, and returns the numbers that it gave to these interfaces
    /// of a bridge. It writes numbers and errors together with `cur_cfg` (vswitchd/bridge.c, `bridge_run`).
    pub(super) async fn applied(
        &self,
        what: &str,
        number: i64,
        bridge: &IfName,
        interfaces: &[&IfName],
    ) -> Result<Vec<i64>, SwitchError> {
        let taken = Condition::new("cur_cfg", Function::GreaterOrEqual, number);
        let wait = Wait::new("Open_vSwitch", Until::NotEqual, []).columns(["cur_cfg"]).when([taken]);
        let mut ask = Transaction::new().wait(wait.timeout(self.apply));
        for interface in interfaces {
            ask = ask.select("Interface", [Condition::equal("name", interface.as_str())], INTERFACE);
        }
        let patient = self.client.with_deadline(self.apply + ANSWER);
        let told = patient.transact(ask).await.map_err(|source| match source {
            Error::Operation { ref error, .. } if error == TIMED_OUT => {
                SwitchError::NotApplied { what: what.to_owned(), waited: self.apply }
            }
            source => SwitchError::database(what, source),
        })?;
        let each = told.iter().skip(1).zip(interfaces);
        each.map(|(result, interface)| number_of(bridge, interface, result.rows())).collect()
    }
}

/// What a `wait` that did not come true says (RFC 7047 section 5.2.6).
const TIMED_OUT: &str = "timed out";

/// A guard failed, or a name was taken meanwhile (an index of the schema, RFC 7047 section 3.2).
fn was_outrun(error: &Error) -> bool {
    match error {
        Error::Operation { error, .. } => error == TIMED_OUT || error == "constraint violation",
        _ => false,
    }
}

/// With the change of `next_cfg` that asks ovs-vswitchd to say when it is done.
fn numbered(transaction: Transaction) -> Transaction {
    transaction.mutate("Open_vSwitch", [], [Mutation::new("next_cfg", Mutator::Add, 1)])
}

fn number_of(bridge: &IfName, interface: &IfName, rows: &[Row]) -> Result<i64, SwitchError> {
    let row = rows.first().ok_or_else(|| SwitchError::NoPort { port: interface.clone() })?;
    let failed = |said: &str| SwitchError::Interface {
        bridge: bridge.clone(),
        interface: interface.to_string(),
        said: said.to_owned(),
    };
    if let Some(said) = row.optional_string("error")? {
        return Err(failed(said));
    }
    match row.optional_integer("ofport")? {
        Some(number) if number >= 0 => Ok(number),
        _ => Err(failed("it has no number and no reason; see ovs-vswitchd's log")),
    }
}
