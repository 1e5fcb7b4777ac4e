//! Between the socket and the owner: paths and bytes on one side, messages on the other.

use std::path::PathBuf;

use bytes::Bytes;
use inventory::Stamp;
use plugin::{Answer, Limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::daemon::Message;

/// Paths of netd's own calls.
pub(crate) const STATUS: &str = "/Netd.Status";
/// Takes a [`LoadSnapshot`].
pub(crate) const LOAD: &str = "/Netd.LoadSnapshot";
/// Answers with the repairs that were made.
pub(crate) const RECONCILE: &str = "/Netd.Reconcile";

/// The snapshot is passed as a file: that of a large cluster is longer than a request may be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadSnapshot {
    pub(crate) path: PathBuf,
    /// The snapshot in force that it replaces whatever its version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<Stamp>,
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(
    listener: plugin::Listener,
    inbox: UnboundedSender<Message>,
) -> Result<(), plugin::ListenError> {
    let handler = move |path: String, body: Bytes| {
        let inbox = inbox.clone();
        async move { answer(&inbox, &path, &body).await }
    };
    plugin::serve(listener, Limits::default(), handler, asked_to_end()).await
}

async fn answer(inbox: &UnboundedSender<Message>, path: &str, body: &[u8]) -> Answer {
    match path {
        STATUS => told(ask(inbox, Message::Status).await),
        RECONCILE => told(ask(inbox, Message::Reconcile).await),
        LOAD => load(inbox, body).await,
        _ => {
            let call = |call| async move {
                ask(inbox, |answer| Message::Call(call, answer)).await.and_then(|result| result)
            };
            plugin::dispatch(path, body, call).await
        }
    }
}

async fn load(inbox: &UnboundedSender<Message>, body: &[u8]) -> Answer {
    let request: LoadSnapshot = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return Answer::error(400, &format!("{LOAD}: {error}")),
    };
    told(ask(inbox, |answer| Message::Load(request, answer)).await.and_then(|loaded| loaded))
}

/// Puts a question to the owner.
async fn ask<T>(
    inbox: &UnboundedSender<Message>,
    message: impl FnOnce(oneshot::Sender<T>) -> Message,
) -> Result<T, String> {
    let (answer, waiting) = oneshot::channel();
    // both fail only while the process ends
    let _ = inbox.send(message(answer));
    waiting.await.map_err(|_| "netd is being stopped: try again".to_owned())
}

fn told<T: Serialize>(result: Result<T, String>) -> Answer {
    let body = match result {
        Ok(value) => json!({ "Ok": value }),
        Err(error) => json!({ "Err": error }),
    };
    Answer::json(200, &body)
}

/// What [`told`] wrote, for the other end.
pub(crate) fn read_told(body: &[u8]) -> Result<Value, String> {
    #[derive(Deserialize)]
    enum Told {
        Ok(Value),
        Err(String),
    }
    match serde_json::from_slice(body) {
        Ok(Told::Ok(value)) => Ok(value),
        Ok(Told::Err(error)) => Err(error),
        Err(error) => Err(format!("netd's answer is not understood: {error}")),
    }
}

async fn asked_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // without handlers the signals end the process by themselves
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
