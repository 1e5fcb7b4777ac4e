//! What a user of the database must be allowed.

use std::path::Path;

use inventory::{Inventory, check};

use crate::server::{Kind, Server, open};
use crate::tables::Files;

/// The statements of docs/databases.md for this kind of server.
fn documented_sql(kind: Kind) -> String {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/databases.md");
    let text = std::fs::read_to_string(text).unwrap();
    let heading = match kind {
        Kind::Postgres => "### PostgreSQL",
        Kind::Mariadb => "### MySQL and MariaDB",
    };
    let section = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}")).1;
    let block = section.split_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
    block.to_owned()
}

/// Everything that commands ask.
fn ask_all(tables: &Inventory) {
    let nodes = tables.nodes().unwrap();
    assert_eq!(nodes.len(), 12);
    check(tables);
    let host = "dh1".parse().unwrap();
    tables.snapshot(&host, 1).unwrap();
    tables.host_plan(&host).unwrap();
    assert_eq!(tables.select("dyn").unwrap().len(), 6);
    for node in &nodes {
        tables.container(node).ok();
    }
}

pub(crate) fn documented(server: &Server) {
    let files = Files::new();
    let name = "xcatdb";
    files.load(server, name);
    let admin = if server.kind == Kind::Postgres { "postgres" } else { "mysql" };
    let sql = documented_sql(server.kind);
    assert!(sql.contains("'PASSWORD'"), "{sql}");
    let (roles, grants) = sql.split_once("\n\n").unwrap();
    server.sql(admin, &roles.replace("'PASSWORD'", "'reader''s password'"));
    server.sql(name, grants);
    let database = server.database_of(name, "xdock", "reader's password");
    ask_all(&open(database.clone()).unwrap());
    // it cannot write
    let write = "UPDATE nodelist SET comments='x'";
    let denied = match server.kind {
        Kind::Postgres => server.sql(
            name,
            &format!("SET ROLE xdock; DO $$ BEGIN {write}; EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'no'; END $$; RESET ROLE; SELECT count(*) FROM nodelist WHERE comments='x';"),
        ),
        Kind::Mariadb => server.sql(
            "mysql",
            "SELECT count(*) FROM information_schema.table_privileges WHERE grantee LIKE '''xdock''%' AND privilege_type <> 'SELECT' AND privilege_type <> 'USAGE';",
        ),
    };
    assert_eq!(denied.trim(), "0");
}

pub(crate) fn denied(server: &Server) {
    Files::new().load(server, "partly");
    let tables = ["hosts", "networks", "nodehm", "nodelist", "site"];
    let (admin, schema) = if server.kind == Kind::Postgres { ("postgres", "") } else { ("mysql", "partly.") };
    let grant: String = tables.map(|table| format!("GRANT SELECT ON {schema}{table} TO someone;\n")).concat();
    server.sql(
        admin,
        match server.kind {
            Kind::Postgres => "CREATE ROLE someone LOGIN PASSWORD 'x';",
            Kind::Mariadb => "CREATE USER someone IDENTIFIED BY 'x';",
        },
    );
    server.sql("partly", &grant);
    let url = server.database_of("partly", "someone", "x");
    let tables = open(url.clone()).unwrap();
    assert_eq!(tables.value("d1", "hosts.ip").unwrap().as_deref(), Some("10.99.1.1"));
    assert_eq!(
        tables.value("d1", "vm.memory").unwrap_err().to_string(),
        format!(
            "cannot read xCAT's tables from {url}: user someone may not read table vm. Grant it SELECT on this table (see docs/databases.md)"
        )
    );
    let warnings: Vec<String> = check(&tables).iter().map(ToString::to_string).collect();
    let unread = format!(
        "warning: cannot read xCAT's tables from {url}: user someone may not read table noderes. Grant it SELECT on this table (see docs/databases.md). The addresses in table noderes were not compared with those of the containers"
    );
    assert!(warnings.contains(&unread), "{warnings:#?}");
    // a right to some columns is none: a row could be disabled and look visible
    let columns = format!("GRANT SELECT (node, memory) ON {schema}vm TO someone;");
    server.sql("partly", &columns);
    let tables = open(url).unwrap();
    let text = tables.value("d1", "vm.memory").unwrap_err().to_string();
    assert!(text.contains("user someone may not read table vm. "), "{text}");
}
