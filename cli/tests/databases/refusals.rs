//! What a person is told, word for word. No message has the password.

use std::net::TcpListener;

use inventory::{Database, Inventory, Password};

use crate::server::{Kind, PASSWORD, Server, open};
use crate::tables::{Files, quoted};

/// The message, with all its causes.
pub(crate) fn told(opened: Result<Inventory, inventory::InventoryError>) -> String {
    let error = opened.map(|_| "nothing").unwrap_err();
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    assert!(!text.contains(PASSWORD) && !text.contains("wrong-one"), "{text}");
    assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
    text
}

fn by_port(server: &Server, port: u16) -> Database {
    let url = format!("{}://xcatadm@127.0.0.1:{port}/xcatdb", server.kind.scheme());
    Database { password: Some(Password::new(PASSWORD, "/etc/xcat/cfgloc")), ..url.parse().unwrap() }
}

fn product(server: &Server) -> &'static str {
    match server.kind {
        Kind::Postgres => "PostgreSQL",
        Kind::Mariadb => "MySQL or MariaDB",
    }
}

pub(crate) fn down(server: &Server) {
    let scheme = server.kind.scheme();
    let text = told(open(by_port(server, 7)));
    let reason = text.strip_prefix(&format!(
        "cannot read xCAT's tables from {scheme}://xcatadm@127.0.0.1:7/xcatdb: cannot connect to 127.0.0.1:7: "
    ));
    let (reason, advice) = reason.unwrap_or_else(|| panic!("{text}")).split_once(". ").unwrap();
    assert!(reason.to_ascii_lowercase().starts_with("connection refused"), "{text}");
    assert_eq!(advice, format!("Check that {} runs and listens there", product(server)));
    let nowhere: Database = format!("{scheme}://xcatadm@/xcatdb?socket=/nonexistent").parse().unwrap();
    let text = told(open(nowhere));
    assert!(text.contains("cannot connect to /nonexistent"), "{text}");
    assert!(text.ends_with(&format!(". Check that {} runs and listens there", product(server))), "{text}");
}

/// It accepts connections and says nothing, as a stopped process does.
pub(crate) fn silent(server: &Server) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let scheme = server.kind.scheme();
    assert_eq!(
        told(open(by_port(server, port))),
        format!(
            "cannot read xCAT's tables from {scheme}://xcatadm@127.0.0.1:{port}/xcatdb: the server did not answer within 10 seconds"
        )
    );
}

pub(crate) fn wrong_password(server: &Server) {
    Files::new().load(server, "refused");
    let url = server.database("refused");
    let text = told(open(server.database_of("refused", "xcatadm", "wrong-one")));
    let reason = match server.kind {
        Kind::Postgres => "password authentication failed for user \"xcatadm\"",
        Kind::Mariadb => "Access denied for user 'xcatadm'@'localhost' (using password: YES)",
    };
    assert_eq!(
        text,
        format!(
            "cannot read xCAT's tables from {url}: the server refuses user xcatadm: {reason}. Check the password in /etc/xcat/cfgloc"
        )
    );
    let text = told(open(Database { password: None, ..url }));
    assert!(text.contains("the server refuses user xcatadm: "), "{text}");
    assert!(
        text.ends_with(
            ". xdock has no password for this database: set password_file in [database] of xdock.toml"
        ),
        "{text}"
    );
    let text = told(open(server.database_of("refused", "nobody-here", "wrong-one")));
    assert!(text.contains("the server refuses user nobody-here: "), "{text}");
}

pub(crate) fn missing_database(server: &Server) {
    let url = server.database("nosuch");
    let text = told(open(url.clone()));
    match server.kind {
        Kind::Postgres => assert_eq!(
            text,
            format!(
                "cannot read xCAT's tables from {url}: the server has no such database: database \"nosuch\" does not exist. Check its name in cfgloc or in the URL"
            )
        ),
        // MariaDB tells who may not read a database no more than that
        Kind::Mariadb => assert_eq!(
            text,
            format!(
                "cannot read xCAT's tables from {url}: the server does not admit user xcatadm: Access denied for user 'xcatadm'@'%' to database 'nosuch'. Check the database's name, and the server's rules for this user and this machine"
            )
        ),
    }
}

/// A user whom the server's rules admit only from elsewhere.
pub(crate) fn not_admitted(server: &Server) {
    let url: Database = "postgres://xcatadm@192.0.2.8/postgres".parse().unwrap();
    let password = Some(Password::new(PASSWORD, "/etc/xcat/cfgloc"));
    assert_eq!(server.kind, Kind::Postgres);
    assert_eq!(
        told(open(Database { password, ..url })),
        "cannot read xCAT's tables from postgres://xcatadm@192.0.2.8/postgres: the server does not admit user xcatadm: no pg_hba.conf entry for host \"192.0.2.8\", user \"xcatadm\", database \"postgres\", no encryption. Check the database's name, and the server's rules for this user and this machine"
    );
}

pub(crate) fn missing_tables(server: &Server) {
    Files::new().load(server, "fewer");
    server.sql("fewer", "DROP TABLE mac; DROP TABLE site;");
    let tables = open(server.database("fewer")).unwrap();
    assert_eq!(tables.value("d2", "mac.mac").unwrap(), None);
    assert_eq!(tables.rows("site").unwrap().len(), 0);
    server.create("empty", "");
    let url = server.database("empty");
    assert_eq!(
        told(open(url.clone())),
        format!(
            "cannot read xCAT's tables from {url}: user xcatadm sees no table nodelist there. Check the database's name, and that the user may use the schema of xCAT's tables"
        )
    );
}

/// Tables of an older or newer xCAT have fewer or more columns; one without its key is somebody else's.
pub(crate) fn other_columns(server: &Server) {
    Files::new().load(server, "other");
    let cpus = quoted(server.kind, "cpus");
    server.sql(
        "other",
        &format!("ALTER TABLE vm DROP COLUMN {cpus}; ALTER TABLE vm ADD COLUMN newer INTEGER;"),
    );
    server.sql("other", "UPDATE vm SET newer=7;");
    let tables = open(server.database("other")).unwrap();
    assert_eq!(tables.value("d1", "vm.cpus").unwrap(), None);
    assert_eq!(tables.value("d1", "vm.memory").unwrap().as_deref(), Some("64"));
    server.sql("other", "ALTER TABLE hosts DROP COLUMN disable; ALTER TABLE nics DROP COLUMN node;");
    let tables = open(server.database("other")).unwrap();
    let url = server.database("other");
    for (table, column) in [("hosts", "disable"), ("nics", "node")] {
        assert_eq!(
            tables.rows(table).unwrap_err().to_string(),
            format!(
                "cannot read xCAT's tables from {url}: table {table} has no column {column}, so it is no table of xCAT. Check the database's name"
            )
        );
    }
    server.create("foreign_one", "");
    server.sql("foreign_one", "CREATE TABLE nodelist (id INTEGER);");
    if server.kind == Kind::Postgres {
        server.sql("foreign_one", "GRANT SELECT ON nodelist TO xcatadm;");
    }
    let text = told(open(server.database("foreign_one")));
    assert!(text.contains("table nodelist has no column node"), "{text}");
}
