//! The same questions to SQLite files and to a server.

use inventory::{Database, Inventory, InventoryUrl, check};

use crate::server::{Kind, Server, open};
use crate::tables::{Files, quoted};

const NODERANGES: &[&str] = &[
    "all",
    "docker",
    "cont",
    "dyn",
    "cont,-c2",
    "c[1-10]",
    "/c.*",
    "mgt==docker",
    "vm.memory==128",
    "vm.host=~dh1",
    "cont@docker",
    "dh1,d[1-2],n1+1",
    "networks.net==10.99.0.0",
    "off1",
    "on1,on2",
];

/// Everything that the tables answer, a line each.
fn all(inventory: &Inventory, files: &Files) -> Vec<String> {
    let mut lines = Vec::new();
    let nodes = inventory.nodes().unwrap();
    lines.push(format!("nodes {nodes:?}"));
    for node in &nodes {
        lines.push(format!("{node}: {:?}", inventory.attributes(node.as_str()).map_err(|e| e.to_string())));
    }
    for noderange in NODERANGES {
        lines.push(format!("{noderange}: {:?}", inventory.select(noderange).map_err(|e| e.to_string())));
    }
    lines.extend(check(inventory).iter().map(ToString::to_string));
    let host = "dh1".parse().unwrap();
    let snapshot = inventory.snapshot(&host, 7).unwrap();
    lines.push(format!("snapshot {} {}", snapshot.stamp().digest, snapshot.to_text()));
    lines.push(format!("{:?}", inventory.host_plan(&host).unwrap()));
    for (table, columns) in files.columns() {
        let cells =
            |row: &inventory::Row| format!("{:?}", columns.iter().map(|c| row.get(c)).collect::<Vec<_>>());
        let mut rows: Vec<String> = inventory.rows(&table).unwrap().iter().map(cells).collect();
        rows.sort();
        lines.push(format!("{table}: {rows:#?}"));
    }
    lines
}

fn of_files(files: &Files) -> Vec<String> {
    all(&Inventory::open(&InventoryUrl::Xcat(files.path())).unwrap(), files)
}

fn of_server(database: Database, files: &Files) -> Vec<String> {
    all(&open(database).unwrap(), files)
}

fn same(one: &[String], other: &[String]) {
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

pub(crate) fn are_those_of_sqlite(server: &Server) {
    let files = Files::new();
    files.load(server, "same");
    let expected = of_files(&files);
    assert!(
        expected.iter().any(|line| line.starts_with("snapshot") && line.contains("10.99.3.10\"")),
        "{expected:#?}"
    );
    same(&expected, &of_server(server.database("same"), &files));
}

/// Answers that would follow the order of rows: members of a group, the first of several rows of a node, networks of one name.
fn by_order(database: Database) -> Vec<String> {
    let tables = open(database).unwrap();
    let names = |row: &inventory::Row| row.get("net").map(str::to_owned);
    vec![
        format!("{:?}", tables.select("cont").unwrap()),
        format!("{:?}", tables.value("n1", "switch.port").unwrap()),
        format!("{:?}", tables.rows("networks").unwrap().iter().map(names).collect::<Vec<_>>()),
        format!("{:?}", check(&tables).iter().map(ToString::to_string).collect::<Vec<_>>()),
    ]
}

/// A changed row goes to the end of PostgreSQL's heap; a table without a key has its rows in any order.
pub(crate) fn do_not_depend_on_the_order(server: &Server) {
    let files = Files::new();
    files.load(server, "shuffled");
    let run = |sql: &str| server.sql("shuffled", sql);
    let column = |name| quoted(server.kind, name);
    run(&format!(
        "CREATE TABLE switch (node VARCHAR(128), {} VARCHAR(128), port VARCHAR(128), disable TEXT);
         INSERT INTO switch VALUES ('n1', 'sw1', '7', NULL), ('n1', 'sw2', '8', NULL);",
        column("switch")
    ));
    readable(server, "switch");
    run("INSERT INTO networks (netname, net, mask) VALUES ('net98', '10.95.0.0', '255.255.0.0');");
    let before = by_order(server.database("shuffled"));
    assert!(before.iter().any(|line| line.contains("two networks rows are named net98")), "{before:#?}");
    let heap = run("SELECT node FROM nodelist;");
    run(&format!("UPDATE nodelist SET {0}={0} WHERE node='c1';", column("groups")));
    for (table, key) in [("nodelist", "node"), ("networks", "net"), ("switch", "port"), ("vm", "node")] {
        // the rows in the opposite order, whatever order the server keeps
        let engine = if server.kind == Kind::Mariadb { "ENGINE=MyISAM" } else { "" };
        run(&format!("CREATE TABLE new {engine} AS SELECT * FROM {table} ORDER BY {key} DESC;"));
        run(&format!("DROP TABLE {table}; ALTER TABLE new RENAME TO {table};"));
        readable(server, table);
    }
    assert_ne!(run("SELECT node FROM nodelist;"), heap, "the order is to be another one");
    same(&before, &by_order(server.database("shuffled")));
    // what the files do not have
    run("DELETE FROM networks WHERE net='10.95.0.0'; DROP TABLE switch;");
    same(&of_files(&files), &of_server(server.database("shuffled"), &files));
}

/// Tables that the administrator made are not yet the reader's.
fn readable(server: &Server, table: &str) {
    if server.kind == Kind::Postgres {
        server.sql("shuffled", &format!("GRANT SELECT ON {table} TO xcatadm;"));
    }
}

pub(crate) fn tell_null_from_empty(server: &Server) {
    let files = Files::new();
    files.load(server, "nulls");
    let tables = open(server.database("nulls")).unwrap();
    let value = |node, column| tables.value(node, column).unwrap();
    assert_eq!(value("c1", "vm.memory").as_deref(), Some("64"), "the node's own row is disabled");
    assert_eq!(value("on1", "vm.memory").as_deref(), Some("256"), "NO does not disable");
    assert_eq!(value("c10", "vm.memory").as_deref(), Some("64"), "an empty value is none");
    assert_eq!(value("c10", "vm.cpus"), None);
    assert!(tables.select("off1").is_err() && tables.select("off2").is_err());
    assert_eq!(tables.select("on1,on2").unwrap().len(), 2);
    server.sql(
        "nulls",
        "UPDATE vm SET disable='' WHERE node='c2'; UPDATE vm SET disable=NULL WHERE node='c1';",
    );
    let tables = open(server.database("nulls")).unwrap();
    let value = |node| tables.value(node, "vm.memory").unwrap();
    assert_eq!((value("c2").as_deref(), value("c1").as_deref()), (Some("64"), Some("512")));
}

pub(crate) fn have_reserved_columns(server: &Server) {
    let files = Files::new();
    files.load(server, "reserved");
    // xCAT makes a table when it needs it first; these names are words of SQL
    let column = |name| quoted(server.kind, name);
    server.sql(
        "reserved",
        &format!(
            "CREATE TABLE passwd ({} VARCHAR(128), username VARCHAR(128), {} TEXT, disable TEXT);
             INSERT INTO passwd VALUES ('system', 'root', 'x', NULL);
             CREATE TABLE switch (node VARCHAR(128), {} VARCHAR(128), port VARCHAR(128), interface TEXT, disable TEXT);
             INSERT INTO switch VALUES ('n1', 'sw1', '7', 'eth0', NULL);",
            column("key"),
            column("password"),
            column("switch"),
        ),
    );
    if server.kind == Kind::Postgres {
        server.sql("reserved", "GRANT SELECT ON passwd, switch TO xcatadm;");
    }
    let tables = open(server.database("reserved")).unwrap();
    let row = |table, key| tables.row(table, key).unwrap().unwrap();
    assert_eq!(row("site", "odd").get("value"), Some("a'b\\c\"d`e"));
    assert_eq!(row("passwd", "system").get("username"), Some("root"));
    assert_eq!(tables.value("n1", "switch.switch").unwrap().as_deref(), Some("sw1"));
}

/// By the socket, by the loopback address, and by the machine's own address, as cfgloc has it.
pub(crate) fn come_by_socket_and_port(server: &Server) {
    Files::new().load(server, "paths");
    let nodes = |database| open(database).unwrap().nodes().unwrap();
    let expected = nodes(server.database("paths"));
    for host in ["127.0.0.1", "[::1]", "192.0.2.7"] {
        let url = format!("{}://xcatadm@{host}/paths", server.kind.scheme());
        let by_port: Database = url.parse().unwrap();
        let password = server.database("paths").password;
        assert_eq!(nodes(Database { password, ..by_port }), expected, "{host}");
    }
}
