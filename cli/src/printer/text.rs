//! Text for people.

use super::message::{Message, OutputLine};

/// `NODE: TEXT` or `NODE: Error: TEXT`; further lines begin with the node, too.
pub(super) fn line(message: &Message<'_>) -> OutputLine {
    match message {
        Message::Done { node, status: text, .. } | Message::Step { node, text } => {
            OutputLine::Out(format!("{node}: {text}"))
        }
        Message::Failed { node, error, .. }
        | Message::Refused { node, message: error, .. }
        | Message::Unavailable { node, error } => {
            let lines: Vec<&str> = error.lines().collect();
            OutputLine::Err(format!("{node}: Error: {}", lines.join(&format!("\n{node}: "))))
        }
        Message::Error(error) | Message::NoNodes(error) => OutputLine::Err(format!("Error: {error}")),
        Message::Warning(text) => OutputLine::Err(format!("Warning: {text}")),
        Message::Line(text) => OutputLine::Out((*text).to_owned()),
    }
}
