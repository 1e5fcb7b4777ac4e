//! `rpower`: an action and xCAT's common options. Beside the actions of the docker plugin (start stop restart pause unpause state)
//! it takes those of every other kind of node, which the original refused.

use clap::ValueEnum as _;

use super::own_command::OwnCommand;
use crate::args::PowerAction;

/// -m, -t and -r are for nodes that an installer boots (rpower(1)).
const NO_MONITORING: &str =
    "-m, -t and -r monitor the installation of an operating system; for a container they have no effect";

/// The operators of `-m`.
const OPERATORS: [&str; 4] = ["==", "!=", "=~", "!~"];

pub(super) fn parse(words: &[String]) -> Result<OwnCommand, String> {
    let mut actions = Vec::new();
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            // a container depends on no other node's power
            "--nodeps" => {}
            "-m" => options.expects = Some(status(words.next())?),
            "-t" => options.minutes = Some(number("-t", words.next())?),
            "-r" => options.retries = Some(number("-r", words.next())?),
            _ => actions.push(word),
        }
    }
    let warning = options.warning()?;
    match actions.as_slice() {
        [] => Err("No option specified for rpower".to_owned()),
        [word] if PowerAction::from_str(word, false).is_ok() => {
            Ok(OwnCommand { words: vec![(*word).clone()], warning, ..OwnCommand::new("power", &[]) })
        }
        [word] => Err(format!("The option {word} not support for rpower")),
        _ => Err("Only one option is supportted at the same time".to_owned()),
    }
}

#[derive(Default)]
struct Options {
    expects: Option<()>,
    minutes: Option<u32>,
    retries: Option<u32>,
}

impl Options {
    /// rpower(1): -m needs -t, and -r needs -m.
    fn warning(&self) -> Result<Option<&'static str>, String> {
        match self {
            Self { expects: Some(()), minutes: None, .. } => {
                Err("-m needs -t: how many minutes to wait".to_owned())
            }
            Self { expects: None, minutes: None, retries: None } => Ok(None),
            Self { expects: None, .. } => Err("-t and -r need -m: the status to wait for".to_owned()),
            _ => Ok(Some(NO_MONITORING)),
        }
    }
}

/// `TABLE.COLUMN==STATUS`.
fn status(word: Option<&String>) -> Result<(), String> {
    let text = word.map(String::as_str).unwrap_or_default();
    let parts = OPERATORS.iter().find_map(|operator| text.split_once(operator));
    match parts {
        Some((column, value)) if column.contains('.') && !value.is_empty() => Ok(()),
        _ => Err(format!("-m needs <table.column>==<status>, not {text:?}")),
    }
}

fn number(option: &str, word: Option<&String>) -> Result<u32, String> {
    let text = word.map(String::as_str).unwrap_or_default();
    text.parse().map_err(|_| format!("{option} needs a number, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xcat::command::tests::own;

    #[test]
    fn the_actions_of_every_kind_of_node_are_taken() {
        for word in [
            "start", "stop", "restart", "pause", "unpause", "state", "on", "off", "stat", "status", "boot",
            "reset", "cycle", "softoff",
        ] {
            assert_eq!(own("rpower", &[word]).unwrap(), format!("power {word}"));
        }
    }

    #[test]
    fn common_options_are_taken_before_and_after_the_action() {
        let monitored =
            ["-m", "nodelist.status==booted", "-m", "nodelist.updatestatus=~sync", "-t", "15", "-r", "0"];
        for words in [
            [&["--nodeps", "on"][..], &[]].concat(),
            [&["on", "--nodeps"][..], &[]].concat(),
            [&["on"][..], &monitored].concat(),
            [&monitored[..], &["on", "--nodeps"]].concat(),
        ] {
            assert_eq!(own("rpower", &words).unwrap(), "power on", "{words:?}");
        }
    }

    #[test]
    fn an_option_without_effect_is_reported() {
        let warning = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            parse(&words).unwrap().warning
        };
        assert_eq!(warning(&["on"]), None);
        assert_eq!(warning(&["--nodeps", "on"]), None);
        assert_eq!(warning(&["on", "-m", "a.b==c", "-t", "1"]), Some(NO_MONITORING));
    }

    #[test]
    fn what_is_wrong_is_told_in_its_words() {
        let told = |words: &[&str]| own("rpower", words).unwrap_err();
        assert_eq!(told(&[]), "No option specified for rpower");
        assert_eq!(told(&["--nodeps"]), "No option specified for rpower");
        assert_eq!(told(&["sideways"]), "The option sideways not support for rpower");
        assert_eq!(told(&["--nodep", "on"]), "Only one option is supportted at the same time");
        // the original's spelling
        assert_eq!(told(&["on", "off"]), "Only one option is supportted at the same time");
    }

    #[test]
    fn options_that_lack_something_are_errors() {
        let told = |words: &[&str]| own("rpower", words).unwrap_err();
        assert_eq!(told(&["on", "-m"]), "-m needs <table.column>==<status>, not \"\"");
        assert_eq!(told(&["on", "-m", "booted"]), "-m needs <table.column>==<status>, not \"booted\"");
        assert_eq!(told(&["on", "-m", "a.b==c"]), "-m needs -t: how many minutes to wait");
        assert_eq!(told(&["on", "-t", "soon"]), "-t needs a number, not \"soon\"");
        assert_eq!(told(&["on", "-r", "-1"]), "-r needs a number, not \"-1\"");
        assert_eq!(told(&["on", "-t", "1"]), "-t and -r need -m: the status to wait for");
    }
}
