//! Locks of a real ovsdb-server.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod server;

use ovsdb::{Client, OperationResult, Transaction};
use server::{PATIENCE, Server};
use tokio::time::timeout;

fn guarded() -> Transaction {
    Transaction::new().assert("mine")
}

#[tokio::test]
async fn one_holds_it_and_the_next_gets_it() {
    let server = Server::standalone(&[]);
    let first = server.client().await;
    let second = Client::connect(server.options()).await.unwrap();
    let held = first.lock("mine").await.unwrap();
    let mut waits = second.lock("mine").await.unwrap();
    assert_eq!((held.is_held(), waits.is_held()), (true, false));
    assert_eq!(first.transact(guarded()).await.unwrap(), [OperationResult::Done]);
    let told =
        "transact on database Open_vSwitch: operation 0 (assert): not owner: Asserted lock mine not held.";
    assert_eq!(second.transact(guarded()).await.unwrap_err().to_string(), told);

    held.unlock().await.unwrap();
    timeout(PATIENCE, waits.acquired()).await.unwrap().unwrap();
    second.transact(guarded()).await.unwrap();
    assert_eq!(first.transact(guarded()).await.unwrap_err().to_string(), told);
}

#[tokio::test]
async fn stolen_and_given_back() {
    let server = Server::standalone(&[]);
    let first = server.client().await;
    let second = Client::connect(server.options()).await.unwrap();
    let mut held = first.lock("mine").await.unwrap();
    let thief = second.steal("mine").await.unwrap();
    assert!(thief.is_held());
    timeout(PATIENCE, held.lost()).await.unwrap().unwrap();
    drop(thief);
    timeout(PATIENCE, held.acquired()).await.unwrap().unwrap();
    first.transact(guarded()).await.unwrap();

    let error = first.lock("mine").await.unwrap_err();
    let refused = format!("lock on database Open_vSwitch at {}: refused", server.remote());
    assert_eq!(error.to_string(), format!("{refused}: duplicate lock: this client has lock mine"));
}

#[tokio::test]
async fn asked_for_again_after_a_restart() {
    let mut server = Server::standalone(&[]);
    let client = server.client().await;
    let mut held = client.lock("mine").await.unwrap();
    server.kill();
    timeout(PATIENCE, held.lost()).await.unwrap().unwrap();
    server.start();
    timeout(PATIENCE, held.acquired()).await.unwrap().unwrap();
    client.transact(guarded()).await.unwrap();
}
