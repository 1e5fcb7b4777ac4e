//! Root ssh of xCAT: one shared connection per host, with sessions for the engine's API (`docker system dial-stdio`,
//! like Docker's own client) and for netd.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use process::{Command, ExecuteError, Output};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::sync::OnceCell;

use super::stream::ChildStream;

mod preamble;
mod reason;

pub(super) use preamble::Preamble;
use reason::Reason;

/// Seconds that a shared connection stays open after the last command, for the next one.
const PERSIST_SECONDS: u32 = 60;

/// Timeout for checking a shared connection.
const CHECK_TIMEOUT: Duration = Duration::from_secs(4);

/// Time after which the shared connection of a running program is checked.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// Destination and options of ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// User.
    pub(crate) user: String,
    /// Host name for ssh.
    pub(crate) host: String,
    /// Port, if not ssh's default.
    pub(crate) port: Option<u16>,
    /// Additional `-o` options of the settings.
    pub(crate) options: Vec<String>,
    /// Connection timeout.
    pub(crate) timeout: Duration,
}

/// Shared connection to a destination, opened when first needed. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Ssh {
    to: Arc<Destination>,
    shared: Arc<OnceCell<()>>,
}

/// Why an ssh connection failed.
#[derive(Debug, Error)]
pub(crate) enum SshError {
    /// The directory of the shared connections is not private.
    #[error("cannot use {} for ssh connections: it must be a directory of mode 0700 that this user owns", path.display())]
    Runtime {
        path: PathBuf,
        /// Cause, if the system reported one.
        #[source]
        source: Option<io::Error>,
    },
    /// ssh reported a reason.
    #[error("no ssh connection to {user}@{host}: {}{}", reason.message(user, host), in_full(output))]
    Refused {
        user: String,
        host: String,
        reason: Box<Reason>,
        /// Error output of ssh.
        output: String,
    },
    /// ssh did not run or did not end.
    #[error("no ssh connection to {user}@{host}")]
    Run {
        user: String,
        host: String,
        #[source]
        source: Box<ExecuteError>,
    },
    /// The session was not started.
    #[error("cannot start ssh")]
    Start(#[source] io::Error),
}

/// Why a program on a host failed.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] SshError),
    /// The program failed or does not exist.
    #[error(transparent)]
    Run(#[from] ExecuteError),
}

impl fmt::Display for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.to.user, self.to.host)
    }
}

impl Ssh {
    /// Does not connect yet.
    pub(crate) fn new(to: Destination) -> Self {
        Self { to: Arc::new(to), shared: Arc::default() }
    }

    async fn connected(&self) -> Result<(), SshError> {
        self.shared.get_or_try_init(|| self.to.connect()).await.copied()
    }

    /// Runs a program on the host, with timeout `run_timeout` in addition to the connection timeout.
    pub(crate) async fn run(
        &self,
        words: &[&str],
        stdin: Vec<u8>,
        run_timeout: Duration,
    ) -> Result<Output, SessionError> {
        if !self.shared.initialized()
            && let Some(ended) = self.to.run_on_kept(words, &stdin, run_timeout).await
        {
            return ended;
        }
        self.connected().await?;
        self.to.run(words, stdin, run_timeout).await
    }

    /// Opens a session to the engine's API.
    pub(super) async fn dial(&self) -> Result<ChildStream, SshError> {
        self.connected().await?;
        self.to.dial()
    }
}

impl Destination {
    /// Opens the shared connection unless it is open. Errors contain ssh's message.
    async fn connect(&self) -> Result<(), SshError> {
        let socket = self.socket(&runtime_directory()?);
        if is_listened_at(&socket) && self.answers(&socket).await {
            return Ok(());
        }
        // ssh's own timeout is shorter, so that its message is used
        self.greet(&socket, self.timeout + Duration::from_secs(2)).await
    }

    /// Whether a shared connection still works; otherwise it is closed.
    async fn answers(&self, socket: &Path) -> bool {
        let answers = self.greet(socket, self.timeout.min(CHECK_TIMEOUT)).await.is_ok();
        if !answers {
            // the host lost power or the network: its sessions end by themselves
            self.give_up(socket).await;
        }
        answers
    }

    /// Runs a program on the shared connection of an earlier command. `None`: there is none, or it is dead. The
    /// program then runs again on a new connection: all our commands are idempotent.
    async fn run_on_kept(
        &self,
        words: &[&str],
        stdin: &[u8],
        run_timeout: Duration,
    ) -> Option<Result<Output, SessionError>> {
        let socket = self.socket(&runtime_directory().ok()?);
        if !is_listened_at(&socket) {
            return None;
        }
        let mut run = std::pin::pin!(self.run(words, stdin.to_vec(), run_timeout));
        match tokio::time::timeout(CHECK_AFTER, &mut run).await {
            Ok(ended) => Some(ended),
            Err(_) if self.answers(&socket).await => Some(run.await),
            Err(_) => None,
        }
    }

    /// Opens the first session, which becomes the shared connection.
    async fn greet(&self, socket: &Path, deadline: Duration) -> Result<(), SshError> {
        let run =
            Command::new("ssh", deadline).args(self.argv(socket, Some(PERSIST_SECONDS), &["true"])).execute();
        let (user, host) = (self.user.clone(), self.host.clone());
        match run.await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Status { stderr, .. }) if !stderr.trim().is_empty() => {
                Err(self.refused(&stderr))
            }
            Err(source) => Err(SshError::Run { user, host, source: Box::new(source) }),
        }
    }

    /// Closes a shared connection for new sessions.
    async fn give_up(&self, socket: &Path) {
        let words = ["-O".to_owned(), "stop".to_owned()].into_iter().chain(self.argv(socket, None, &[]));
        // a process that has ended accepts none either
        let _ = Command::new("ssh", CHECK_TIMEOUT).args(words).execute().await;
    }

    /// Parses ssh's error output.
    fn refused(&self, stderr: &str) -> SshError {
        let output = stderr.trim().replace("\r\n", "\n");
        SshError::Refused {
            user: self.user.clone(),
            host: self.host.clone(),
            reason: Box::new(Reason::of(stderr)),
            output,
        }
    }

    /// Runs a command over the shared connection.
    async fn run(&self, words: &[&str], stdin: Vec<u8>, deadline: Duration) -> Result<Output, SessionError> {
        // without the directory each session opens its own connection
        let socket = self.socket(&runtime_directory().unwrap_or_default());
        let ssh = Command::new("ssh", deadline).called(words.first().copied().unwrap_or("ssh"));
        match ssh.args(self.argv(&socket, None, words)).stdin(stdin).execute().await {
            Ok(Output { stdout, stderr }) => {
                let stdout = preamble::after(&stdout).map(<[u8]>::to_vec).unwrap_or(stdout);
                let stderr = preamble::after(&stderr).map(<[u8]>::to_vec).unwrap_or(stderr);
                Ok(Output { stdout, stderr })
            }
            Err(error) => Err(self.ended(error)),
        }
    }

    /// Failure of a program without output before its own, or failure of ssh, which then ends with 255 (ssh(1)).
    fn ended(&self, error: ExecuteError) -> SessionError {
        let ExecuteError::Status { program, status, stdout, stderr } = error else { return error.into() };
        if status.code() == Some(255)
            && preamble::after(stderr.as_bytes()).is_none()
            && Reason::of(&stderr).is_known()
        {
            return self.refused(&stderr).into();
        }
        let (stdout, stderr) = (preamble::own(&stdout).to_owned(), preamble::own(&stderr).to_owned());
        ExecuteError::Status { program, status, stdout, stderr }.into()
    }

    /// Opens a session to the engine's API on the shared connection.
    fn dial(&self) -> Result<ChildStream, SshError> {
        let socket = self.socket(&runtime_directory()?);
        let mut child = tokio::process::Command::new("ssh")
            .args(self.argv(&socket, None, &["docker", "system", "dial-stdio"]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // a stream that lives as long as its two ends
            .kill_on_drop(true)
            .spawn()
            .map_err(SshError::Start)?;
        let stderr = child.stderr.take().map(|mut pipe| {
            tokio::spawn(async move {
                let mut text = String::new();
                // unreadable output is treated as empty
                let _ = pipe.read_to_string(&mut text).await;
                preamble::own(&text).to_owned()
            })
        });
        ChildStream::new(child, stderr, format!("ssh {}@{}", self.user, self.host)).map_err(SshError::Start)
    }

    /// Path of the shared connection's socket. It is short for any host name: with the digits that ssh appends it must
    /// be below 108 bytes (unix(7)).
    fn socket(&self, directory: &Path) -> PathBuf {
        let port = self.port.map(|port| port.to_string()).unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [&self.user, &self.host, &port].into_iter().chain(&self.options) {
            hash.update(part);
            hash.update([0]);
        }
        let name: String = hash.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        directory.join(name)
    }

    /// Arguments of ssh. `persist`: seconds to keep this session's connection if it is a new one.
    fn argv(&self, socket: &Path, persist: Option<u32>, remote: &[&str]) -> Vec<String> {
        let mut words = vec![
            "-o".to_owned(),
            "BatchMode=yes".to_owned(),
            "-o".to_owned(),
            format!("ConnectTimeout={}", self.timeout.as_secs().max(1)),
            "-o".to_owned(),
            // detect a dead host: 3 unanswered probes in a row (ssh_config, ServerAliveCountMax)
            "ServerAliveInterval=5".to_owned(),
            "-o".to_owned(),
            format!("ControlPath={}", socket.display()),
            "-o".to_owned(),
            format!("ControlMaster={}", if persist.is_some() { "auto" } else { "no" }),
        ];
        words.extend(
            persist.iter().flat_map(|seconds| ["-o".to_owned(), format!("ControlPersist={seconds}")]),
        );
        words.extend(self.options.iter().flat_map(|option| ["-o".to_owned(), option.clone()]));
        // suppress banners and warnings before the reason; ssh uses the first value of an option
        words.extend(["-o".to_owned(), "LogLevel=ERROR".to_owned()]);
        words.extend(self.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]));
        words.extend(["-T".to_owned(), "--".to_owned(), format!("{}@{}", self.user, self.host)]);
        // ssh joins arguments with blanks for root's shell
        words.extend((!remote.is_empty()).then(|| preamble::command(remote)));
        words
    }
}

/// Full output of ssh, for debugging.
fn in_full(output: &str) -> String {
    if process::shows_command_lines() { format!(" (ssh said: {output})") } else { String::new() }
}

/// Whether a process listens on the socket. Asking with another ssh would take as long as the session.
fn is_listened_at(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// A directory in which no other user can create a socket.
fn runtime_directory() -> Result<PathBuf, SshError> {
    let uid = fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default();
    let path = match std::env::var_os("XDG_RUNTIME_DIR") {
        _ if uid == 0 => PathBuf::from("/run/xdock-ssh"),
        Some(directory) => PathBuf::from(directory).join("xdock-ssh"),
        None => std::env::temp_dir().join(format!("xdock-ssh-{uid}")),
    };
    let refused = |source| SshError::Runtime { path: path.clone(), source };
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(refused(Some(error))),
    }
    let found = fs::symlink_metadata(&path).map_err(|error| refused(Some(error)))?;
    if found.is_dir() && found.uid() == uid && found.mode() & 0o077 == 0 {
        Ok(path)
    } else {
        Err(refused(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination() -> Destination {
        Destination {
            user: "root".into(),
            host: "host1".into(),
            port: Some(2222),
            options: vec!["StrictHostKeyChecking=no".into()],
            timeout: Duration::from_secs(10),
        }
    }

    #[test]
    fn a_session_uses_the_shared_connection_and_asks_nobody() {
        let words = destination().argv(Path::new("/run/x/socket"), None, &["netd", "snapshot", "load", "-"]);
        assert_eq!(
            words.join(" "),
            "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ControlPath=/run/x/socket -o ControlMaster=no \
             -o StrictHostKeyChecking=no -o LogLevel=ERROR -p 2222 -T -- root@host1 "
                .to_owned()
                + &preamble::command(&["netd", "snapshot", "load", "-"])
        );
    }

    #[test]
    fn who_is_reached_otherwise_has_a_connection_of_its_own() {
        let socket = |of: Destination| of.socket(Path::new("/run/x"));
        let name = socket(destination());
        assert_eq!(name.as_os_str().len(), "/run/x/".len() + 40);
        assert_eq!(name, socket(destination()));
        for other in [
            Destination { user: "admin".into(), ..destination() },
            Destination { host: "host2".into(), ..destination() },
            Destination { port: None, ..destination() },
            Destination { options: vec![], ..destination() },
        ] {
            assert_ne!(name, socket(other));
        }
    }

    #[test]
    fn the_first_session_keeps_the_connection_for_the_next_command() {
        let words = destination().argv(Path::new("/run/x/socket"), Some(60), &["true"]);
        assert_eq!(
            words.join(" "),
            "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ControlPath=/run/x/socket -o ControlMaster=auto \
             -o ControlPersist=60 -o StrictHostKeyChecking=no -o LogLevel=ERROR -p 2222 -T -- root@host1 "
                .to_owned()
                + &preamble::command(&["true"])
        );
    }
}
