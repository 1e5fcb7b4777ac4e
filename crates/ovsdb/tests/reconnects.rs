//! What becomes of a client when its server goes away, comes back, or has another database.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod server;

use std::time::Duration;

use ovsdb::{Client, Condition, Error, MonitorRequest, Row, Value};
use server::bridges::{all, bridge, bridges, changed, changes_text, names, remove, set, wait_for_change};
use server::{Server, chain, run};

#[tokio::test]
async fn continues_after_a_restart() {
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
        seen.extend(wait_for_change(&mut monitor).await);
    }
    seen.sort();
    assert_eq!(seen, ["+comes", "-goes"]);
    assert!(monitor.is_live());
    client.transact(bridge("later")).await.unwrap();
    assert_eq!(wait_for_change(&mut monitor).await, ["+later"]);
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
async fn a_database_that_is_removed_and_added() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let mut monitor = client.monitor(vec![bridges()]).await.unwrap();
    client.transact(bridge("br0")).await.unwrap();
    assert_eq!(changes_text(&changed(&mut monitor).await), ["+br0"]);
    server.control(&["ovsdb-server/remove-db", "Open_vSwitch"]);
    client.status().wait_for(|status| matches!(status, ovsdb::Status::Connecting { .. })).await.unwrap();
    let quick = client.with_deadline(Duration::from_millis(300));
    let error = quick.transact(bridge("br1")).await.unwrap_err();
    let at = server.remote();
    assert!(
        chain(&error)
            .ends_with(&format!("{at} cannot be used for database Open_vSwitch: it has no such database")),
        "{}",
        chain(&error)
    );
    server.control(&["ovsdb-server/add-db", server.path("db").to_str().unwrap()]);
    client.transact(bridge("br2")).await.unwrap();
    let mut seen = changes_text(&changed(&mut monitor).await);
    if seen.is_empty() {
        seen = changes_text(&changed(&mut monitor).await);
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
    assert_eq!(changes_text(&changed(&mut monitor).await), ["~br0"]);

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
