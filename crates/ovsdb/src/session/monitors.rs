//! All monitors. They are requested again on each connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::command::Reply;
use super::context::Context;
use super::monitored::{Monitored, transaction_id};
use super::outbox::{Outbox, Purpose};
use crate::condition::Condition;
use crate::error::Error;
use crate::message::error_and_details;
use crate::monitor::{MonitorRequest, Shared, requests_to_json};
use crate::options::MonitorMethod;
use crate::value::Uuid;

pub(crate) struct Monitors {
    all: BTreeMap<u64, Monitored>,
    /// The newest method to try, and the newest that this server may support.
    newest: MonitorMethod,
    method: MonitorMethod,
}

impl Monitors {
    pub(crate) fn new(newest: MonitorMethod) -> Self {
        Self { all: BTreeMap::new(), newest, method: newest }
    }

    pub(crate) fn add(
        &mut self,
        id: u64,
        requests: Vec<MonitorRequest>,
        shared: Arc<Shared>,
        reply: Reply<()>,
    ) {
        let (last, used, waiting) = (Uuid::ZERO, self.method, vec![reply]);
        let monitored = Monitored { requests, shared, last, used, waiting, begun: false, asked: false };
        self.all.insert(id, monitored);
    }

    /// Requests all monitors on a new connection.
    pub(crate) fn resume(&mut self, context: &Context, outbox: &mut Outbox) {
        self.method = self.newest;
        let ids: Vec<u64> = self.all.keys().copied().collect();
        if !ids.is_empty() {
            ask_for_schema(context, outbox);
        }
        ids.into_iter().for_each(|id| self.ask(id, context, outbox));
    }

    /// Requests one monitor.
    pub(crate) fn begin(&mut self, id: u64, context: &Context, outbox: &mut Outbox) {
        ask_for_schema(context, outbox);
        self.ask(id, context, outbox);
    }

    fn ask(&mut self, id: u64, context: &Context, outbox: &mut Outbox) {
        let Some(monitored) = self.all.get_mut(&id) else { return };
        (monitored.used, monitored.asked) = (self.method, true);
        let requests = requests_to_json(&monitored.requests);
        let (method, params) = match self.method {
            MonitorMethod::MonitorCondSince => {
                let last = monitored.last.to_string();
                ("monitor_cond_since", json!([*context.database, id, requests, last]))
            }
            MonitorMethod::MonitorCond => ("monitor_cond", json!([*context.database, id, requests])),
            MonitorMethod::Monitor
                if monitored.requests.iter().all(|request| request.conditions.is_empty()) =>
            {
                ("monitor", json!([*context.database, id, requests]))
            }
            MonitorMethod::Monitor => return self.fail(id, &context.too_old("monitor")),
        };
        outbox.request(method, params, Purpose::Monitor(id));
    }

    /// Handles the answer to the request of [`Monitors::ask`].
    pub(crate) fn began(
        &mut self,
        id: u64,
        outcome: Result<Json, Json>,
        context: &Context,
        outbox: &mut Outbox,
    ) {
        let Some(monitored) = self.all.get_mut(&id) else { return };
        match outcome {
            Ok(result) => {
                if let Err(problem) = monitored.begin(&context.schema, result) {
                    self.fail(id, &context.unexpected("monitor", problem));
                }
            }
            Err(error)
                if error_and_details(&error).0 == "unknown method"
                    && monitored.used > MonitorMethod::Monitor =>
            {
                let older = match monitored.used {
                    MonitorMethod::MonitorCondSince => MonitorMethod::MonitorCond,
                    _ => MonitorMethod::Monitor,
                };
                self.method = self.method.min(older);
                self.ask(id, context, outbox);
            }
            Err(error) => self.fail(id, &context.refused("monitor", &error)),
        }
    }

    /// Ends a monitor with an error.
    fn fail(&mut self, id: u64, error: &Error) {
        let Some(monitored) = self.all.remove(&id) else { return };
        for reply in monitored.waiting {
            let _ = reply.send(Err(error.clone()));
        }
        monitored.shared.write(|state| (state.live, state.failed) = (false, Some(error.clone())));
    }

    /// Handles the notifications `update`, `update2` and `update3`.
    pub(crate) fn updated(&mut self, method: &str, params: Json, context: &Context) -> Result<(), String> {
        let Json::Array(params) = params else { return Err(format!("parameters of {method}")) };
        let mut params = params.into_iter();
        let id = params.next().and_then(|id| id.as_u64());
        // unknown: the monitor has ended, and the server had not received that yet
        let Some(monitored) = id.and_then(|id| self.all.get_mut(&id)) else { return Ok(()) };
        let last = if method == "update3" { params.next() } else { None };
        let updates = params.next().ok_or_else(|| format!("parameters of {method}"))?;
        let applied = monitored.update(&context.schema, updates);
        if applied.is_err() {
            // the replica may be wrong: request all rows on the next connection
            monitored.last = Uuid::ZERO;
        } else if let Some(last) = last {
            monitored.last = transaction_id(&last)?;
        }
        applied.map_err(|error| error.to_string())
    }

    /// Sets the conditions of a table. Without a connection they are sent on the next one.
    pub(crate) fn set_conditions(
        &mut self,
        (id, table): (u64, String),
        conditions: Vec<Condition>,
        reply: Reply<()>,
        (context, outbox): (&Context, &mut Outbox),
    ) {
        let requests = self.all.get_mut(&id);
        let Some(monitored) = requests else { return };
        let Some(request) = monitored.requests.iter_mut().find(|request| *request.table == *table) else {
            let error = json!({"error": "unknown table", "details": format!("this monitor does not include {table}")});
            let _ = reply.send(Err(context.refused("monitor_cond_change", &error)));
            return;
        };
        let before = std::mem::replace(&mut request.conditions, conditions);
        if !monitored.asked {
            monitored.last = Uuid::ZERO;
            monitored.waiting.push(reply);
        } else if monitored.used == MonitorMethod::Monitor {
            request.conditions = before;
            let _ = reply.send(Err(context.too_old("monitor_cond_change")));
        } else {
            let params = json!([id, id, { &*table: [{ "where": request.where_clause() }] }]);
            outbox.request(
                "monitor_cond_change",
                params,
                Purpose::Conditions { monitor: id, table, before, reply },
            );
        }
    }

    /// The server refused new conditions: restores the old ones.
    pub(crate) fn conditions_refused(&mut self, id: u64, table: &str, before: Vec<Condition>) {
        let Some(monitored) = self.all.get_mut(&id) else { return };
        if let Some(request) = monitored.requests.iter_mut().find(|request| *request.table == *table) {
            request.conditions = before;
        }
    }

    /// The connection ended before the answer to new conditions. Rows that they include may be older than the last
    /// transaction, so all rows must be requested.
    pub(crate) fn conditions_open(&mut self, id: u64, reply: Reply<()>) {
        if let Some(monitored) = self.all.get_mut(&id) {
            monitored.last = Uuid::ZERO;
            monitored.waiting.push(reply);
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.all.remove(&id).is_some()
    }

    /// The connection ended.
    pub(crate) fn lost(&mut self) {
        for monitored in self.all.values_mut() {
            monitored.asked = false;
            monitored.shared.write(|state| state.live = false);
        }
    }
}

/// Differences cannot be parsed without the schema. It is requested with each monitor, because ovsdb-server does not
/// report a conversion (ovsdb-client(1)) while nothing is monitored. Its answer comes before the monitor's.
fn ask_for_schema(context: &Context, outbox: &mut Outbox) {
    outbox.request("get_schema", json!([*context.database]), Purpose::Schema);
}
