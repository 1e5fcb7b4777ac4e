//! Parses the invocation of a command.

use std::path::Path;

use super::command::Command;

/// A request for one of xCAT's commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The command, or the unknown name.
    pub(super) command: Result<Command, String>,
    /// The noderange.
    pub(super) nodes: Option<String>,
    /// Options and arguments.
    pub(super) words: Vec<String>,
    /// Whether the plugin in xcatd is the caller.
    pub(super) from_plugin: bool,
    /// Common option.
    pub(super) common: Common,
}

/// Common options of xCAT's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    /// Nothing.
    None,
    /// `-V`.
    Verbose,
    /// `-h`.
    Help,
    /// `-v`.
    Version,
}

impl Request {
    /// Parses the program's name, or `xdock xcatd COMMAND NODE... -- WORD...` of the plugin. `None`: it was invoked as
    /// xdock.
    pub(crate) fn of(arguments: &[String]) -> Option<Self> {
        let (program, words) = arguments.split_first()?;
        let name = Path::new(program).file_name()?.to_str()?;
        match words.split_first() {
            _ if Command::named(name).is_some() => Some(Self::of_client(name, words)),
            Some((first, rest)) if first == "xcatd" => Some(Self::of_plugin(rest)),
            _ => None,
        }
    }

    /// Splits a command line like xCAT's client: the first argument without a hyphen is the noderange (xcatclient).
    fn of_client(name: &str, words: &[String]) -> Self {
        let at = words.iter().position(|word| !word.starts_with('-'));
        let nodes = at.and_then(|at| words.get(at).cloned());
        let rest = words.iter().enumerate().filter(|(place, _)| Some(*place) != at);
        Self::new(name, nodes, rest.map(|(_, word)| word.clone()), false)
    }

    /// Arguments from the plugin: the noderange is already resolved.
    fn of_plugin(words: &[String]) -> Self {
        let mut words = words.iter().cloned();
        let name = words.next().unwrap_or_default();
        let nodes: Vec<String> = words.by_ref().take_while(|word| word != "--").collect();
        let nodes = (!nodes.is_empty()).then(|| nodes.join(","));
        Self::new(&name, nodes, words, true)
    }

    fn new(
        name: &str,
        nodes: Option<String>,
        words: impl Iterator<Item = String>,
        from_plugin: bool,
    ) -> Self {
        let mut common = Common::None;
        let mut rest = Vec::new();
        for word in words {
            match word.as_str() {
                "-h" | "--help" => common = Common::Help,
                "-v" | "--version" => common = Common::Version,
                "-V" | "--verbose" | "--Verbose" => common = Common::Verbose,
                _ => rest.push(word),
            }
        }
        let command = Command::named(name).ok_or_else(|| name.to_owned());
        Self { command, nodes, words: rest, from_plugin, common }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Option<Request> {
        Request::of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_name_of_the_program_chooses_the_command() {
        let request = of(&["/usr/local/bin/rpower", "-V", "d1", "state"]).unwrap();
        assert_eq!(request.command.unwrap().name, "rpower");
        assert_eq!(
            (request.nodes.as_deref(), request.words.as_slice(), request.common, request.from_plugin),
            (Some("d1"), &["state".to_owned()][..], Common::Verbose, false)
        );
        assert_eq!(of(&["xdock", "power", "d1", "state"]), None);
        assert_eq!(of(&["/bin/xdock"]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_plugin_names_every_node() {
        let request = of(&["xdock", "xcatd", "rmdocker", "d1", "d2", "--", "-f"]).unwrap();
        assert_eq!(request.command.unwrap().name, "rmdocker");
        assert_eq!(
            (request.nodes.as_deref(), request.words.as_slice(), request.from_plugin),
            (Some("d1,d2"), &["-f".to_owned()][..], true)
        );
        let none = of(&["xdock", "xcatd", "chvm", "--", "-h"]).unwrap();
        assert_eq!((none.command, none.nodes, none.common), (Err("chvm".into()), None, Common::Help));
    }
}
