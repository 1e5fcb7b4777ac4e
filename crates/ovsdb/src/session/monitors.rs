//! Monitors: begun, kept up to date, and begun again at every connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::command::Reply;
use super::context::Context;
use super::monitored::{Monitored, transaction_id};
use super::wire::{Purpose, Wire};
use crate::condition::Condition;
use crate::error::Error;
use crate::message::error_words;
use crate::monitor::{MonitorRequest, Shared, requests_to_json};
use crate::options::MonitorMethod;
use crate::value::Uuid;

pub(crate) struct Monitors {
    all: BTreeMap<u64, Monitored>,
    /// The newest method that may be tried, and the newest that this server may know.
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

    /// At a new connection: begins all.
    pub(crate) fn resume(&mut self, context: &Context, wire: &mut Wire) {
        self.method = self.newest;
        let ids: Vec<u64> = self.all.keys().copied().collect();
        if !ids.is_empty() {
            ask_for_schema(context, wire);
        }
        ids.into_iter().for_each(|id| self.ask(id, context, wire));
    }

    /// Begins one.
    pub(crate) fn begin(&mut self, id: u64, context: &Context, wire: &mut Wire) {
        ask_for_schema(context, wire);
        self.ask(id, context, wire);
    }

    fn ask(&mut self, id: u64, context: &Context, wire: &mut Wire) {
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
        wire.request(method, params, Purpose::Monitor(id));
    }

    /// The answer to what [`Monitors::ask`] sent.
    pub(crate) fn began(&mut self, id: u64, outcome: Result<Json, Json>, context: &Context, wire: &mut Wire) {
        let Some(monitored) = self.all.get_mut(&id) else { return };
        match outcome {
            Ok(result) => {
                if let Err(problem) = monitored.begin(&context.schema, result) {
                    self.fail(id, &context.unexpected("monitor", problem));
                }
            }
            Err(error)
                if error_words(&error).0 == "unknown method" && monitored.used > MonitorMethod::Monitor =>
            {
                let older = match monitored.used {
                    MonitorMethod::MonitorCondSince => MonitorMethod::MonitorCond,
                    _ => MonitorMethod::Monitor,
                };
                self.method = self.method.min(older);
                self.ask(id, context, wire);
            }
            Err(error) => self.fail(id, &context.refused("monitor", &error)),
        }
    }

    /// The end of a monitor, whoever waits for it.
    fn fail(&mut self, id: u64, error: &Error) {
        let Some(monitored) = self.all.remove(&id) else { return };
        for reply in monitored.waiting {
            let _ = reply.send(Err(error.clone()));
        }
        monitored.shared.write(|state| (state.live, state.failed) = (false, Some(error.clone())));
    }

    /// The notifications `update`, `update2` and `update3`.
    pub(crate) fn updated(&mut self, method: &str, params: Json, context: &Context) -> Result<(), String> {
        let Json::Array(params) = params else { return Err(format!("the parameters of {method}")) };
        let mut params = params.into_iter();
        let id = params.next().and_then(|id| id.as_u64());
        // the server had not heard yet that nobody wants it any more
        let Some(monitored) = id.and_then(|id| self.all.get_mut(&id)) else { return Ok(()) };
        let last = if method == "update3" { params.next() } else { None };
        let updates = params.next().ok_or_else(|| format!("the parameters of {method}"))?;
        let applied = monitored.update(&context.schema, updates);
        if applied.is_err() {
            // what the replica has can not be relied on: from the beginning, at the next connection
            monitored.last = Uuid::ZERO;
        } else if let Some(last) = last {
            monitored.last = transaction_id(&last)?;
        }
        applied.map_err(|error| error.to_string())
    }

    /// Sets the conditions of a table. Without a connection they are told at the next one.
    pub(crate) fn set_conditions(
        &mut self,
        (id, table): (u64, String),
        conditions: Vec<Condition>,
        reply: Reply<()>,
        (context, wire): (&Context, &mut Wire),
    ) {
        let requests = self.all.get_mut(&id);
        let Some(monitored) = requests else { return };
        let Some(request) = monitored.requests.iter_mut().find(|request| *request.table == *table) else {
            let error =
                json!({"error": "unknown table", "details": format!("this monitor is not of {table}")});
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
            wire.request(
                "monitor_cond_change",
                params,
                Purpose::Conditions { monitor: id, table, before, reply },
            );
        }
    }

    /// The server refused new conditions: the old ones hold.
    pub(crate) fn conditions_refused(&mut self, id: u64, table: &str, before: Vec<Condition>) {
        let Some(monitored) = self.all.get_mut(&id) else { return };
        if let Some(request) = monitored.requests.iter_mut().find(|request| *request.table == *table) {
            request.conditions = before;
        }
    }

    /// The connection ended before new conditions were answered: rows that they let in may be older than the last
    /// transaction, so all must be sent.
    pub(crate) fn conditions_open(&mut self, id: u64, reply: Reply<()>) {
        if let Some(monitored) = self.all.get_mut(&id) {
            monitored.last = Uuid::ZERO;
            monitored.waiting.push(reply);
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.all.remove(&id).is_some()
    }

    /// The connection is gone.
    pub(crate) fn lost(&mut self) {
        for monitored in self.all.values_mut() {
            monitored.asked = false;
            monitored.shared.write(|state| state.live = false);
        }
    }
}

/// Differences can not be read without. It is asked for with every monitor, because ovsdb-server does not tell of a
/// conversion (ovsdb-client(1)) where nothing is monitored; its answer comes before the monitor's.
fn ask_for_schema(context: &Context, wire: &mut Wire) {
    wire.request("get_schema", json!([*context.database]), Purpose::Schema);
}
