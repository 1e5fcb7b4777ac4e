//! Running a program in a machine: nsenter into its namespaces, with the environment of a root login.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use process::{Command, ExecuteError, Output, Program, shell_words};
use thiserror::Error;

use crate::name::Member;
use crate::proc::Process;

/// How running something in a machine failed.
#[derive(Debug, Error)]
pub enum ExecError {
    /// Nothing to run in.
    #[error("{member} is off: `lab power {member} on` starts it")]
    Off {
        /// Which.
        member: Member,
    },
    /// The program, or the way to it.
    #[error("on {member}")]
    Run {
        /// Where.
        member: Member,
        /// How it ended.
        #[source]
        source: ExecuteError,
    },
    /// nsenter itself.
    #[error("cannot run nsenter")]
    Enter(#[source] std::io::Error),
    /// The thing to copy.
    #[error("cannot copy {path}: it has no name or is not there")]
    NoSource {
        /// As it was given.
        path: String,
    },
}

/// A machine that runs.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Which.
    pub member: Member,
    /// Its PID 1.
    pub leader: Process,
}

impl Target {
    /// The words that run `argv` there.
    pub fn words(self, argv: &[OsString]) -> Vec<OsString> {
        let environment = std::env::var("TERM").map(|term| format!("TERM={term}"));
        let enter = format!("nsenter --target {} --mount --uts --ipc --net --pid", self.leader.pid);
        let login = "/usr/bin/env -i --chdir=/root HOME=/root USER=root LOGNAME=root LANG=C.UTF-8 \
                     PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        enter
            .split(' ')
            .chain(login.split_ascii_whitespace())
            .chain(environment.as_deref().ok())
            .map(OsString::from)
            .chain(argv.iter().cloned())
            .collect()
    }

    /// Runs a program to its end, or to the deadline.
    ///
    /// # Errors
    /// It failed or was too slow; it is then ended.
    pub async fn run(
        self,
        argv: &[OsString],
        stdin: Vec<u8>,
        deadline: Duration,
    ) -> Result<Output, ExecError> {
        // killing nsenter would leave the program in the machine alone: there, timeout(1) ends it and its children
        let seconds = deadline.as_secs().max(1);
        let mut bounded: Vec<OsString> = ["timeout", "--kill-after=2"].iter().map(OsString::from).collect();
        bounded.push(seconds.to_string().into());
        bounded.extend(argv.iter().cloned());
        let words = self.words(&bounded);
        let program = words.first().and_then(|word| word.to_str()).unwrap_or_default();
        let outer = Duration::from_secs(seconds + 5);
        let start = Instant::now();
        let command = Command::new(program, outer).args(words.get(1..).unwrap_or_default()).stdin(stdin);
        command.execute().await.map_err(|error| {
            let deadline = Some(deadline).filter(|deadline| start.elapsed() >= *deadline);
            ExecError::Run { member: self.member, source: plainly(error, argv, deadline) }
        })
    }

    /// Becomes a program in the machine, with our terminal, pipes and exit status.
    pub fn become_program(self, argv: &[OsString]) -> ExecError {
        let words = self.words(argv);
        let mut command = std::process::Command::new(words.first().cloned().unwrap_or_default());
        ExecError::Enter(command.args(words.get(1..).unwrap_or_default()).exec())
    }

    /// Copies into the machine: a file to the path `to`, or into it where that is a directory; what is in a
    /// directory into the directory `to`. Again is the same.
    ///
    /// # Errors
    /// Nothing to copy, or what `tar` said.
    pub async fn put(self, from: &Path, to: &str) -> Result<(), ExecError> {
        let nothing = || ExecError::NoSource { path: from.display().to_string() };
        let from = std::path::absolute(from).map_err(|_| nothing())?;
        let (Some(parent), Some(name)) = (from.parent(), from.file_name()) else { return Err(nothing()) };
        if !from.exists() {
            return Err(nothing());
        }
        let unpack: Vec<OsString> = ["sh", "-ec", UNPACK, "put", to].iter().map(OsString::from).collect();
        let mut unpack = self.words(&unpack);
        unpack.push(name.to_owned());
        let command = Command::new("bash", Duration::from_secs(300))
            .args(["-o", "pipefail", "-ec", PACK, "put"])
            .args([parent.as_os_str(), name])
            .args(unpack);
        command.execute().await.map(drop).map_err(|source| ExecError::Run { member: self.member, source })
    }
}

/// An error that says what was asked for, not how it was brought there; `past` is the deadline that was missed.
fn plainly(error: ExecuteError, asked: &[OsString], past: Option<Duration>) -> ExecuteError {
    let words: Vec<_> = asked.iter().map(|word| word.to_string_lossy()).collect();
    let argv = shell_words(&words);
    // a failed test needs the whole line
    let program = Box::new(Program { name: argv.clone(), argv });
    match (error, past) {
        // timeout(1) ends with 124, or is killed with the program
        (ExecuteError::Status { status, .. }, Some(deadline)) if matches!(status.code(), Some(124 | 137)) => {
            ExecuteError::Deadline { program, deadline }
        }
        (ExecuteError::Status { status, stdout, stderr, .. }, _) => {
            ExecuteError::Status { program, status, stdout, stderr }
        }
        (other, _) => other,
    }
}

const PACK: &str =
    r#"tar --create --owner=root:0 --group=root:0 --numeric-owner --directory="$1" -- "$2" | "${@:3}""#;

/// A file is renamed into its place, so that a program that runs from it goes on, and the new one is whole.
const UNPACK: &str = r#"
to=$1 name=$2
case $to in */) mkdir -p "$to" ;; esac
mkdir -p "$(dirname "$to")"
staged=$(mktemp -d "$(dirname "$to")/.put.XXXXXX")
trap 'rm -rf "$staged"' EXIT
tar --extract --preserve-permissions --directory="$staged"
if [ -d "$staged/$name" ] && [ ! -h "$staged/$name" ]; then
    mkdir -p "$to"
    cp -a "$staged/$name/." "$to/"
else
    if [ -d "$to" ]; then to=${to%/}/$name; fi
    mv -fT "$staged/$name" "$to"
fi
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_the_namespaces_and_a_clean_environment() {
        let target = Target { member: Member::Host(1), leader: Process { pid: 42, start: 7 } };
        let words = target.words(&["ip".into(), "a b".into()]);
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words[..3], ["nsenter", "--target", "42"]);
        assert_eq!(words[8..10], ["/usr/bin/env", "-i"]);
        assert_eq!(words[words.len() - 2..], ["ip", "a b"]);
    }

    #[test]
    fn a_host_that_is_off_is_told_with_the_command_that_starts_it() {
        let error = ExecError::Off { member: Member::Host(2) };
        assert_eq!(error.to_string(), "host2 is off: `lab power host2 on` starts it");
    }
}
