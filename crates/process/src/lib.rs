//! Runs other programs: an argument list instead of shell text, always a deadline, and errors that name the program
//! and contain its error output. With `-v` ([`show_command_lines`]) errors also contain the whole command line.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::process as child;

/// Whether errors contain the whole command line.
static COMMAND_LINES: AtomicBool = AtomicBool::new(false);

/// Makes all errors of this process contain the command line of the failed program (`-v`).
pub fn show_command_lines() {
    COMMAND_LINES.store(true, Ordering::Relaxed);
}

/// Whether errors contain command lines.
pub fn shows_command_lines() -> bool {
    COMMAND_LINES.load(Ordering::Relaxed)
}

/// Held by each start of a program.
static STARTS: RwLock<()> = RwLock::new(());

/// Runs `work` while no program is being started: a child begins with copies of all file descriptors of this process.
/// A program that started just before may still be in its exec, which closes them.
pub fn between_starts<T>(work: impl FnOnce() -> T) -> T {
    let _none_starts = STARTS.write().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// A program with its arguments, not yet started.
#[derive(Debug)]
pub struct Command {
    /// The program's name in errors.
    name: String,
    argv: Vec<String>,
    stdin: Vec<u8>,
    deadline: Duration,
    inner: child::Command,
}

/// Output of a program that exited with status 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, without trailing white space.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }
}

/// The program of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its command line, quoted for a shell.
    pub argv: String,
}

/// Why a run failed.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// The program could not be started.
    #[error("cannot run {}{}", program.name, Line(program))]
    Start {
        /// The program.
        program: Box<Program>,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The program was still running at the deadline, and was killed.
    #[error("{} did not end within {} s{}", program.name, deadline.as_secs_f32(), Line(program))]
    Deadline {
        /// The program.
        program: Box<Program>,
        /// Its time limit.
        deadline: Duration,
    },
    /// The program exited with a status other than 0.
    #[error("{}{}", Failure { name: &program.name, status, stdout, stderr }, Line(program))]
    Status {
        /// The program.
        program: Box<Program>,
        /// Its exit status.
        status: ExitStatus,
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
    },
}

/// The program's error output, or its exit status and last output line if it wrote no error output.
struct Failure<'a> {
    name: &'a str,
    status: &'a ExitStatus,
    stdout: &'a str,
    stderr: &'a str,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, status, stdout, stderr } = self;
        match (stderr.trim(), stdout.lines().rev().map(str::trim).find(|line| !line.is_empty())) {
            ("", None) => write!(f, "{name} ended with {status}"),
            ("", Some(last)) => write!(f, "{name} ended with {status}: {last}"),
            (text, _) if text.starts_with(&format!("{name}:")) => f.write_str(text),
            (text, _) => write!(f, "{name}: {text}"),
        }
    }
}

/// The command line, if [`show_command_lines`] was called.
struct Line<'a>(&'a Program);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if shows_command_lines() { write!(f, " (command line: {})", self.0.argv) } else { Ok(()) }
    }
}

impl Command {
    /// A program (found in PATH) with a time limit.
    pub fn new(program: &str, deadline: Duration) -> Self {
        let inner = child::Command::new(program);
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        Self { name, argv: vec![program.to_owned()], stdin: Vec::new(), deadline, inner }
    }

    /// Sets the name in errors, for example when ssh runs another program on a host.
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        Self { name: name.rsplit('/').next().unwrap_or(name).to_owned(), ..self }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        for arg in args {
            self.argv.push(arg.as_ref().to_string_lossy().into_owned());
            self.inner.arg(arg);
        }
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Sets the content of standard input; the default is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs the program and waits for it. Dropping the future kills the program.
    ///
    /// # Errors
    /// The program cannot be started, exceeds its deadline (it is killed), or exits with a status other than 0.
    pub async fn execute(mut self) -> Result<Output, ExecuteError> {
        let program = Box::new(Program { name: self.name, argv: shell_words(&self.argv) });
        let start = |source| ExecuteError::Start { program: program.clone(), source };
        let mut running = start_child(&mut self.inner).map_err(start)?;
        let input = running.stdin.take();
        let feed = async {
            if let Some(mut pipe) = input {
                // a program may exit without reading its input: only its status counts
                let _ = pipe.write_all(&self.stdin).await;
            }
        };
        let both = async { tokio::join!(feed, running.wait_with_output()).1 };
        let ended = match tokio::time::timeout(self.deadline, both).await {
            Err(_) => return Err(ExecuteError::Deadline { program, deadline: self.deadline }),
            Ok(ended) => ended.map_err(start)?,
        };
        if ended.status.success() {
            return Ok(Output { stdout: ended.stdout, stderr: ended.stderr });
        }
        Err(ExecuteError::Status {
            program,
            status: ended.status,
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        })
    }
}

/// Starts a program. Returns when its exec has begun (vfork).
fn start_child(command: &mut child::Command) -> io::Result<child::Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let _starts = STARTS.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Joins arguments to one line that a POSIX shell splits into the same arguments.
pub fn shell_words<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| shell_word(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Quotes one argument if a POSIX shell would change it.
pub fn shell_word(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn output_comes_back_and_input_goes_in() {
        let ran = Command::new("cat", SOON).stdin("hello\n").execute().await.unwrap();
        assert_eq!(ran.text(), "hello");
    }

    /// What a failing script of `sh` comes to.
    async fn failed(script: &str) -> String {
        Command::new("/bin/sh", SOON).args(["-c", script]).execute().await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_failure_says_which_program_and_its_words() {
        assert_eq!(failed("echo no >&2; exit 3").await, "sh: no");
        assert_eq!(failed("echo sh: no >&2; exit 3").await, "sh: no", "it has said its name");
        assert_eq!(failed("exit 3").await, "sh ended with exit status: 3");
        assert_eq!(failed("echo one; echo two; exit 3").await, "sh ended with exit status: 3: two");
        let remote = Command::new("sh", SOON).called("/opt/xdock/bin/netd").args(["-c", "exit 3"]);
        let error = remote.execute().await.unwrap_err();
        assert_eq!(error.to_string(), "netd ended with exit status: 3");
    }

    #[tokio::test]
    async fn the_deadline_ends_it() {
        let error =
            Command::new("sleep", Duration::from_millis(50)).args(["600"]).execute().await.unwrap_err();
        assert_eq!(error.to_string(), "sleep did not end within 0.05 s");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(shell_words(&["a", "it's", "", "$x"]), r"a 'it'\''s' '' '$x'");
    }
}
