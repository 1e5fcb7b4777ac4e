//! Output of xCAT's commands: on a terminal as xCAT's client prints it (xCAT/Client.pm, `handle_response`), for xcatd
//! as plugin responses, one JSON object per line.

use serde_json::{Value, json};

use super::message::{Message, OutputLine};

/// Format of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum XcatFormat {
    /// Text of xCAT's client.
    Client {
        /// Short name of this machine, which xCAT adds to messages of its daemon.
        machine: String,
        /// `-V`: also before data.
        verbose: bool,
    },
    /// Responses of a plugin; xCAT's client adds the machine.
    Plugin,
}

impl XcatFormat {
    /// Formats a message.
    pub(super) fn line(&self, message: &Message<'_>) -> OutputLine {
        match self {
            Self::Client { machine, verbose } => client(machine, *verbose, message),
            Self::Plugin => OutputLine::Out(response(message).to_string()),
        }
    }
}

fn client(machine: &str, verbose: bool, message: &Message<'_>) -> OutputLine {
    let error = |node: &str, text: &str| {
        OutputLine::Err(format!("{node}: [{machine}]: Error: {}", lines(node, text)))
    };
    match *message {
        Message::Done { node, status: text, .. } | Message::Step { node, text } => {
            OutputLine::Out(if verbose {
                format!("{node}: [{machine}]: {text}")
            } else {
                format!("{node}: {text}")
            })
        }
        Message::Failed { node, error: text, .. } => error(node, text),
        Message::Refused { node, message, .. } => error(node, &body(message)),
        Message::Unavailable { node, error: text } => error(node, &unavailable(text)),
        Message::Error(text) => OutputLine::Err(format!("Error: [{machine}]: {text}")),
        Message::Warning(text) => OutputLine::Err(format!("Warning: [{machine}]: {text}")),
        Message::NoNodes(text) => OutputLine::Err(format!("Error: {text}")),
        Message::Line(text) => OutputLine::Out(text.to_owned()),
    }
}

/// Response for a plugin's callback: every value is a list (xCAT's XML::Simple form).
fn response(message: &Message<'_>) -> Value {
    let error = |node: &str, text: &str| json!({"node": [{"name": [node], "error": [clean(&lines(node, text))], "errorcode": [1]}]});
    match *message {
        Message::Done { node, status: text, .. } | Message::Step { node, text } => {
            json!({"node": [{"name": [node], "data": [clean(text)]}]})
        }
        Message::Failed { node, error: text, .. } => error(node, text),
        Message::Refused { node, message, .. } => error(node, &body(message)),
        Message::Unavailable { node, error: text } => error(node, &unavailable(text)),
        Message::Error(text) | Message::NoNodes(text) => json!({"error": [clean(text)], "errorcode": [1]}),
        Message::Warning(text) => json!({"warning": [clean(text)]}),
        Message::Line(text) => json!({"data": [clean(text)]}),
    }
}

/// An engine's answer as xCAT's docker commands print it: the body with its line feed.
fn body(message: &str) -> String {
    format!("{}\n", json!({ "message": message }))
}

/// xCAT's message for an unreachable engine, then the reason.
fn unavailable(text: &str) -> String {
    format!("Service Unavailable: {text}")
}

/// Adds the node to further lines; the empty line after a body stays empty.
fn lines(node: &str, text: &str) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |all, line| match line {
        "" => format!("{all}\n"),
        line => format!("{all}\n{node}: {line}"),
    })
}

/// Removes characters that XML 1.0 (section 2.2) cannot represent: they may be in logs and would break the client's
/// parser.
fn clean(text: &str) -> String {
    let is_fit = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if is_fit(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Message<'static>; 9] = [
        Message::Step { node: "d1", text: "running" },
        Message::Failed { node: "d1", error: "it ended:\n  boom", hint: None },
        Message::Refused { node: "d1", message: "No such container: d1", hint: None },
        Message::Refused { node: "d1", message: "name \"/d1\" <b>", hint: Some("not in xCAT's output") },
        Message::Unavailable { node: "d4", error: "cannot reach the engine of dh1" },
        Message::Error("No option specified for rpower"),
        Message::NoNodes("Invalid nodes and/or groups in noderange: a,b"),
        Message::Warning("no effect"),
        Message::Line("d1: a line"),
    ];

    #[test]
    fn the_client_format_equals_that_of_xcat_s_client() {
        let client = XcatFormat::Client { machine: "mn".into(), verbose: false };
        let out = |text: &str| OutputLine::Out(text.to_owned());
        let err = |text: &str| OutputLine::Err(text.to_owned());
        assert_eq!(
            ALL.map(|message| client.line(&message)),
            [
                out("d1: running"),
                err("d1: [mn]: Error: it ended:\nd1:   boom"),
                err("d1: [mn]: Error: {\"message\":\"No such container: d1\"}\n"),
                err("d1: [mn]: Error: {\"message\":\"name \\\"/d1\\\" <b>\"}\n"),
                err("d4: [mn]: Error: Service Unavailable: cannot reach the engine of dh1"),
                err("Error: [mn]: No option specified for rpower"),
                err("Error: Invalid nodes and/or groups in noderange: a,b"),
                err("Warning: [mn]: no effect"),
                out("d1: a line"),
            ]
        );
        let verbose = XcatFormat::Client { machine: "mn".into(), verbose: true };
        assert_eq!(verbose.line(&ALL[0]), out("d1: [mn]: running"));
    }

    #[test]
    fn the_plugin_format_is_xcat_s_responses() {
        let responses = ALL.map(|message| match XcatFormat::Plugin.line(&message) {
            OutputLine::Out(text) => serde_json::from_str::<Value>(&text).unwrap(),
            OutputLine::Err(text) => panic!("{text}"),
        });
        assert_eq!(
            responses,
            [
                json!({"node": [{"name": ["d1"], "data": ["running"]}]}),
                json!({"node": [{"name": ["d1"], "error": ["it ended:\nd1:   boom"], "errorcode": [1]}]}),
                json!({"node": [{"name": ["d1"], "error": ["{\"message\":\"No such container: d1\"}\n"], "errorcode": [1]}]}),
                json!({"node": [{"name": ["d1"], "error": ["{\"message\":\"name \\\"/d1\\\" <b>\"}\n"], "errorcode": [1]}]}),
                json!({"node": [{"name": ["d4"], "error": ["Service Unavailable: cannot reach the engine of dh1"], "errorcode": [1]}]}),
                json!({"error": ["No option specified for rpower"], "errorcode": [1]}),
                json!({"error": ["Invalid nodes and/or groups in noderange: a,b"], "errorcode": [1]}),
                json!({"warning": ["no effect"]}),
                json!({"data": ["d1: a line"]}),
            ]
        );
    }

    #[test]
    fn characters_that_xml_lacks_do_not_reach_xcatd() {
        let OutputLine::Out(text) = XcatFormat::Plugin.line(&Message::Line("\u{1b}[31mred\u{0}\t\u{ffff}"))
        else {
            panic!()
        };
        assert_eq!(text, "{\"data\":[\"\u{fffd}[31mred\u{fffd}\\t\u{fffd}\"]}");
    }
}
