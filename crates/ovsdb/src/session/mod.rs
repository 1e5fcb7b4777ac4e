//! What is said over a connection and why, without the connection: commands and messages in, bytes out.

mod backoff;
mod command;
mod context;
mod driver;
mod incoming;
mod locks;
mod monitored;
mod monitors;
mod server;
mod wire;

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::client::Status;
use crate::error::ConnectionError;
use crate::options::Options;
use crate::remote::Remote;

pub(crate) use command::{Call, Command, Reply};
use context::Context;
pub(crate) use driver::Driver;
use locks::Locks;
use monitors::Monitors;
use server::Server;
pub(crate) use wire::Ids;
use wire::{Purpose, Wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Down,
    /// Connected, and asking whether this server will do.
    Checking,
    Ready,
}

pub(crate) struct Session {
    context: Context,
    leader_only: bool,
    phase: Phase,
    wire: Wire,
    /// Calls that wait for a connection.
    queue: VecDeque<Call>,
    monitors: Monitors,
    locks: Locks,
    server: Server,
    /// The id of the monitor of `_Server`.
    server_monitor: u64,
    status: watch::Sender<Status>,
}

impl Session {
    pub(crate) fn new(options: &Options, first: Remote, ids: Ids, status: watch::Sender<Status>) -> Self {
        let server_monitor = ids.next();
        Self {
            context: Context {
                database: Arc::clone(&options.database),
                remote: first,
                schema: Arc::default(),
            },
            leader_only: options.leader_only,
            phase: Phase::Down,
            wire: Wire { ids, ..Wire::default() },
            queue: VecDeque::new(),
            monitors: Monitors::new(options.monitor_method),
            locks: Locks::default(),
            server: Server::default(),
            server_monitor,
            status,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Bytes to be written.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.wire.out
    }

    /// Asks whether anybody is there.
    pub(crate) fn probe(&mut self) {
        self.wire.request("echo", json!([]), Purpose::Nothing);
    }

    /// A connection is there.
    pub(crate) fn opened(&mut self, remote: &Remote) {
        self.context.remote = remote.clone();
        // without it the server cuts the connection whenever any of its databases changes (ovsdb-server(7) 4.1.18)
        self.wire.request("set_db_change_aware", json!([true]), Purpose::Nothing);
        self.phase = Phase::Checking;
        self.server.forget();
        let requests = Server::monitor_requests(&self.context.database);
        self.wire.request("monitor_cond", json!([SERVER, self.server_monitor, requests]), Purpose::Server);
    }

    /// The server will do: everything that waits is said.
    fn ready(&mut self) {
        self.phase = Phase::Ready;
        self.status.send_replace(Status::Ready { remote: self.context.remote.clone() });
        self.locks.resume(&mut self.wire);
        self.monitors.resume(&self.context, &mut self.wire);
        for call in take(&mut self.queue) {
            self.call(call);
        }
    }

    /// The connection is gone, or could not be made.
    pub(crate) fn closed(&mut self, reason: ConnectionError) {
        let reason = &Arc::new(reason);
        self.phase = Phase::Down;
        self.status.send_replace(Status::Connecting { last: Some(Arc::clone(reason)) });
        self.wire.out.clear();
        self.locks.lost();
        self.monitors.lost();
        for (_, purpose) in take(&mut self.wire.in_flight) {
            match purpose {
                Purpose::Call { method, reply } => {
                    let _ = reply.send(Err(self.context.disconnected(method, reason)));
                }
                Purpose::Lock { id, reply: Some(reply), name } => {
                    self.locks.forget(id, &name);
                    let _ = reply.send(Err(self.context.disconnected("lock", reason)));
                }
                Purpose::Conditions { monitor, reply, .. } => self.monitors.conditions_open(monitor, reply),
                _ => {}
            }
        }
    }

    /// Something is wanted.
    pub(crate) fn command(&mut self, command: Command) {
        match command {
            Command::Call(call) => self.call(call),
            Command::Abandon { id } => self.abandon(id),
            Command::Cancel { id } => self.cancel(id),
            Command::Monitor { id, requests, shared, reply } => {
                self.monitors.add(id, requests, shared, reply);
                if self.is_ready() {
                    self.monitors.begin(id, &self.context, &mut self.wire);
                }
            }
            Command::Conditions { monitor, table, conditions, reply } => {
                let with = (&self.context, &mut self.wire);
                self.monitors.set_conditions((monitor, table), conditions, reply, with);
            }
            Command::Unmonitor { monitor } => {
                if self.monitors.remove(monitor) && self.is_ready() {
                    self.wire.request("monitor_cancel", json!([monitor]), Purpose::Nothing);
                }
            }
            Command::Lock { id, name, method, held, reply } => self.lock((id, &name), method, held, reply),
            Command::Unlock { id, name, reply } => self.unlock((id, &name), reply),
        }
    }

    fn call(&mut self, call: Call) {
        if call.reply.is_closed() {
            return;
        }
        if !self.is_ready() {
            return self.queue.push_back(call);
        }
        self.wire.out.extend_from_slice(call.text.as_bytes());
        self.wire.in_flight.insert(call.id, Purpose::Call { method: call.method, reply: call.reply });
    }

    fn abandon(&mut self, id: u64) {
        self.queue.retain(|call| call.id != id);
        if let Some(Purpose::Call { method: "transact", .. }) = self.wire.in_flight.remove(&id) {
            // a wait would stay on the server
            self.wire.notify("cancel", json!([id]));
        }
    }

    fn cancel(&mut self, id: u64) {
        if self.wire.in_flight.contains_key(&id) {
            return self.wire.notify("cancel", json!([id]));
        }
        if let Some(at) = self.queue.iter().position(|call| call.id == id)
            && let Some(call) = self.queue.remove(at)
        {
            let _ = call.reply.send(Err(self.context.refused(call.method, &json!("canceled"))));
        }
    }

    fn lock(
        &mut self,
        (id, name): (u64, &str),
        method: &'static str,
        held: watch::Sender<bool>,
        reply: Reply<()>,
    ) {
        match self.locks.want((id, name), method, held, reply) {
            Ok(()) if self.is_ready() => self.locks.ask(name, &mut self.wire),
            Ok(()) => {}
            Err(reply) => {
                let details = format!("this client has lock {name}");
                let error = json!({"error": "duplicate lock", "details": details});
                let _ = reply.send(Err(self.context.refused(method, &error)));
            }
        }
    }

    fn unlock(&mut self, (id, name): (u64, &str), reply: Option<Reply<Json>>) {
        if !self.locks.forget(id, name) {
            return;
        }
        match (self.is_ready(), reply) {
            (true, Some(reply)) => {
                self.wire.request("unlock", json!([name]), Purpose::Call { method: "unlock", reply });
            }
            (true, None) => self.wire.request("unlock", json!([name]), Purpose::Nothing),
            // without a connection there is no lock
            (false, Some(reply)) => drop(reply.send(Ok(json!({})))),
            (false, None) => {}
        }
    }
}

/// The database that tells of the others (ovsdb-server(5)).
const SERVER: &str = "_Server";

#[cfg(test)]
mod tests;
