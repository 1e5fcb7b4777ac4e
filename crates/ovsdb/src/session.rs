//! The protocol of a connection without I/O: input are commands and messages, output are bytes.

mod backoff;
mod command;
mod context;
mod driver;
mod incoming;
mod monitored;
mod monitors;
mod outbox;
mod server;

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use crate::client::Status;
use crate::error::ConnectionError;
use crate::options::Options;
use crate::remote::Remote;

pub(crate) use command::{Call, Command};
use context::Context;
pub(crate) use driver::Driver;
use monitors::Monitors;
pub(crate) use outbox::Ids;
use outbox::{Outbox, Purpose};
use server::Server;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Down,
    /// Connected, and checking whether the server is usable.
    Checking,
    Ready,
}

pub(crate) struct Session {
    context: Context,
    leader_only: bool,
    phase: Phase,
    outbox: Outbox,
    /// Calls that wait for a connection.
    queue: VecDeque<Call>,
    monitors: Monitors,
    server: Server,
    /// ID of the monitor of `_Server`.
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
            outbox: Outbox { ids, ..Outbox::default() },
            queue: VecDeque::new(),
            monitors: Monitors::new(options.monitor_method),
            server: Server::default(),
            server_monitor,
            status,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Bytes to write.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.outbox.out
    }

    /// Sends an echo request.
    pub(crate) fn probe(&mut self) {
        self.outbox.request("echo", json!([]), Purpose::Nothing);
    }

    /// A connection was opened.
    pub(crate) fn opened(&mut self, remote: &Remote) {
        self.context.remote = remote.clone();
        // without it the server closes the connection when any of its databases changes (ovsdb-server(7) 4.1.18)
        self.outbox.request("set_db_change_aware", json!([true]), Purpose::Nothing);
        self.phase = Phase::Checking;
        self.server.forget();
        let requests = Server::monitor_requests(&self.context.database);
        self.outbox.request("monitor_cond", json!([SERVER, self.server_monitor, requests]), Purpose::Server);
    }

    /// The server is usable: sends everything that waits.
    fn ready(&mut self) {
        self.phase = Phase::Ready;
        self.status.send_replace(Status::Ready { remote: self.context.remote.clone() });
        self.monitors.resume(&self.context, &mut self.outbox);
        for call in take(&mut self.queue) {
            self.call(call);
        }
    }

    /// The connection ended, or could not be opened.
    pub(crate) fn closed(&mut self, reason: ConnectionError) {
        let reason = &Arc::new(reason);
        self.phase = Phase::Down;
        self.status.send_replace(Status::Connecting { last: Some(Arc::clone(reason)) });
        self.outbox.out.clear();
        self.monitors.lost();
        for (_, purpose) in take(&mut self.outbox.in_flight) {
            match purpose {
                Purpose::Call { method, reply } => {
                    let _ = reply.send(Err(self.context.disconnected(method, reason)));
                }
                Purpose::Conditions { monitor, reply, .. } => self.monitors.conditions_open(monitor, reply),
                _ => {}
            }
        }
    }

    /// Handles a command.
    pub(crate) fn command(&mut self, command: Command) {
        match command {
            Command::Call(call) => self.call(call),
            Command::Abandon { id } => self.abandon(id),
            Command::Monitor { id, requests, shared, reply } => {
                self.monitors.add(id, requests, shared, reply);
                if self.is_ready() {
                    self.monitors.begin(id, &self.context, &mut self.outbox);
                }
            }
            Command::Conditions { monitor, table, conditions, reply } => {
                let with = (&self.context, &mut self.outbox);
                self.monitors.set_conditions((monitor, table), conditions, reply, with);
            }
            Command::Unmonitor { monitor } => {
                if self.monitors.remove(monitor) && self.is_ready() {
                    self.outbox.request("monitor_cancel", json!([monitor]), Purpose::Nothing);
                }
            }
        }
    }

    fn call(&mut self, call: Call) {
        if call.reply.is_closed() {
            return;
        }
        if !self.is_ready() {
            return self.queue.push_back(call);
        }
        self.outbox.out.extend_from_slice(call.text.as_bytes());
        self.outbox.in_flight.insert(call.id, Purpose::Call { method: call.method, reply: call.reply });
    }

    fn abandon(&mut self, id: u64) {
        self.queue.retain(|call| call.id != id);
        if let Some(Purpose::Call { method: "transact", .. }) = self.outbox.in_flight.remove(&id) {
            // otherwise a wait operation would stay on the server
            self.outbox.notify("cancel", json!([id]));
        }
    }
}

/// The database with the status of all databases (ovsdb-server(5)).
const SERVER: &str = "_Server";

#[cfg(test)]
mod tests;
