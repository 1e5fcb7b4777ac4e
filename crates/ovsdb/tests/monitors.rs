//! Monitors against a real ovsdb-server: rows, changes, conditions, and what a reconnect does to them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failure fails the test")]

mod server;

use std::collections::BTreeSet;
use std::time::Duration;

use ovsdb::{
    Change, Client, Condition, Error, Monitor, MonitorMethod, MonitorRequest, Mutation, Row, Transaction,
    Update, Value,
};
use server::{PATIENCE, Server, chain, run};
use tokio::time::timeout;

fn bridge(name: &str) -> Transaction {
    Transaction::new().insert("Bridge", Row::new().with("name", name), Some("bridge")).mutate(
        "Open_vSwitch",
        [],
        [Mutation::insert("bridges", Value::named("bridge"))],
    )
}

fn set(name: &str, row: Row) -> Transaction {
    Transaction::new().update("Bridge", [Condition::equal("name", name)], row)
}

async fn remove(client: &Client, monitor: &Monitor, name: &str) {
    let uuid = *monitor.rows("Bridge").iter().find(|(_, row)| row.string("name") == Ok(name)).unwrap().0;
    let tx = Transaction::new().mutate("Open_vSwitch", [], [Mutation::delete("bridges", uuid)]);
    client.transact(tx).await.unwrap();
}

fn names(monitor: &Monitor) -> BTreeSet<String> {
    monitor.rows("Bridge").values().map(|row| row.string("name").unwrap().to_owned()).collect()
}

fn all(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn changed(monitor: &mut Monitor) -> Vec<Update> {
    timeout(PATIENCE, monitor.changed()).await.unwrap().unwrap()
}

/// `+name`, `-name`, `~name`, sorted.
fn told(updates: &[Update]) -> Vec<String> {
    let word = |update: &Update| match &update.change {
        Change::Insert { new } => format!("+{}", new.string("name").unwrap()),
        Change::Modify { new, .. } => format!("~{}", new.string("name").unwrap()),
        Change::Delete { old } => format!("-{}", old.string("name").unwrap()),
    };
    let mut words: Vec<String> = updates.iter().map(word).collect();
    words.sort();
    words
}

fn bridges() -> MonitorRequest {
    MonitorRequest::table("Bridge").columns([
        "name",
        "external_ids",
        "flood_vlans",
        "fail_mode",
        "stp_enable",
    ])
}

/// The same rows and changes, whichever way the server knows.
async fn follows(method: MonitorMethod) {
    let server = Server::standalone(&[]);
    let client = Client::connect(server.options().monitor_method(method)).await.unwrap();
    server::root(&client).await;
    client.transact(bridge("br0")).await.unwrap();
    let mut monitor = client.monitor(vec![bridges(), MonitorRequest::table("Port")]).await.unwrap();
    let fresh = Row::new()
        .with("name", "br0")
        .with("external_ids", Value::Map(Vec::new()))
        .with("flood_vlans", Value::empty())
        .with("fail_mode", Value::empty())
        .with("stp_enable", false);
    let (uuid, row) = monitor.rows("Bridge").pop_first().unwrap();
    assert_eq!(*row, fresh);
    assert_eq!(monitor.row("Bridge", uuid), Some(row.clone()));
    assert!(monitor.is_live());

    let ids = Value::map([("a", "1"), ("b", "2")]);
    let change = Row::new()
        .with("external_ids", ids)
        .with("flood_vlans", Value::set([1, 2, 3]))
        .with("fail_mode", "secure");
    client.transact(set("br0", change.clone())).await.unwrap();
    let updates = changed(&mut monitor).await;
    let mut wanted = fresh.clone();
    change.columns().iter().for_each(|(column, value)| wanted.set(column, value.clone()));
    let [Update { table, uuid: of, change: Change::Modify { old, new } }] = &updates[..] else {
        panic!("{updates:?}");
    };
    assert_eq!((&**table, *of, &**old, &**new), ("Bridge", uuid, &fresh, &wanted));

    // differences of sets and maps, and an optional column that is emptied
    let ids = Value::map([("b", "3"), ("c", "4")]);
    let change = Row::new()
        .with("external_ids", ids)
        .with("flood_vlans", Value::set([3, 4]))
        .with("fail_mode", Value::empty());
    client.transact(set("br0", change.clone())).await.unwrap();
    change.columns().iter().for_each(|(column, value)| wanted.set(column, value.clone()));
    assert_eq!(*monitor.row("Bridge", uuid).unwrap(), wanted);

    client.transact(bridge("br1")).await.unwrap();
    remove(&client, &monitor, "br0").await;
    assert_eq!(told(&changed(&mut monitor).await), ["+br1", "-br0"]);
    assert_eq!(names(&monitor), all(&["br1"]));
}

#[tokio::test]
async fn follows_with_monitor() {
    follows(MonitorMethod::Monitor).await;
}

#[tokio::test]
async fn follows_with_monitor_cond() {
    follows(MonitorMethod::MonitorCond).await;
}

#[tokio::test]
async fn follows_with_monitor_cond_since() {
    follows(MonitorMethod::MonitorCondSince).await;
}

#[tokio::test]
async fn conditions_can_change() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    for name in ["br0", "br1", "br2"] {
        client.transact(bridge(name)).await.unwrap();
    }
    let named = |names: &[&str]| names.iter().map(|name| Condition::equal("name", *name)).collect::<Vec<_>>();
    let mut monitor = client.monitor(vec![bridges().when(named(&["br0", "br1"]))]).await.unwrap();
    assert_eq!(names(&monitor), all(&["br0", "br1"]));
    monitor.set_conditions("Bridge", named(&["br1", "br2"])).await.unwrap();
    assert_eq!(names(&monitor), all(&["br1", "br2"]));
    assert_eq!(told(&changed(&mut monitor).await), ["+br2", "-br0"]);
    monitor.set_conditions("Bridge", [Condition::Constant(false)]).await.unwrap();
    assert_eq!(names(&monitor), all(&[]));
    monitor.set_conditions("Bridge", []).await.unwrap();
    assert_eq!(names(&monitor), all(&["br0", "br1", "br2"]));

    let error = monitor.set_conditions("Port", []).await.unwrap_err();
    let at = server.remote();
    let refused = format!("monitor_cond_change on database Open_vSwitch at {at}: refused");
    assert_eq!(error.to_string(), format!("{refused}: unknown table: this monitor is not of Port"));
    let error = monitor.set_conditions("Bridge", [Condition::equal("nome", "x")]).await.unwrap_err();
    assert!(error.to_string().starts_with(&refused), "{error}");
    // and the old ones stay
    client.transact(bridge("br3")).await.unwrap();
    assert_eq!(names(&monitor), all(&["br0", "br1", "br2", "br3"]));
}

#[tokio::test]
async fn what_can_not_be_monitored() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let at = server.remote();
    let error = client.monitor(vec![MonitorRequest::table("Nothing")]).await.unwrap_err();
    let told = "syntax error: no table named Nothing";
    assert_eq!(error.to_string(), format!("monitor on database Open_vSwitch at {at}: refused: {told}"));
    let old = Client::connect(server.options().monitor_method(MonitorMethod::Monitor)).await.unwrap();
    let error = old.monitor(vec![bridges().when([Condition::equal("name", "br0")])]).await.unwrap_err();
    let told = "needs monitor_cond, of Open vSwitch 2.6 or newer";
    assert_eq!(error.to_string(), format!("monitor on database Open_vSwitch at {at}: {told}"));
}

#[tokio::test]
async fn goes_on_after_a_restart() {
    let mut server = Server::standalone(&[]);
    let client = server.client().await;
    for name in ["stays", "goes"] {
        client.transact(bridge(name)).await.unwrap();
    }
    let mut monitor = client.monitor(vec![bridges()]).await.unwrap();

    server.kill();
    client.status().wait_for(|status| matches!(status, ovsdb::Status::Connecting { .. })).await.unwrap();
    assert!(!monitor.is_live());
    assert_eq!(names(&monitor), all(&["goes", "stays"]));
    let quick = client.with_deadline(Duration::from_millis(300));
    let error = quick.transact(bridge("never")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let at = server.remote();
    let words = format!(
        "transact: no server of database Open_vSwitch within 0.3 s ({at}): check that ovsdb-server runs there: \
         cannot connect to {at}: No such file or directory (os error 2)"
    );
    assert_eq!(chain(&error), words);

    // a change that this client can not have heard of
    server.start();
    let other = Client::connect(server.options()).await.unwrap();
    remove(&other, &monitor, "goes").await;
    other.transact(bridge("comes")).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(told_of(&mut monitor).await);
    }
    seen.sort();
    assert_eq!(seen, ["+comes", "-goes"]);
    assert!(monitor.is_live());
    client.transact(bridge("later")).await.unwrap();
    assert_eq!(told_of(&mut monitor).await, ["+later"]);
}

async fn told_of(monitor: &mut Monitor) -> Vec<String> {
    told(&changed(monitor).await)
}

#[tokio::test]
async fn conditions_set_without_a_connection_hold_after_it() {
    let mut server = Server::standalone(&[]);
    let client = server.client().await;
    for name in ["br0", "br1"] {
        client.transact(bridge(name)).await.unwrap();
    }
    let monitor = client.monitor(vec![bridges().when([Condition::equal("name", "br0")])]).await.unwrap();
    server.kill();
    client.status().wait_for(|status| matches!(status, ovsdb::Status::Connecting { .. })).await.unwrap();
    let change = monitor.set_conditions("Bridge", [Condition::equal("name", "br1")]);
    let ((), result) = tokio::join!(async { server.start() }, change);
    result.unwrap();
    assert_eq!(names(&monitor), all(&["br1"]));
}

#[tokio::test]
async fn a_dropped_monitor_is_none_of_the_servers() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let monitor = client.monitor(vec![bridges()]).await.unwrap();
    assert!(server.control(&["memory/show"]).contains("monitors:2"));
    drop(monitor);
    client.echo().await.unwrap();
    // the one that is left is of _Server
    assert!(server.control(&["memory/show"]).contains("monitors:1"));
}

#[tokio::test]
async fn a_database_that_is_removed_and_added() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let mut monitor = client.monitor(vec![bridges()]).await.unwrap();
    client.transact(bridge("br0")).await.unwrap();
    assert_eq!(told(&changed(&mut monitor).await), ["+br0"]);
    server.control(&["ovsdb-server/remove-db", "Open_vSwitch"]);
    client.status().wait_for(|status| matches!(status, ovsdb::Status::Connecting { .. })).await.unwrap();
    let quick = client.with_deadline(Duration::from_millis(300));
    let error = quick.transact(bridge("br1")).await.unwrap_err();
    let at = server.remote();
    assert!(
        chain(&error)
            .ends_with(&format!("{at} can not be used for database Open_vSwitch: it has no such database")),
        "{}",
        chain(&error)
    );
    server.control(&["ovsdb-server/add-db", server.path("db").to_str().unwrap()]);
    client.transact(bridge("br2")).await.unwrap();
    let mut seen = told(&changed(&mut monitor).await);
    if seen.is_empty() {
        seen = told(&changed(&mut monitor).await);
    }
    assert_eq!(seen, ["+br2"]);
}

#[tokio::test]
async fn a_database_that_is_converted() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    client.transact(bridge("br0")).await.unwrap();
    let all_columns = || vec![MonitorRequest::table("Bridge")];
    let convert = |column: &str| {
        let old: serde_json::Value =
            serde_json::from_str(&run("ovsdb-client", &["get-schema", &remote(&server)])).unwrap();
        let mut new = old.clone();
        let many = serde_json::json!({"key": "string", "min": 0, "max": "unlimited"});
        new["tables"]["Bridge"]["columns"][column] = serde_json::json!({"type": many});
        let file = server.path(column);
        std::fs::write(&file, new.to_string()).unwrap();
        run("ovsdb-client", &["convert", &remote(&server), file.to_str().unwrap()]);
    };
    // without a monitor the connection stays, and must not go by the old schema
    convert("first");
    let mut monitor = client.monitor(all_columns()).await.unwrap();
    let set =
        |column: &str, elements: &[&str]| set("br0", Row::new().with(column, Value::set(elements.to_vec())));
    client.transact(set("first", &["a", "b"])).await.unwrap();
    client.transact(set("first", &["b", "c"])).await.unwrap();
    let row = monitor.rows("Bridge").pop_first().unwrap().1;
    assert_eq!(row.get("first"), Some(&Value::set(["b", "c"])));
    assert_eq!(told(&changed(&mut monitor).await), ["~br0"]);

    convert("second");
    // the server cancels monitors of a converted database, and the connection is made again
    while let Err(error) = client.transact(set("second", &["x", "y"])).await {
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    }
    let row = monitor.rows("Bridge").pop_first().unwrap().1;
    assert_eq!(row.get("second"), Some(&Value::set(["x", "y"])));
    assert_eq!(row.get("first"), Some(&Value::set(["b", "c"])));
}

fn remote(server: &Server) -> String {
    server.remote().to_string()
}
