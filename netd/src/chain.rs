//! Errors as text, with all their causes: at the edge only, where they leave the program.

use std::error::Error;

/// `error: its source: the source's source`.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
