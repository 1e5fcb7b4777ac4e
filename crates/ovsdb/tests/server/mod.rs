//! A real ovsdb-server with a database of its own, ended by its process id when dropped.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test support: a failure here fails the test"
)]
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod bridges;

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ovsdb::{Client, Options, Remote, Row, Transaction, Value};
use tempfile::TempDir;

/// For everything that should take moments: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

pub(crate) struct Server {
    process: Option<Child>,
    pub(crate) directory: TempDir,
    words: Vec<String>,
}

/// Runs a program of Open vSwitch to its end.
pub(crate) fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program}: {error}: apt-get install openvswitch-switch"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {}: {told}", words.join(" "));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Server {
    /// A standalone server of an empty `Open_vSwitch` database, on a unix socket and on `more` remotes.
    pub(crate) fn standalone(more: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let database = directory.path().join("db");
        run("ovsdb-tool", &["create", database.to_str().unwrap(), SCHEMA]);
        let mut words = vec![database.display().to_string()];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        let mut server = Self::stopped(directory, words);
        server.start();
        server
    }

    /// A server that is not started, with these words on its command line.
    pub(crate) fn stopped(directory: TempDir, words: Vec<String>) -> Self {
        Self { process: None, directory, words }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("db.sock")
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::Unix(self.socket())
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(&mut self) {
        let process = Command::new("ovsdb-server")
            .args(&self.words)
            .arg(format!("--remote=punix:{}", self.socket().display()))
            .arg(format!("--unixctl={}", self.path("ctl").display()))
            .arg(format!("--log-file={}", self.path("log").display()))
            .stderr(Stdio::null())
            .spawn();
        let process = process
            .unwrap_or_else(|error| panic!("ovsdb-server: {error}: apt-get install openvswitch-switch"));
        self.process = Some(process);
        let socket = self.socket();
        wait_until(|| UnixStream::connect(&socket).is_ok(), "ovsdb-server listens");
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
            let _ = std::fs::remove_file(self.socket());
        }
    }

    /// Stops it in its tracks, or lets it go on: its sockets stay open.
    pub(crate) fn freeze(&self, frozen: bool) {
        let id = self.process.as_ref().unwrap().id().to_string();
        run("kill", &[if frozen { "-STOP" } else { "-CONT" }, &id]);
    }

    /// The port that the system chose for the remote `ptcp:0:127.0.0.1` or `pssl:0:127.0.0.1`.
    pub(crate) fn port(&self) -> u16 {
        let words = "0:127.0.0.1: listening on port ";
        wait_until(|| self.log().contains(words), words);
        let log = self.log();
        let rest = log.rsplit(words).next().unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Has every message written to the log.
    pub(crate) fn log_messages(&self) {
        self.control(&["vlog/set", "jsonrpc:file:dbg"]);
    }

    /// A command of ovs-appctl(8).
    pub(crate) fn control(&self, words: &[&str]) -> String {
        let control = self.path("ctl").display().to_string();
        let mut all = vec!["--timeout=30", "-t", &control];
        all.extend(words);
        run("ovs-appctl", &all)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn options(&self) -> Options {
        Options::new("Open_vSwitch").remotes(vec![self.remote()]).deadline(PATIENCE)
    }

    pub(crate) async fn client(&self) -> Client {
        let client = Client::connect(self.options()).await.unwrap();
        root(&client).await;
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Every other table needs the one row of `Open_vSwitch`.
pub(crate) async fn root(client: &Client) {
    let tx = Transaction::new().insert("Open_vSwitch", Row::new(), None);
    client.transact(tx).await.unwrap();
}

/// A server of these options stores what is longer than any buffer, and gives it back.
pub(crate) async fn works(options: Options) {
    let client = Client::connect(options).await.unwrap();
    let words = "x".repeat(3 << 20);
    let ids = Value::map([("long", words.as_str())]);
    client
        .transact(Transaction::new().insert("Open_vSwitch", Row::new().with("other_config", ids), None))
        .await
        .unwrap();
    let selected =
        client.transact(Transaction::new().select("Open_vSwitch", [], ["other_config"])).await.unwrap();
    let row = selected.first().unwrap().rows().first().unwrap();
    assert_eq!(row.map_of_strings("other_config").unwrap().get("long"), Some(&words.as_str()));
}

pub(crate) fn wait_until(mut done: impl FnMut() -> bool, what: &str) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An error and all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
