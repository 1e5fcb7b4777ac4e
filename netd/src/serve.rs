//! Serves the socket: turns requests into messages to the main loop, and its answers into responses.

use bytes::Bytes;
use plugin::{Answer, Limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::message::{LoadSnapshot, Message};

/// Paths of netd's own requests.
pub(crate) const STATUS: &str = "/Netd.Status";
/// The body is a [`LoadSnapshot`].
pub(crate) const LOAD: &str = "/Netd.LoadSnapshot";
/// The answer lists the executed repairs.
pub(crate) const RECONCILE: &str = "/Netd.Reconcile";

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(
    listener: plugin::Listener,
    inbox: UnboundedSender<Message>,
) -> Result<(), plugin::ListenError> {
    let handler = move |path: String, body: Bytes| {
        let inbox = inbox.clone();
        async move { answer(&inbox, &path, &body).await }
    };
    plugin::serve(listener, Limits::default(), handler, shutdown_signal()).await
}

async fn answer(inbox: &UnboundedSender<Message>, path: &str, body: &[u8]) -> Answer {
    match path {
        STATUS => answer_of(ask(inbox, Message::Status).await),
        RECONCILE => answer_of(ask(inbox, Message::Reconcile).await),
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
    answer_of(ask(inbox, |answer| Message::Load(request, answer)).await.and_then(|loaded| loaded))
}

/// Sends a message to the main loop and waits for the answer.
async fn ask<T>(
    inbox: &UnboundedSender<Message>,
    message: impl FnOnce(oneshot::Sender<T>) -> Message,
) -> Result<T, String> {
    let (answer, waiting) = oneshot::channel();
    // both fail only when the process stops
    let _ = inbox.send(message(answer));
    waiting.await.map_err(|_| "netd is stopping: try again".to_owned())
}

fn answer_of<T: Serialize>(result: Result<T, String>) -> Answer {
    let body = match result {
        Ok(value) => json!({ "Ok": value }),
        Err(error) => json!({ "Err": error }),
    };
    Answer::json(200, &body)
}

/// Parses a response of [`answer_of`].
pub(crate) fn parse_answer(body: &[u8]) -> Result<Value, String> {
    #[derive(Deserialize)]
    enum Response {
        Ok(Value),
        Err(String),
    }
    match serde_json::from_slice(body) {
        Ok(Response::Ok(value)) => Ok(value),
        Ok(Response::Err(error)) => Err(error),
        Err(error) => Err(format!("cannot parse netd's response: {error}")),
    }
}

async fn shutdown_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // the default action of the signals ends the process
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
