//! Every operation of RFC 7047 section 5.2, done and refused, by a real ovsdb-server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure fails the test")]

mod server;

use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use ovsdb::{
    Client, Condition, Error, Function, MonitorRequest, Mutation, Mutator, OperationResult, Options, Row,
    Transaction, Until, Uuid, Value, Wait,
};
use server::Server;

/// A bridge with one port, `name`.
fn attach(name: &str) -> Transaction {
    let port = Row::new().with("name", name).with("interfaces", Value::named("interface")).with("tag", 7);
    let ids = Value::map([("node", name)]);
    let bridge = Row::new().with("name", name).with("ports", Value::named("port")).with("external_ids", ids);
    Transaction::new()
        .insert("Interface", Row::new().with("name", name), Some("interface"))
        .insert("Port", port, Some("port"))
        .insert("Bridge", bridge, Some("bridge"))
        .mutate("Open_vSwitch", [], [Mutation::insert("bridges", Value::named("bridge"))])
}

#[tokio::test]
async fn insert_select_update_mutate_delete() {
    let server = Server::standalone(&[]);
    let client = server.client().await;

    let done = client.transact(attach("br0").commit(true).comment("made")).await.unwrap();
    let bridge = done[2].uuid().unwrap();
    assert_eq!(done[3..], [OperationResult::Count(1), OperationResult::Done, OperationResult::Done]);

    let named = || [Condition::equal("name", "br0")];
    let select = Transaction::new()
        .select("Bridge", named(), ["_uuid", "name", "ports", "external_ids", "fail_mode", "stp_enable"])
        .select("Port", [Condition::new("tag", Function::Greater, 7)], ["name"])
        .select("Port", [Condition::includes("tag", 7)], ["name"]);
    let selected = client.transact(select).await.unwrap();
    let row = &selected[0].rows()[0];
    assert_eq!(row.uuid("_uuid"), Ok(bridge));
    assert_eq!(row.set_of_uuids("ports"), Ok(vec![done[1].uuid().unwrap()]));
    assert_eq!(row.map_of_strings("external_ids").unwrap()["node"], "br0");
    assert_eq!((row.optional_string("fail_mode"), row.boolean("stp_enable")), (Ok(None), Ok(false)));
    assert_eq!(selected[1].rows(), []);
    assert_eq!(selected[2].rows(), [Row::new().with("name", "br0")]);

    let change = Transaction::new()
        .update("Bridge", named(), Row::new().with("fail_mode", "secure").with("stp_enable", true))
        .mutate("Port", named(), [Mutation::new("tag", Mutator::Add, 35)])
        .mutate("Bridge", named(), [Mutation::delete("external_ids", Value::set(["node"]))])
        .update("Bridge", [Condition::equal("name", "none")], Row::new().with("stp_enable", true));
    let count = |count| OperationResult::Count(count);
    assert_eq!(client.transact(change).await.unwrap(), [count(1), count(1), count(1), count(0)]);
    let select = Transaction::new()
        .select("Bridge", [Condition::equal("_uuid", bridge)], ["fail_mode", "stp_enable", "external_ids"])
        .select("Port", [], ["tag"]);
    let selected = client.transact(select).await.unwrap();
    let wanted = Row::new()
        .with("fail_mode", "secure")
        .with("stp_enable", true)
        .with("external_ids", Value::Map(Vec::new()));
    assert_eq!(selected[0].rows(), [wanted]);
    assert_eq!(selected[1].rows(), [Row::new().with("tag", 42)]);

    let remove = Transaction::new().mutate("Open_vSwitch", [], [Mutation::delete("bridges", bridge)]);
    client.transact(remove).await.unwrap();
    // not root tables: what nothing refers to is gone
    let select =
        Transaction::new().select("Bridge", [], []).select("Port", [], []).select("Interface", [], []);
    let left: Vec<usize> =
        client.transact(select).await.unwrap().iter().map(|result| result.rows().len()).collect();
    assert_eq!(left, [0, 0, 0]);
    let delete = Transaction::new().delete("Open_vSwitch", []);
    assert_eq!(client.transact(delete).await.unwrap(), [count(1)]);
}

#[tokio::test]
async fn refusals_name_the_operation() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    client.transact(attach("br0")).await.unwrap();
    let selected = client.transact(Transaction::new().select("Open_vSwitch", [], ["_uuid"])).await.unwrap();
    let root = selected[0].rows()[0].uuid("_uuid").unwrap().to_string();
    let comment = || Transaction::new().comment("first");
    let no_row = Uuid::from_u128(7);
    let dangling = Mutation::insert("bridges", no_row);
    for (transaction, told) in [
        (
            comment().insert("Bridge", Row::new().with("nome", "br1"), None),
            "operation 1 (insert Bridge): unknown column: No column nome in table Bridge.",
        ),
        (
            comment().insert("Nothing", Row::new(), None),
            "operation 1 (insert Nothing): syntax error: Parsing ovsdb operation 2 of 2 failed: No table named Nothing.",
        ),
        (
            comment().update("Port", [], Row::new().with("tag", 4096)).comment("last"),
            "operation 1 (update Port): constraint violation: 4096 is not in the valid range 0 to 4095 (inclusive)",
        ),
        (
            comment().mutate("Open_vSwitch", [], [dangling]),
            "operation 2 (commit): referential integrity violation: Table Open_vSwitch column bridges row UUID \
             references nonexistent row 00000000-0000-0000-0000-000000000007 in table Bridge.",
        ),
        (
            comment().insert("Bridge", Row::new().with("name", "br0"), Some("bridge")).mutate(
                "Open_vSwitch",
                [],
                [Mutation::insert("bridges", Value::named("bridge"))],
            ),
            "operation 3 (commit): constraint violation: Transaction causes multiple rows in \"Bridge\" table to have \
             identical values (br0) for index on column \"name\".",
        ),
        (comment().abort().comment("last"), "operation 1 (abort): aborted: aborted by request"),
        (
            comment().wait(
                Wait::new("Bridge", Until::Equal, [Row::new().with("name", "br1")]).timeout(Duration::ZERO),
            ),
            "operation 1 (wait Bridge): timed out: \"where\" clause test failed",
        ),
    ] {
        let error = client.transact(transaction).await.unwrap_err();
        assert!(matches!(error, Error::Operation { .. }), "{error:?}");
        let words = error.to_string().replace(&root, "UUID");
        assert_eq!(without_rows(&words), format!("transact on database Open_vSwitch: {told}"));
    }
    // nothing of them stayed
    let select = Transaction::new().select("Bridge", [], ["name"]).select("Port", [], ["tag"]);
    let selected = client.transact(select).await.unwrap();
    assert_eq!(selected[0].rows(), [Row::new().with("name", "br0")]);
    assert_eq!(selected[1].rows(), [Row::new().with("tag", 7)]);
}

/// Without which rows they are, of which the server says first what it finds first.
fn without_rows(text: &str) -> &str {
    text.split("  First row").next().unwrap()
}

fn in_background(
    client: &Client,
    transaction: Transaction,
) -> tokio::task::JoinHandle<Result<Vec<OperationResult>, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.transact(transaction).await })
}

#[tokio::test]
async fn waits_until_another_client_has_done_it() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let until = Wait::new("Bridge", Until::Equal, [Row::new().with("name", "br0")]);
    let waiting = in_background(&client, Transaction::new().wait(until).select("Bridge", [], ["name"]));
    let gone = Wait::new("Bridge", Until::NotEqual, [Row::new().with("name", "br0")])
        .when([Condition::equal("name", "br0")])
        .columns(["name"]);
    client.transact(attach("br0")).await.unwrap();
    let results = waiting.await.unwrap().unwrap();
    assert_eq!(results[1].rows(), [Row::new().with("name", "br0")]);

    let waiting = in_background(&client, Transaction::new().wait(gone));
    client
        .transact(Transaction::new().update("Open_vSwitch", [], Row::new().with("bridges", Value::empty())))
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), [OperationResult::Done]);

    let limited = Wait::new("Bridge", Until::Equal, [Row::new().with("name", "never")]);
    let limited = Transaction::new().wait(limited.timeout(Duration::from_millis(20)));
    let error = client.transact(limited).await.unwrap_err().to_string();
    let told =
        "transact on database Open_vSwitch: operation 0 (wait Bridge): timed out: \"wait\" timed out after ";
    assert!(error.starts_with(told), "{error}");
}

#[tokio::test]
async fn an_abandoned_transaction_is_canceled_on_the_server() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let never =
        || Transaction::new().wait(Wait::new("Bridge", Until::Equal, [Row::new().with("name", "never")]));
    let quick = client.with_deadline(Duration::from_millis(100));
    let told = format!(
        "transact on database Open_vSwitch at {}: no answer within 0.1 s; it may have been executed",
        server.remote()
    );
    assert_eq!(quick.transact(never()).await.unwrap_err().to_string(), told);
    // the server holds no trigger for it
    let mut call = Box::pin(client.transact(never()));
    let is_pending = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
    assert!(is_pending);
    drop(call);
    client.echo().await.unwrap();
    assert!(server.control(&["memory/show"]).split(' ').all(|word| !word.starts_with("triggers:")));
}

#[tokio::test]
async fn many_calls_at_once() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let client = client.clone();
        calls.spawn(async move {
            let name = format!("br{number}");
            client.transact(attach(&name)).await.unwrap();
            let named = [Condition::equal("name", name.as_str())];
            let selected =
                client.transact(Transaction::new().select("Bridge", named, ["name"])).await.unwrap();
            assert_eq!(selected[0].rows(), [Row::new().with("name", name)]);
        });
    }
    calls.join_all().await;
    let selected = client.transact(Transaction::new().select("Bridge", [], ["name"])).await.unwrap();
    assert_eq!(selected[0].rows().len(), 200);
}

#[tokio::test]
async fn what_the_server_has() {
    let server = Server::standalone(&[]);
    let client = server.client().await;
    assert_eq!(client.list_dbs().await.unwrap(), ["Open_vSwitch", "_Server"]);
    let schema = client.get_schema().await.unwrap();
    assert_eq!(schema.name, "Open_vSwitch");
    let bridge = &schema.tables["Bridge"];
    assert_eq!((bridge.is_root, &bridge.indexes), (false, &vec![vec!["name".to_owned()]]));
    let ports = &bridge.columns["ports"].kind;
    assert_eq!((ports.key.references.as_deref(), ports.min, ports.max), (Some("Port"), 0, None));
    let mode = &bridge.columns["fail_mode"].kind;
    assert_eq!((&mode.key.allowed, mode.max), (&Some(Value::set(["standalone", "secure"])), Some(1)));
    assert!(schema.tables["Interface"].columns["statistics"].ephemeral);
    assert!(!bridge.columns["name"].mutable);
}

#[tokio::test]
async fn the_servers_own_database() {
    let server = Server::standalone(&[]);
    let options = Options::new("_Server").remotes(vec![server.remote()]).leader_only(true);
    let client = Client::connect(options).await.unwrap();
    let databases = MonitorRequest::table("Database").columns(["name", "model"]);
    let monitor = client.monitor(vec![databases]).await.unwrap();
    let named = |row: &Row| (row.string("name").unwrap().to_owned(), row.string("model").unwrap().to_owned());
    let mut rows: Vec<_> = monitor.rows("Database").values().map(|row| named(row)).collect();
    rows.sort();
    let standalone = |name: &str| (name.to_owned(), "standalone".to_owned());
    assert_eq!(rows, [standalone("Open_vSwitch"), standalone("_Server")]);
}
