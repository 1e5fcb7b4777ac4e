//! The other end of a session: hears what it says, and answers.

use std::mem::take;
use std::slice::from_ref;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::sync::oneshot::{self, Receiver};
use tokio::sync::watch;

use super::super::{Call, Command, Ids, Session};
use crate::client::Status;
use crate::error::{ConnectionError, Error};
use crate::framer::Framer;
use crate::message::Message;
use crate::monitor::{MonitorRequest, Shared};
use crate::options::Options;
use crate::remote::Remote;

pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) ids: Ids,
    _status: watch::Receiver<Status>,
}

pub(super) const SCHEMA: &str = r#"{"name":"D","tables":{"T":{"columns":{"n":{"type":"string"}}}}}"#;

pub(super) fn remote() -> Remote {
    Remote::Unix("/s".into())
}

pub(super) fn ended() -> ConnectionError {
    ConnectionError::Ended(remote())
}

impl Talk {
    pub(super) fn new() -> Self {
        let (status, watched) = watch::channel(Status::Connecting { last: None });
        let ids = Ids::default();
        let session = Session::new(&Options::new("D"), remote(), ids.clone(), status);
        Self { session, ids, _status: watched }
    }

    /// With a standalone server that will do.
    pub(super) fn ready() -> Self {
        let mut talk = Self::new();
        talk.open();
        talk
    }

    pub(super) fn open(&mut self) {
        self.session.opened(&remote());
        let asked = self.sent();
        assert_eq!(methods(&asked), ["set_db_change_aware", "monitor_cond"]);
        let row = json!({"name": "D", "model": "standalone", "connected": true, "leader": true});
        self.answer(&asked[1], Ok(json!({"Database": {"u": {"initial": row}}})));
        assert!(self.session.is_ready());
    }

    /// What was written since this was last called.
    pub(super) fn sent(&mut self) -> Vec<Message> {
        let mut framer = Framer::default();
        framer.push(&take(self.session.out()));
        let mut messages = Vec::new();
        while let Some(text) = framer.pop().unwrap() {
            messages.push(Message::parse(&text).unwrap());
        }
        // what a monitor is read with
        if self.session.is_ready() && methods(&messages).contains(&"get_schema") {
            let at =
                messages.iter().position(|message| methods(from_ref(message)) == ["get_schema"]).unwrap();
            self.answer(&messages.remove(at), Ok(serde_json::from_str(SCHEMA).unwrap()));
        }
        messages
    }

    pub(super) fn answer(&mut self, request: &Message, outcome: Result<Json, Json>) {
        let Message::Request { id, .. } = request else { panic!("{request:?}") };
        self.session.message(Message::Response { id: id.clone(), outcome }).unwrap();
    }

    pub(super) fn call(&mut self, method: &'static str) -> (u64, Receiver<Result<Json, Error>>) {
        let (id, (reply, answer)) = (self.ids.next(), oneshot::channel());
        let text = json!({"method": method, "params": [], "id": id}).to_string();
        self.session.command(Command::Call(Call { id, method, text, reply }));
        (id, answer)
    }

    pub(super) fn monitor(&mut self, request: MonitorRequest) -> (u64, Receiver<Result<(), Error>>) {
        let (id, (reply, answer)) = (self.ids.next(), oneshot::channel());
        let shared = Arc::new(Shared::default());
        self.session.command(Command::Monitor { id, requests: vec![request], shared, reply });
        (id, answer)
    }
}

pub(super) fn methods(messages: &[Message]) -> Vec<&str> {
    let method = |message| match message {
        &Message::Request { ref method, .. } | &Message::Notification { ref method, .. } => method.as_str(),
        &Message::Response { .. } => "response",
    };
    messages.iter().map(method).collect()
}

pub(super) fn params(message: &Message) -> &Json {
    match message {
        Message::Request { params, .. } | Message::Notification { params, .. } => params,
        Message::Response { .. } => panic!("{message:?}"),
    }
}

pub(super) fn answer_of<T>(answer: &mut Receiver<Result<T, Error>>) -> Option<Result<T, String>> {
    answer.try_recv().ok().map(|result| result.map_err(|error| error.to_string()))
}
