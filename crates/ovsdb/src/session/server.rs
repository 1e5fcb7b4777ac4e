//! Checks whether a server is usable, according to its `_Server` database (ovsdb-server(5)). No I/O.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::error::UnusableServer;
use crate::row::{Row, RowError};
use crate::value::{Uuid, Value};

const COLUMNS: [&str; 6] = ["name", "model", "connected", "leader", "cid", "index"];

/// The content of `_Server` about our database.
#[derive(Debug, Default)]
pub(crate) struct Server {
    rows: Vec<(String, Row)>,
    /// The newest data of all connections: cluster ID and log index.
    newest: Option<(Uuid, i64)>,
}

impl Server {
    /// The requests of a `monitor_cond` for our database.
    pub(crate) fn monitor_requests(database: &str) -> Json {
        json!({ "Database": [{ "columns": COLUMNS, "where": [["name", "==", database]] }] })
    }

    /// A new connection: removes the data of the previous server.
    pub(crate) fn forget(&mut self) {
        self.rows.clear();
    }

    /// Handles `<table-updates2>`. All columns have at most one value, so differences are new values.
    pub(crate) fn update(&mut self, updates: &Json) -> Option<()> {
        let Some(rows) = updates.get("Database") else { return Some(()) };
        let table: Arc<str> = "Database".into();
        for (uuid, update) in rows.as_object()? {
            match update.as_object()?.iter().next()? {
                (kind, _) if kind == "delete" => self.rows.retain(|(known, _)| known != uuid),
                (_, columns) => {
                    let update = Row::from_json(&table, columns.as_object()?.clone()).ok()?;
                    let at = self.rows.iter().position(|(known, _)| known == uuid);
                    let at = at.unwrap_or_else(|| {
                        self.rows.push((uuid.clone(), defaults(&table)));
                        self.rows.len() - 1
                    });
                    let (_, row) = self.rows.get_mut(at)?;
                    for (column, value) in update.into_columns() {
                        row.set(&column, value);
                    }
                }
            }
        }
        Some(())
    }

    /// Whether this server is usable.
    pub(crate) fn check(&mut self, leader_only: bool) -> Result<(), UnusableServer> {
        let (_, row) = self.rows.first().ok_or(UnusableServer::NoDatabase)?;
        let status = ServerStatus::of(row).map_err(|_| UnusableServer::NoDatabase)?;
        let newest = status.check(leader_only, self.newest)?;
        self.newest = newest.or(self.newest);
        Ok(())
    }
}

/// `update2` omits default values.
fn defaults(table: &Arc<str>) -> Row {
    let mut row = Row::of(table);
    for column in COLUMNS {
        row.set(column, Value::empty());
    }
    row
}

struct ServerStatus {
    clustered: bool,
    connected: bool,
    leader: bool,
    newest: Option<(Uuid, i64)>,
}

impl ServerStatus {
    fn of(row: &Row) -> Result<Self, RowError> {
        Ok(Self {
            clustered: row.optional_string("model")? == Some("clustered"),
            connected: row.optional_boolean("connected")? == Some(true),
            leader: row.optional_boolean("leader")? == Some(true),
            newest: row.optional_uuid("cid")?.zip(row.optional_integer("index")?),
        })
    }

    /// Checks in the order of Open vSwitch's client (`lib/ovsdb-cs.c`, `ovsdb_cs_check_server_db__`). Unlike it, a
    /// relay without its source is not used, and never counts as leader.
    fn check(
        &self,
        leader_only: bool,
        seen: Option<(Uuid, i64)>,
    ) -> Result<Option<(Uuid, i64)>, UnusableServer> {
        if !self.connected {
            return Err(UnusableServer::Disconnected);
        }
        if leader_only && !self.leader {
            return Err(UnusableServer::NotLeader);
        }
        match (self.newest, seen) {
            (Some((cluster, index)), Some((seen_of, newest)))
                if self.clustered && cluster == seen_of && index < newest =>
            {
                Err(UnusableServer::Stale)
            }
            (newest, _) => Ok(newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update_server(server: &mut Server, kind: &str, columns: &Json) {
        server.update(&json!({"Database": {"u": {kind: columns}}})).unwrap();
    }

    fn member(leader: bool, connected: bool, index: i64) -> Json {
        json!({
            "name": "D", "model": "clustered", "connected": connected, "leader": leader,
            "cid": ["uuid", Uuid::from_u128(1).to_string()], "index": index,
        })
    }

    #[test]
    fn standalone_is_its_own_leader() {
        let mut server = Server::default();
        assert_eq!(server.check(true), Err(UnusableServer::NoDatabase));
        update_server(
            &mut server,
            "initial",
            &json!({"model": "standalone", "connected": true, "leader": true}),
        );
        assert_eq!(server.check(true), Ok(()));
        update_server(&mut server, "delete", &Json::Null);
        assert_eq!(server.check(true), Err(UnusableServer::NoDatabase));
    }

    #[test]
    fn a_relay_is_never_the_leader() {
        let mut server = Server::default();
        update_server(&mut server, "initial", &json!({"model": "relay"}));
        assert_eq!(server.check(false), Err(UnusableServer::Disconnected));
        update_server(&mut server, "modify", &json!({"connected": true}));
        assert_eq!(server.check(false), Ok(()));
        assert_eq!(server.check(true), Err(UnusableServer::NotLeader));
        update_server(&mut server, "modify", &json!({"connected": false}));
        assert_eq!(server.check(false), Err(UnusableServer::Disconnected));
    }

    #[test]
    fn members_of_a_cluster() {
        let mut server = Server::default();
        update_server(&mut server, "initial", &member(true, true, 7));
        assert_eq!(server.check(true), Ok(()));
        update_server(&mut server, "modify", &json!({"leader": false, "index": 8}));
        assert_eq!(server.check(true), Err(UnusableServer::NotLeader));
        assert_eq!(server.check(false), Ok(()));

        // another member, behind the first
        server.forget();
        update_server(&mut server, "initial", &member(true, true, 6));
        assert_eq!(server.check(false), Err(UnusableServer::Stale));
        update_server(&mut server, "modify", &json!({"index": 9}));
        assert_eq!(server.check(true), Ok(()));
        // another cluster counts from its own beginning
        update_server(
            &mut server,
            "modify",
            &json!({"index": 1, "cid": ["uuid", Uuid::from_u128(2).to_string()]}),
        );
        assert_eq!(server.check(true), Ok(()));
    }
}
