//! Text that is not ASCII, as servers store it.

use inventory::Database;

use crate::server::{Server, open};
use crate::tables::Files;

const TEXT: &str = "Größe 服务器 €";

fn comment(database: Database) -> Option<String> {
    open(database).unwrap().row("nodelist", "d1").unwrap().unwrap().get("comments").map(str::to_owned)
}

pub(crate) fn text_is_read(server: &Server) {
    Files::new().load(server, "text");
    server.sql("text", &format!("UPDATE nodelist SET comments='{TEXT}' WHERE node='d1';"));
    assert_eq!(comment(server.database("text")).as_deref(), Some(TEXT));
}

const NODELIST: &str =
    "CREATE TABLE nodelist (node VARCHAR(128) PRIMARY KEY, groups TEXT, comments TEXT, disable TEXT);";

/// A cluster that was set up without a language has databases without an encoding: PostgreSQL stores the bytes that come.
pub(crate) fn sql_ascii(server: &Server) {
    server.create("bytes", "ENCODING 'SQL_ASCII' TEMPLATE template0");
    let rows = format!(
        "SET client_encoding = 'SQL_ASCII'; SET ROLE xcatadm; {NODELIST}
         INSERT INTO nodelist VALUES ('d1', 'all', '{TEXT}', NULL), ('d2', 'all', E'Gr\\xf6\\xdfe', NULL);"
    );
    server.sql("bytes", &rows);
    assert_eq!(comment(server.database("bytes")).as_deref(), Some(TEXT));
    let tables = open(server.database("bytes")).unwrap();
    let row = tables.row("nodelist", "d2").unwrap().unwrap();
    assert_eq!(row.get("comments"), Some("Gr\u{fffd}\u{fffd}e"), "as of an SQLite file with these bytes");
}

/// `mysqlsetup` makes the database as latin1. xCAT's UTF-8 reaches it by a connection that the client library chose: as latin1 or as utf8mb4.
pub(crate) fn latin1(server: &Server) {
    server.create("latin", "CHARACTER SET latin1");
    let nodelist = NODELIST.replace("groups", "`groups`");
    let put = |names: &str, node: &str, text: &str| {
        format!("SET NAMES {names}; INSERT INTO nodelist VALUES ('{node}', 'all', '{text}', NULL);")
    };
    server.sql("latin", &format!("{nodelist} {}", put("latin1", "d1", TEXT)));
    assert_eq!(comment(server.database("latin")).as_deref(), Some(TEXT));
    server.sql("latin", &put("utf8mb4", "d2", "Größe €"));
    let tables = open(server.database("latin")).unwrap();
    assert_eq!(tables.row("nodelist", "d2").unwrap().unwrap().get("comments"), Some("Größe €"));
    // the same connection into a database of utf8mb4
    server.create("twice", "CHARACTER SET utf8mb4");
    server.sql("twice", &format!("{nodelist} {}", put("latin1", "d1", TEXT)));
    assert_eq!(comment(server.database("twice")).as_deref(), Some(TEXT));
}
