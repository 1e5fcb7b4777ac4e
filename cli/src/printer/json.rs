//! One JSON object per line, all on standard output.

use serde_json::{Map, Value, json};

use super::message::{Message, OutputLine};

/// The object of a message.
pub(super) fn line(message: &Message<'_>) -> OutputLine {
    OutputLine::Out(object(message).to_string())
}

fn object(message: &Message<'_>) -> Value {
    match *message {
        Message::Done { node, status, fields } => {
            let mut object = Map::new();
            object.insert("node".into(), node.into());
            object.insert("status".into(), status.into());
            object.extend(fields.clone());
            object.into()
        }
        Message::Step { node, text } => json!({"node": node, "step": text}),
        Message::Failed { node, error, hint } | Message::Refused { node, message: error, hint } => {
            failed(node, error, hint)
        }
        Message::Unavailable { node, error } => failed(node, error, None),
        Message::Error(error) | Message::NoNodes(error) => json!({ "error": error }),
        Message::Warning(text) => json!({ "warning": text }),
        Message::Line(text) => json!({ "line": text }),
    }
}

fn failed(node: &str, error: &str, hint: Option<&str>) -> Value {
    match hint {
        Some(hint) => json!({"node": node, "error": error, "hint": hint}),
        None => json!({"node": node, "error": error}),
    }
}
