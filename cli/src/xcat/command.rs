//! xCAT's commands. The grammar of each is a file beside this one.

use super::own_command::OwnCommand;
use super::{cons, list, mk, power, rm};

/// A command of xCAT that xdock implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) name: &'static str,
    /// What it does.
    pub(super) kind: Kind,
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Creates containers.
    Mk,
    /// Removes them.
    Rm,
    /// Lists them, or shows their logs.
    Ls,
    /// Starts and stops them.
    Power,
    /// Opens the console of one.
    Cons,
}

/// All commands. The *vm commands are aliases.
const COMMANDS: [Command; 8] = [
    Command { name: "mkdocker", kind: Kind::Mk },
    Command { name: "mkvm", kind: Kind::Mk },
    Command { name: "rmdocker", kind: Kind::Rm },
    Command { name: "rmvm", kind: Kind::Rm },
    Command { name: "lsdocker", kind: Kind::Ls },
    Command { name: "lsvm", kind: Kind::Ls },
    Command { name: "rpower", kind: Kind::Power },
    Command { name: "rcons", kind: Kind::Cons },
];

impl Command {
    /// The command of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        COMMANDS.into_iter().find(|command| command.name == name)
    }

    /// Translates the arguments after the noderange to one of our commands, or returns xCAT's error message.
    pub(super) fn parse(self, words: &[String]) -> Result<OwnCommand, String> {
        match self.kind {
            Kind::Mk => mk::parse(self.name, words),
            Kind::Rm => rm::parse(self.name, words),
            Kind::Ls => list::parse(self.name, words),
            Kind::Power => power::parse(words),
            Kind::Cons => cons::parse(words),
        }
    }

    /// The text of `-h`.
    pub(super) fn usage(self) -> String {
        let words = match (self.kind, self.name) {
            (Kind::Mk, "mkvm") => {
                "[image=<image_name> [command=<command>]] [dockerflag=<docker_flags>] [-f|--force]"
            }
            (Kind::Mk, _) => "[image=<image_name> [command=<command>]] [dockerflag=<docker_flags>]",
            (Kind::Rm, "rmvm") => "[-f|--force] [-p]",
            // the misspelling is xCAT's: its test case expects it
            (Kind::Rm, _) => {
                return format!("Usage: {0} <noderage>\n       {0} <noderange> [-f|--force]", self.name);
            }
            (Kind::Ls, "lsvm") => "[-l|--long|--logs]",
            (Kind::Ls, _) => {
                return format!("Usage: {0} <noderange>\n       {0} <noderange> [-l|--logs]", self.name);
            }
            (Kind::Power, _) => {
                "[--nodeps] start|stop|restart|pause|unpause|state|on|off|reset|boot|cycle|softoff|stat \
                 [-m <table.column>==<status> -t <minutes> [-r <retries>]]"
            }
            (Kind::Cons, _) => {
                return format!("Usage: {} <singlenode> [-f|--force] [-s|--screen]", self.name);
            }
        };
        format!("Usage: {} <noderange> {words}", self.name)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the words of a command become, in one line.
    pub(in crate::xcat) fn own(name: &str, words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Command::named(name).unwrap().parse(&words).map(
            |OwnCommand { command, options, words, warning: _ }| {
                let all = [vec![command.to_owned()], options.into_iter().map(str::to_owned).collect(), words];
                all.concat().join(" ")
            },
        )
    }

    #[test]
    fn help_is_xcat_s() {
        let usage = |name: &str| Command::named(name).unwrap().usage();
        assert_eq!(
            usage("mkdocker"),
            "Usage: mkdocker <noderange> [image=<image_name> [command=<command>]] [dockerflag=<docker_flags>]"
        );
        assert_eq!(usage("lsdocker"), "Usage: lsdocker <noderange>\n       lsdocker <noderange> [-l|--logs]");
        assert_eq!(usage("rmdocker"), "Usage: rmdocker <noderage>\n       rmdocker <noderange> [-f|--force]");
        assert_eq!(usage("rmvm"), "Usage: rmvm <noderange> [-f|--force] [-p]");
        assert_eq!(usage("lsvm"), "Usage: lsvm <noderange> [-l|--long|--logs]");
        assert_eq!(Command::named("chvm"), None);
    }
}
