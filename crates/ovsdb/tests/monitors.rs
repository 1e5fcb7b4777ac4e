//! Monitors against a real ovsdb-server: rows, changes, conditions, and what a reconnect does to them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failure fails the test")]

mod server;

use ovsdb::{Change, Client, Condition, MonitorMethod, MonitorRequest, Row, Update, Value};
use server::Server;
use server::bridges::{all, bridge, bridges, changed, changes_text, names, remove, set};

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
    assert_eq!(changes_text(&changed(&mut monitor).await), ["+br1", "-br0"]);
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
    assert_eq!(changes_text(&changed(&mut monitor).await), ["+br2", "-br0"]);
    monitor.set_conditions("Bridge", [Condition::Constant(false)]).await.unwrap();
    assert_eq!(names(&monitor), all(&[]));
    monitor.set_conditions("Bridge", []).await.unwrap();
    assert_eq!(names(&monitor), all(&["br0", "br1", "br2"]));

    let error = monitor.set_conditions("Port", []).await.unwrap_err();
    let at = server.remote();
    let refused = format!("monitor_cond_change on database Open_vSwitch at {at}: refused");
    assert_eq!(error.to_string(), format!("{refused}: unknown table: this monitor does not include Port"));
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
    let told = "needs monitor_cond (Open vSwitch 2.6 or later)";
    assert_eq!(error.to_string(), format!("monitor on database Open_vSwitch at {at}: {told}"));
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
