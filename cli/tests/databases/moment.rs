//! All tables are read as they were at one moment, and nothing of the reader is left in the server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use inventory::Inventory;

use crate::server::{Kind, Server, open};
use crate::tables::Files;

/// A client of the server that stays connected.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn new(server: &Server, database: &str) -> Self {
        let mut child = server.session(database).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Returns when the server has done it.
    fn run(&mut self, sql: &str) {
        writeln!(self.input, "{sql} SELECT 'done';").unwrap();
        self.input.flush().unwrap();
        let mut line = String::new();
        while line.trim() != "done" {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the client ended at {sql}");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server says of sessions that wait for a lock.
fn waiting(server: &Server) -> &'static str {
    match server.kind {
        Kind::Postgres => {
            "SELECT count(*) FROM pg_stat_activity WHERE datname='moment' AND wait_event_type='Lock' AND application_name='xdock';"
        }
        Kind::Mariadb => {
            "SELECT count(*) FROM information_schema.processlist WHERE db='moment' AND user='xcatadm' AND state LIKE 'Waiting for table metadata lock%';"
        }
    }
}

fn until(server: &Server, sql: &str, wanted: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let got = server.sql("moment", sql);
        if got.trim() == wanted {
            return;
        }
        assert!(Instant::now() < end, "{sql} is {got}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The host of d1 in one table and the memory in another must be of one moment.
fn pair(tables: &Inventory) -> (Option<String>, Option<String>) {
    (tables.value("d1", "hosts.ip").unwrap(), tables.value("d1", "vm.memory").unwrap())
}

/// The reader has read `hosts` and waits for `vm`, which the writer holds; then the writer changes both and lets go.
pub(crate) fn a_writer_is_not_seen(server: &Server) {
    Files::new().load(server, "moment");
    let before = pair(&open(server.database("moment")).unwrap());
    let mut holder = Session::new(server, "moment");
    holder.run(match server.kind {
        Kind::Postgres => "BEGIN; LOCK TABLE vm IN ACCESS EXCLUSIVE MODE;",
        Kind::Mariadb => "LOCK TABLES vm WRITE;",
    });
    let database = server.database("moment");
    let reader = std::thread::spawn(move || open(database));
    until(server, waiting(server), "1");
    server.sql("moment", "UPDATE hosts SET ip='10.99.1.200' WHERE node='d1';");
    holder.run("UPDATE vm SET memory='4096' WHERE node='d1';");
    holder.run(if server.kind == Kind::Postgres { "COMMIT;" } else { "UNLOCK TABLES;" });
    let read = reader.join().unwrap().unwrap();
    assert_eq!(pair(&read), before);
    let after = pair(&open(server.database("moment")).unwrap());
    assert_eq!(after, (Some("10.99.1.200".into()), Some("4096".into())));
}

/// A long command must not keep a transaction open: that would hold up xCAT's own changes of its tables.
pub(crate) fn nothing_is_left(server: &Server) {
    Files::new().load(server, "closed");
    let _kept = open(server.database("closed")).unwrap();
    let sessions = match server.kind {
        Kind::Postgres => {
            "SELECT count(*) FROM pg_stat_activity WHERE datname='closed' AND application_name='xdock';"
        }
        Kind::Mariadb => {
            "SELECT count(*) FROM information_schema.processlist WHERE db='closed' AND user='xcatadm';"
        }
    };
    let end = Instant::now() + Duration::from_secs(10);
    while server.sql("closed", sessions).trim() != "0" {
        assert!(Instant::now() < end, "the session is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.sql("closed", "ALTER TABLE vm ADD COLUMN later TEXT;");
}

/// The commands run in an executor; the driver of PostgreSQL brings its own.
pub(crate) fn inside_an_executor(server: &Server) {
    Files::new().load(server, "inside");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let nodes = runtime.block_on(async { open(server.database("inside")).unwrap().nodes().unwrap().len() });
    assert_eq!(nodes, 12);
}
