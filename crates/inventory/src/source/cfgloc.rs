//! Which database xCAT itself uses: the variable `XCATCFG`, else the first line of `/etc/xcat/cfgloc` (xCAT `Table.pm`,
//! `get_xcatcfg`). The line holds a password, so no message shows it.

use std::path::{Path, PathBuf};

use durable::FileError;
use thiserror::Error;

use super::InventoryUrl;
use super::database::{Database, Engine, Password, Server};

/// What a line of `cfgloc` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cfgloc {
    /// A directory of SQLite files.
    Sqlite(PathBuf),
    /// A database server.
    Server(Database),
}

/// Tables that xCAT's configuration names, and the place that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XcatTables {
    /// The tables.
    pub url: InventoryUrl,
    /// `/etc/xcat/cfgloc` or `XCATCFG`.
    pub said_by: String,
}

/// Where xCAT's configuration may be.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The value of `XCATCFG`; empty counts as not set.
    pub variable: Option<&'a str>,
    /// `/etc/xcat/cfgloc`.
    pub file: &'a Path,
}

/// Why xCAT's configuration names no tables that xdock can read.
#[derive(Debug, Error)]
pub enum CfglocError {
    /// The file cannot be read. It is never taken for absent: xCAT's SQLite files may be old.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it says.
    #[error("{origin} {problem}")]
    Line {
        /// `/etc/xcat/cfgloc` or `XCATCFG`.
        origin: String,
        /// What is wrong.
        problem: Malformed,
    },
}

/// What is wrong with a line of `cfgloc`. Values are left out: any of them may be a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// DB2, CSV or another of Perl's database drivers.
    #[error(
        "names a {0} database, which xdock cannot read: it reads SQLite, PostgreSQL (Pg:) and MySQL or MariaDB (mysql:). Export the objects with \"lsdef -a -z\" and use --inventory file:PATH"
    )]
    Engine(String),
    /// No scheme and no path.
    #[error(
        "names no database: SQLite:/etc/xcat, Pg:dbname=...|USER|PASSWORD or mysql:dbname=...|USER|PASSWORD is needed"
    )]
    Scheme,
    /// A part is missing.
    #[error("names no {0}: the form is {1}:dbname=NAME;host=HOST|USER|PASSWORD")]
    Missing(&'static str, &'static str),
    /// A parameter that xdock does not know.
    #[error(
        "has the parameter {0}, which xdock does not know: it knows dbname, host and port. Use --inventory with a URL instead"
    )]
    Parameter(String),
    /// A port that is no number.
    #[error("has an invalid port")]
    Port,
    /// A host, socket or directory of another form.
    #[error("has an invalid {0}")]
    Value(&'static str),
}

impl Choice<'_> {
    /// What xCAT's configuration names; `None`: nobody says anything, and xCAT uses its SQLite files.
    ///
    /// # Errors
    /// A file that cannot be read, or a database that xdock cannot read.
    pub fn tables(self) -> Result<Option<XcatTables>, CfglocError> {
        if let Some(line) = self.variable.filter(|line| !line.is_empty()) {
            return named(line, "XCATCFG".to_owned());
        }
        let text = durable::read_text(self.file)?.unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() { Ok(None) } else { named(line, self.file.display().to_string()) }
    }
}

fn named(line: &str, origin: String) -> Result<Option<XcatTables>, CfglocError> {
    let read = Cfgloc::parse(line, &origin);
    let read = read.map_err(|problem| CfglocError::Line { origin: origin.clone(), problem })?;
    Ok(Some(XcatTables { url: read.into(), said_by: origin }))
}

impl From<Cfgloc> for InventoryUrl {
    fn from(read: Cfgloc) -> Self {
        match read {
            Cfgloc::Sqlite(directory) => Self::Xcat(directory),
            Cfgloc::Server(database) => Self::Database(database),
        }
    }
}

impl Cfgloc {
    /// Reads a line. Passwords are kept with `origin`.
    ///
    /// # Errors
    /// Says what is wrong, without values.
    pub fn parse(line: &str, origin: &str) -> Result<Self, Malformed> {
        let line = line.strip_prefix("dbi:").unwrap_or(line);
        let Some((scheme, rest)) = line.split_once(':') else { return sqlite(line) };
        match scheme {
            "SQLite" => sqlite(rest),
            "Pg" => server(Engine::Postgres, "Pg", rest, origin),
            "mysql" => server(Engine::Mysql, "mysql", rest, origin),
            _ if !scheme.is_empty()
                && scheme.len() <= 16
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                Err(Malformed::Engine(scheme.to_owned()))
            }
            _ => Err(Malformed::Scheme),
        }
    }
}

fn sqlite(path: &str) -> Result<Cfgloc, Malformed> {
    if path.starts_with('/') && !path.contains(['|', '\0']) {
        return Ok(Cfgloc::Sqlite(path.trim_end().into()));
    }
    Err(Malformed::Scheme)
}

/// `PARAMETERS|USER|PASSWORD`. As in xCAT, a further `|` ends the password.
fn server(engine: Engine, scheme: &'static str, rest: &str, origin: &str) -> Result<Cfgloc, Malformed> {
    let mut fields = rest.trim_end_matches(['\r', '\n']).split('|');
    let mut parameters = Parameters::default();
    for pair in fields.next().unwrap_or_default().split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        parameters.take(engine, pair)?;
    }
    let needed = |value: Option<&str>, what| {
        value.filter(|value| !value.is_empty()).map(str::to_owned).ok_or(Malformed::Missing(what, scheme))
    };
    let user = needed(fields.next(), "user")?;
    let password = fields.next().filter(|password| !password.is_empty());
    Ok(Cfgloc::Server(Database {
        engine,
        name: needed(parameters.name, "database")?,
        server: parameters.server(engine)?,
        user,
        password: password.map(|password| Password::new(password, origin)),
        plaintext: false,
    }))
}

/// The parameters of a DBI data source (DBD::Pg, DBD::mysql).
#[derive(Default)]
struct Parameters<'a> {
    name: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<&'a str>,
    socket: Option<&'a str>,
}

/// Parameters that change nothing for a reader.
const IGNORED: [&str; 6] = [
    "application_name",
    "connect_timeout",
    "mysql_auto_reconnect",
    "mysql_connect_timeout",
    "mysql_enable_utf8",
    "mysql_enable_utf8mb4",
];

impl<'a> Parameters<'a> {
    fn take(&mut self, engine: Engine, pair: &'a str) -> Result<(), Malformed> {
        let (key, value) = match pair.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
            // DBD::mysql also takes a bare name
            None if engine == Engine::Mysql && self.name.is_none() => ("dbname", pair),
            None => return Err(Malformed::Value("parameter")),
        };
        match (key, engine) {
            ("dbname" | "database" | "db", _) => self.name = Some(value),
            ("host", _) | ("hostname", Engine::Mysql) | ("hostaddr", Engine::Postgres) => {
                self.host = Some(value);
            }
            ("port", _) => self.port = Some(value),
            ("mysql_socket", Engine::Mysql) => self.socket = Some(value),
            _ if IGNORED.contains(&key) => {}
            _ => {
                let is_word = key.len() <= 40 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                return Err(if is_word {
                    Malformed::Parameter(key.to_owned())
                } else {
                    Malformed::Value("parameter")
                });
            }
        }
        Ok(())
    }

    /// MySQL's library takes `localhost` for its socket, PostgreSQL's a path for the directory of its socket.
    fn server(&self, engine: Engine) -> Result<Server, Malformed> {
        let port = match self.port.filter(|port| !port.is_empty()) {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(Malformed::Port)?,
            None => engine.default_port(),
        };
        match (self.host.filter(|host| !host.is_empty()), engine) {
            (None | Some("localhost"), Engine::Mysql) => {
                let socket = self.socket.map(|path| absolute(path).ok_or(Malformed::Value("mysql_socket")));
                Ok(Server::Socket { path: socket.transpose()?, port: engine.default_port() })
            }
            (None, Engine::Postgres) => Ok(Server::Socket { path: None, port }),
            (Some(host), Engine::Postgres) if host.starts_with('/') => {
                Ok(Server::Socket { path: Some(host.into()), port })
            }
            (Some(host), _) if is_host(host) => Ok(Server::Tcp { host: host.to_owned(), port }),
            _ => Err(Malformed::Value("host")),
        }
    }
}

fn absolute(path: &str) -> Option<PathBuf> {
    (path.starts_with('/') && !path.contains('\0')).then(|| path.into())
}

/// A name or an address.
fn is_host(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(line: &str) -> String {
        InventoryUrl::from(Cfgloc::parse(line, "cfgloc").unwrap()).to_string()
    }

    fn refused(line: &str) -> String {
        Cfgloc::parse(line, "cfgloc").unwrap_err().to_string()
    }

    #[test]
    fn lines_as_xcat_writes_them_are_read() {
        for (line, expected) in [
            ("SQLite:/etc/xcat", "xcat:///etc/xcat"),
            ("/opt/xcat/cfg", "xcat:///opt/xcat/cfg"),
            ("dbi:SQLite:/etc/xcat", "xcat:///etc/xcat"),
            ("Pg:dbname=xcatdb;host=10.99.0.1|xcatadm|geheim", "postgres://xcatadm@10.99.0.1/xcatdb"),
            ("Pg:dbname=xcatdb|xcatadm|geheim", "postgres://xcatadm@/xcatdb"),
            ("Pg:dbname=xcatdb;host=/run/pg|xcatadm|x", "postgres://xcatadm@/xcatdb?socket=/run/pg"),
            ("dbi:Pg:database=x;port=5433;host=mn|a|b", "postgres://a@mn:5433/x"),
            ("Pg:dbname=x;port=5433|a|b", "postgres://a@:5433/x"),
            ("Pg:dbname=x;host=fd00::1|a|b", "postgres://a@[fd00::1]/x"),
            ("mysql:dbname=xcatdb;host=mn20|xcatadmin|xcat201", "mysql://xcatadmin@mn20/xcatdb"),
            ("mysql:database=xcatdb;host=localhost|xcatadmin|x", "mysql://xcatadmin@/xcatdb"),
            ("mysql:xcatdb;mysql_socket=/run/my.sock|a|b", "mysql://a@/xcatdb?socket=/run/my.sock"),
            ("mysql:dbname=x;host=127.0.0.1;mysql_enable_utf8=1|a|b\r", "mysql://a@127.0.0.1/x"),
        ] {
            assert_eq!(url(line), expected, "{line}");
        }
    }

    #[test]
    fn a_password_is_taken_as_xcat_takes_it() {
        let password = |line| match Cfgloc::parse(line, "cfgloc") {
            Ok(Cfgloc::Server(database)) => database.password,
            _ => None,
        };
        let kept = |text| Some(Password::new(text, "cfgloc"));
        assert_eq!(password("Pg:dbname=x|a| p;=:@/ä "), kept(" p;=:@/ä "));
        assert_eq!(password("mysql:dbname=x|a|p|q"), kept("p"));
        assert_eq!(password("mysql:dbname=x|a|p\r"), kept("p"));
        assert_eq!((password("Pg:dbname=x|a|"), password("Pg:dbname=x|a")), (None, None));
        assert_eq!(format!("{:?}", kept("geheim")), "Some(Password(from cfgloc))");
    }

    #[test]
    fn other_databases_are_refused_with_the_reason() {
        assert_eq!(
            refused("DB2:xcatdb|xcatdb|geheim"),
            "names a DB2 database, which xdock cannot read: it reads SQLite, PostgreSQL (Pg:) and MySQL or MariaDB (mysql:). Export the objects with \"lsdef -a -z\" and use --inventory file:PATH"
        );
        assert!(refused("CSV:/etc/xcat").starts_with("names a CSV database"));
        assert!(refused("pg:dbname=x|a|geheim").starts_with("names a pg database"), "xCAT compares case too");
        assert!(refused("xcatdb|xcatadm|geheim").starts_with("names no database: SQLite:/etc/xcat, "));
        assert!(refused("SQLite:etc").starts_with("names no database: "));
        assert_eq!(
            refused("Pg:host=mn|a|geheim"),
            "names no database: the form is Pg:dbname=NAME;host=HOST|USER|PASSWORD"
        );
        assert_eq!(
            refused("mysql:dbname=x;host=mn"),
            "names no user: the form is mysql:dbname=NAME;host=HOST|USER|PASSWORD"
        );
        assert_eq!(
            refused("Pg:dbname=x;password=geheim|a"),
            "has the parameter password, which xdock does not know: it knows dbname, host and port. Use --inventory with a URL instead"
        );
        assert_eq!(refused("Pg:dbname=x;port=geheim|a|b"), "has an invalid port");
        assert_eq!(refused("Pg:dbname=x;host=ge heim|a|b"), "has an invalid host");
    }

    #[test]
    fn the_variable_stands_above_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cfgloc");
        let tables = |variable| Choice { variable, file: &file }.tables().unwrap();
        let shown = |tables: Option<XcatTables>| tables.map(|tables| tables.url.to_string());
        assert_eq!(tables(None), None);
        std::fs::write(&file, "\nPg:dbname=x|a|b\n").unwrap();
        assert_eq!(tables(None), None, "xCAT reads one line only");
        std::fs::write(&file, "Pg:dbname=x|a|geheim\nSQLite:/x\n").unwrap();
        assert_eq!(shown(tables(None)).as_deref(), Some("postgres://a@/x"));
        assert_eq!(shown(tables(Some(""))).as_deref(), Some("postgres://a@/x"));
        assert_eq!(shown(tables(Some("SQLite:/y"))).as_deref(), Some("xcat:///y"));
        assert!(!format!("{:?}", tables(None)).contains("geheim"));
        std::fs::write(&file, "DB2:xcatdb|xcatdb|geheim\n").unwrap();
        let error = Choice { variable: None, file: &file }.tables().unwrap_err().to_string();
        assert!(error.starts_with(&format!("{} names a DB2 database", file.display())), "{error}");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(Choice { variable: None, file: &file }.tables().is_err(), "unreadable is not absent");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_or_shows_its_password(
            head in "(dbi:)?(Pg|mysql|DB2|SQLite|[a-z]{0,3}):?[a-z0-9;=./: ]{0,20}",
            password in "QQQ[!-{}~ä]{0,12}",
        ) {
            let line = format!("{head}|user|{password}");
            let read = Cfgloc::parse(&line, "cfgloc");
            let shown = format!("{read:?}");
            prop_assert!(!shown.contains("QQQ"));
            match read {
                Ok(read) => prop_assert!(!InventoryUrl::from(read).to_string().contains("QQQ")),
                Err(error) => prop_assert!(!error.to_string().contains("QQQ")),
            }
        }

        #[test]
        fn every_server_has_a_url_that_names_it(
            scheme in "Pg|mysql", name in "[a-zA-Z0-9_%?@äß]{1,8}", user in "[a-zA-Z0-9_:%?@/äß]{1,8}",
            host in "[a-z][a-z0-9.-]{0,9}|[0-9a-f:]{3,9}|", port in 1u16..,
        ) {
            let line = format!("{scheme}:dbname={name};host={host};port={port}|{user}|secret");
            let Ok(Cfgloc::Server(read)) = Cfgloc::parse(&line, "cfgloc") else {
                return Err(TestCaseError::fail("no server"));
            };
            let again: Database = read.to_string().parse().map_err(|e| TestCaseError::fail(format!("{e}")))?;
            prop_assert!(again.is_same(&read), "{read} {again:?}");
        }
    }
}
