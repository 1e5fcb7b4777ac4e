//! A database server of the distribution, in a directory of its own.

use std::io::Write as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use inventory::{Database, Inventory, InventoryError, InventoryUrl, Password};

/// `nobody` of Debian: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// The password of the server's own administrator.
const ROOT: &str = "root-of-the-test";

/// The password of the user `xcatadm`, as a person might choose it.
pub(crate) const PASSWORD: &str = "gehe=im;Grün 7";

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mariadb,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }

    /// Its scheme in cfgloc.
    pub(crate) fn dsn(self) -> &'static str {
        match self {
            Self::Postgres => "Pg",
            Self::Mariadb => "mysql",
        }
    }

    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mysql",
        }
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    directory: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// Starts servers of these kinds. Their directories are made side by side: that takes longest.
    pub(crate) fn start_all(kinds: &[Kind]) -> Vec<Self> {
        let made: Vec<_> = kinds.iter().map(|kind| (*kind, make(*kind))).collect();
        made.into_iter()
            .map(|(kind, (directory, maker))| {
                let made = maker.wait_with_output().unwrap();
                assert!(made.status.success(), "{kind:?}: {}", String::from_utf8_lossy(&made.stderr));
                Self::start(kind, directory)
            })
            .collect()
    }

    fn start(kind: Kind, directory: tempfile::TempDir) -> Self {
        let path = directory.path().to_owned();
        let shown = |name: &str| path.join(name).display().to_string();
        let mut command = match kind {
            Kind::Postgres => {
                let mut command = unprivileged(&postgres("postgres"));
                command.args([
                    "-D",
                    &shown("data"),
                    "-k",
                    &shown(""),
                    "-c",
                    "listen_addresses=*",
                    "-c",
                    "fsync=off",
                ]);
                command
            }
            Kind::Mariadb => {
                let mut command = unprivileged(Path::new("/usr/sbin/mariadbd"));
                command.args(["--no-defaults", "--skip-name-resolve", "--bind-address=*", "--skip-log-bin"]);
                command
                    .arg(format!("--datadir={}", shown("data")))
                    .arg(format!("--socket={}", shown("socket")));
                command.arg(format!("--pid-file={}", shown("pid"))).arg("--innodb-flush-log-at-trx-commit=0");
                let root = format!("ALTER USER root@localhost IDENTIFIED BY '{ROOT}';\n");
                std::fs::write(path.join("init"), root).unwrap();
                command.arg(format!("--init-file={}", shown("init")));
                command
            }
        };
        let log = std::fs::File::create(path.join("log")).unwrap();
        if kind == Kind::Postgres {
            // as `pgsqlsetup` does for the management node's own address
            let rules = std::fs::read_to_string(path.join("data/pg_hba.conf")).unwrap();
            let rules = format!("{rules}host all all 192.0.2.7/32 scram-sha-256\n");
            std::fs::write(path.join("data/pg_hba.conf"), rules).unwrap();
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Self { kind, directory, child };
        server.wait();
        server.prepare();
        server
    }

    /// Until it answers.
    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.client(self.admin_database(), "SELECT 1;").status.success() {
            let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "the server ended: {}", log());
            assert!(Instant::now() < end, "the server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn prepare(&self) {
        let create = match self.kind {
            Kind::Postgres => format!("CREATE ROLE xcatadm LOGIN PASSWORD '{PASSWORD}';"),
            Kind::Mariadb => format!("CREATE USER xcatadm IDENTIFIED BY '{PASSWORD}';"),
        };
        self.sql(self.admin_database(), &create);
    }

    fn admin_database(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "postgres",
            Kind::Mariadb => "mysql",
        }
    }

    /// Makes a database that belongs to `xcatadm`, with options such as an encoding.
    pub(crate) fn create(&self, name: &str, options: &str) {
        let sql = match self.kind {
            Kind::Postgres => format!("CREATE DATABASE {name} OWNER xcatadm {options};"),
            Kind::Mariadb => format!("CREATE DATABASE {name} {options}; GRANT ALL ON {name}.* TO xcatadm;"),
        };
        self.sql(self.admin_database(), &sql);
    }

    /// Runs SQL as the administrator; what it prints.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let ran = self.client(database, sql);
        assert!(ran.status.success(), "{database}: {sql:.200}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    fn client(&self, database: &str, sql: &str) -> Output {
        let mut child = self.session(database).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // a client that cannot connect reads nothing, and says why
        let _ = child.stdin.take().unwrap().write_all(sql.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// The server's own client, which reads SQL from standard input.
    pub(crate) fn session(&self, database: &str) -> Command {
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = Command::new("psql");
                command.args([
                    "-X",
                    "-q",
                    "-A",
                    "-t",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-U",
                    "postgres",
                    "-d",
                    database,
                    "-h",
                ]);
                command.arg(self.directory.path()).env("PGPASSWORD", ROOT).env("PGCLIENTENCODING", "UTF8");
                command
            }
            Kind::Mariadb => {
                let mut command = Command::new("mariadb");
                command.args([
                    "--no-defaults",
                    "--batch",
                    "--skip-column-names",
                    "--unbuffered",
                    "-u",
                    "root",
                ]);
                command.args([
                    "--default-character-set=utf8mb4",
                    &format!("--socket={}", self.socket().display()),
                ]);
                command.env("MYSQL_PWD", ROOT).arg(database);
                command
            }
        };
        command.stdin(Stdio::piped());
        command
    }

    /// What a URL's `socket=` names.
    pub(crate) fn socket(&self) -> PathBuf {
        match self.kind {
            Kind::Postgres => self.directory.path().to_owned(),
            Kind::Mariadb => self.directory.path().join("socket"),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self.kind {
            Kind::Postgres => 5432,
            Kind::Mariadb => 3306,
        }
    }

    /// A database as `xcatadm` reaches it by its unix socket.
    pub(crate) fn database(&self, name: &str) -> Database {
        self.database_of(name, "xcatadm", PASSWORD)
    }

    /// The same as another user.
    pub(crate) fn database_of(&self, name: &str, user: &str, password: &str) -> Database {
        let socket = self.socket();
        let url = format!("{}://{user}@/{name}?socket={}", self.kind.scheme(), socket.display());
        Database { password: Some(Password::new(password, "/etc/xcat/cfgloc")), ..url.parse().unwrap() }
    }

    /// The line of cfgloc for a database, by TCP.
    pub(crate) fn cfgloc(&self, name: &str, password: &str) -> String {
        format!("{}:dbname={name};host=127.0.0.1|xcatadm|{password}", self.kind.dsn())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The inventory in a database.
pub(crate) fn open(database: Database) -> Result<Inventory, InventoryError> {
    Inventory::open(&InventoryUrl::Database(database))
}

fn make(kind: Kind) -> (tempfile::TempDir, Child) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    std::fs::write(path.join("password"), ROOT).unwrap();
    chown(path.join("password"), Some(NOBODY), Some(NOBODY)).unwrap();
    let data = path.join("data").display().to_string();
    let mut command = match kind {
        Kind::Postgres => {
            let mut command = unprivileged(&postgres("initdb"));
            command.args([
                "-D",
                &data,
                "-U",
                "postgres",
                "-N",
                "-E",
                "UTF8",
                "--no-locale",
                "--auth=scram-sha-256",
            ]);
            command.arg(format!("--pwfile={}", path.join("password").display()));
            command
        }
        Kind::Mariadb => {
            let mut command = unprivileged(Path::new("/usr/bin/mariadb-install-db"));
            command.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
            command.arg(format!("--datadir={data}"));
            command
        }
    };
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    (directory, command.spawn().unwrap_or_else(|error| panic!("{kind:?}: {error}; run tests/prepare")))
}

/// Ends with this test, whatever ends it.
fn unprivileged(program: &Path) -> Command {
    assert!(program.exists(), "no {}; run tests/prepare", program.display());
    let mut command = Command::new("setpriv");
    let id = NOBODY.to_string();
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--pdeathsig", "KILL"]).arg(program);
    command.current_dir("/").env("HOME", "/");
    command
}

/// Debian keeps a directory for each version.
fn postgres(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path()).max().unwrap_or_else(|| "/usr/lib/postgresql".into());
    newest.join("bin").join(name)
}
