//! The recorded tables, with more rows, as SQLite files and in a server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, types::ValueRef};

use crate::server::{Kind, Server};

/// Rows beside the recorded ones: containers of a group, rules, values with quotes, rows that are disabled, a second family.
const MORE: &[(&str, &str)] = &[
    (
        "nodelist",
        "INSERT INTO nodelist (node, groups) VALUES ('c2', 'cont,all'), ('c10', 'cont,all'), ('c1', 'cont,docker'), ('C1', 'cont');
         INSERT INTO nodelist (node, groups, disable) VALUES ('off1', 'cont', '1'), ('off2', 'cont', ''), ('on1', 'cont', 'no'), ('on2', 'cont', '0');",
    ),
    ("nodehm", "INSERT INTO nodehm (node, mgt) VALUES ('cont', 'docker')"),
    (
        "hosts",
        "INSERT INTO hosts (node, ip) VALUES ('cont', '|[cC](\\d+)|10.99.3.($1)|'), ('on1', '10.99.3.101'), ('on2', '10.99.3.102');
         INSERT INTO hosts (node, ip) VALUES ('C1', '10.99.3.100');",
    ),
    (
        "vm",
        "INSERT INTO vm (node, host, memory, cpus) VALUES ('cont', 'dh1', '64', ''), ('c2', NULL, '128', '2'), ('c10', '', '', NULL);
         INSERT INTO vm (node, memory, disable) VALUES ('c1', '512', 'yes'), ('on1', '256', 'NO');",
    ),
    ("nodetype", "INSERT INTO nodetype (node, provmethod) VALUES ('cont', 'busybox!sleep,infinity')"),
    (
        "networks",
        "INSERT INTO networks (netname, net, mask, vlanid) VALUES ('mynet0', 'fd99::', '64', NULL), ('big', '10.0.0.0', '255.0.0.0', '7');
         INSERT INTO networks (netname, net, mask, disable) VALUES ('gone', '10.96.0.0', '255.255.0.0', '');",
    ),
    (
        "site",
        "INSERT INTO site (key, value, comments) VALUES ('odd', 'a''b\\c\"d`e', 'Größe: 服务器 €'), ('empty', '', NULL)",
    ),
    (
        "nodegroup",
        "INSERT INTO nodegroup (groupname, grouptype, members, wherevals) VALUES ('dyn', 'dynamic', 'dynamic', 'mgt==docker::vm.memory==64')",
    ),
];

/// SQLite files.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    /// The recorded tables with more rows.
    pub(crate) fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/inventory/tests/data/etc-xcat");
        for file in std::fs::read_dir(recorded).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), files.0.path().join(file.file_name())).unwrap();
        }
        for (table, sql) in MORE {
            files.open(table).execute_batch(sql).unwrap();
        }
        files
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn open(&self, table: &str) -> Connection {
        Connection::open(self.0.path().join(format!("{table}.sqlite"))).unwrap()
    }

    /// Names of the tables with those of their columns.
    pub(crate) fn columns(&self) -> Vec<(String, Vec<String>)> {
        let mut tables = Vec::new();
        for file in std::fs::read_dir(self.0.path()).unwrap() {
            let name = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
            let columns = schema(&self.open(&name), &name).into_iter().map(|column| column.name).collect();
            tables.push((name, columns));
        }
        tables.sort();
        tables
    }

    /// The SQL that makes and fills the tables, as xCAT makes them (`Table.pm`, `buildcreatestmt`).
    pub(crate) fn sql(&self, kind: Kind) -> String {
        let mut sql = match kind {
            Kind::Postgres => "SET ROLE xcatadm;\n".to_owned(),
            Kind::Mariadb => "SET sql_mode='NO_BACKSLASH_ESCAPES';\n".to_owned(),
        };
        for (table, _) in self.columns() {
            write!(sql, "{}", table_sql(&self.open(&table), &table, kind)).unwrap();
        }
        sql
    }

    /// Makes a database of that name and fills it.
    pub(crate) fn load(&self, server: &Server, name: &str) {
        server.create(name, "");
        server.sql(name, &self.sql(server.kind));
    }
}

struct Column {
    name: String,
    kind: String,
    is_key: bool,
}

fn schema(file: &Connection, table: &str) -> Vec<Column> {
    let mut statement = file.prepare("SELECT name, type, pk FROM pragma_table_info(?1)").unwrap();
    let column = |row: &rusqlite::Row<'_>| {
        Ok(Column { name: row.get(0)?, kind: row.get(1)?, is_key: row.get::<_, i64>(2)? > 0 })
    };
    statement.query_map([table], column).unwrap().collect::<Result<_, _>>().unwrap()
}

/// A column's name as xCAT quotes it (`Table.pm`, `delimitcol`).
pub(crate) fn quoted(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Postgres => format!("\"{name}\""),
        Kind::Mariadb => format!("`{name}`"),
    }
}

fn table_sql(file: &Connection, table: &str, kind: Kind) -> String {
    let columns = schema(file, table);
    let quoted = |column: &Column| quoted(kind, &column.name);
    let list: Vec<String> =
        columns.iter().map(|column| format!("{} {}", quoted(column), column.kind)).collect();
    let keys: Vec<String> = columns.iter().filter(|column| column.is_key).map(quoted).collect();
    // keys that differ by case only are two keys, as in SQLite
    let options = if kind == Kind::Mariadb { " COLLATE utf8mb4_bin" } else { "" };
    let mut sql =
        format!("CREATE TABLE {table} ({}, PRIMARY KEY ({})){options};\n", list.join(", "), keys.join(", "));
    let mut statement = file.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> = (0..columns.len()).map(|at| literal(row.get_ref(at).unwrap())).collect();
        writeln!(sql, "INSERT INTO {table} VALUES ({});", cells.join(", ")).unwrap();
    }
    sql
}

fn literal(value: ValueRef<'_>) -> String {
    let text = match value {
        ValueRef::Null => return "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
    };
    format!("'{}'", text.replace('\'', "''"))
}
