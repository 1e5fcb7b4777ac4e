//! Output of xCAT's commands: on a terminal as xCAT's client prints it (xCAT/Client.pm, `handle_response`), for xcatd
//! as plugin responses, one JSON object per line.

use serde_json::{Value, json};

/// Format of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputFormat {
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

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// Data of a node.
    Data(&'a str, &'a str),
    /// Failure of a node.
    Failed(&'a str, &'a str),
    /// Failure of a node with the message of its engine.
    Refused(&'a str, &'a str),
    /// Failure of a node whose engine is unreachable.
    Unavailable(&'a str, &'a str),
    /// Failure of the command.
    Wrong(&'a str),
    /// Warning of the command.
    Warning(&'a str),
    /// Failure in xCAT's client, without a machine name: an invalid noderange.
    NoNodes(&'a str),
    /// A line as it is.
    Line(&'a str),
}

/// A text with its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputLine {
    /// Standard output.
    Out(String),
    /// Standard error.
    Err(String),
}

impl OutputFormat {
    /// Formats a message.
    pub(crate) fn line(&self, message: &Message<'_>) -> OutputLine {
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
    match message {
        Message::Data(node, text) if verbose => OutputLine::Out(format!("{node}: [{machine}]: {text}")),
        Message::Data(node, text) => OutputLine::Out(format!("{node}: {text}")),
        Message::Failed(node, text) => error(node, text),
        Message::Refused(node, message) => error(node, &body(message)),
        Message::Unavailable(node, text) => error(node, &unavailable(text)),
        Message::Wrong(text) => OutputLine::Err(format!("Error: [{machine}]: {text}")),
        Message::Warning(text) => OutputLine::Err(format!("Warning: [{machine}]: {text}")),
        Message::NoNodes(text) => OutputLine::Err(format!("Error: {text}")),
        Message::Line(text) => OutputLine::Out((*text).to_owned()),
    }
}

/// Response for a plugin's callback: every value is a list (xCAT's XML::Simple form).
fn response(message: &Message<'_>) -> Value {
    let error = |node: &str, text: &str| json!({"node": [{"name": [node], "error": [clean(&lines(node, text))], "errorcode": [1]}]});
    match message {
        Message::Data(node, text) => json!({"node": [{"name": [node], "data": [clean(text)]}]}),
        Message::Failed(node, text) => error(node, text),
        Message::Refused(node, message) => error(node, &body(message)),
        Message::Unavailable(node, text) => error(node, &unavailable(text)),
        Message::Wrong(text) | Message::NoNodes(text) => json!({"error": [clean(text)], "errorcode": [1]}),
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
        Message::Data("d1", "running"),
        Message::Failed("d1", "it ended:\n  boom"),
        Message::Refused("d1", "No such container: d1"),
        Message::Refused("d1", "name \"/d1\" <b>"),
        Message::Unavailable("d4", "cannot reach the engine of dh1"),
        Message::Wrong("No option specified for rpower"),
        Message::NoNodes("Invalid nodes and/or groups in noderange: a,b"),
        Message::Warning("no effect"),
        Message::Line("d1: a line"),
    ];

    #[test]
    fn a_client_s_lines_are_those_of_the_contract() {
        let client = OutputFormat::Client { machine: "mn".into(), verbose: false };
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
        let verbose = OutputFormat::Client { machine: "mn".into(), verbose: true };
        assert_eq!(verbose.line(&ALL[0]), out("d1: [mn]: running"));
    }

    #[test]
    fn the_plugin_s_objects_are_responses_of_xcat() {
        let told = ALL.map(|message| match OutputFormat::Plugin.line(&message) {
            OutputLine::Out(text) => serde_json::from_str::<Value>(&text).unwrap(),
            OutputLine::Err(text) => panic!("{text}"),
        });
        assert_eq!(
            told,
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
    fn what_xml_cannot_say_does_not_reach_xcatd() {
        let OutputLine::Out(text) = OutputFormat::Plugin.line(&Message::Line("\u{1b}[31mred\u{0}\t\u{ffff}"))
        else {
            panic!()
        };
        assert_eq!(text, "{\"data\":[\"\u{fffd}[31mred\u{fffd}\\t\u{fffd}\"]}");
    }
}
