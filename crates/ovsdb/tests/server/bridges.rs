//! Bridges made, removed and monitored.

use std::collections::BTreeSet;

use ovsdb::{Change, Client, Condition, Monitor, MonitorRequest, Mutation, Row, Transaction, Update, Value};
use tokio::time::timeout;

use super::PATIENCE;

pub(crate) fn bridge(name: &str) -> Transaction {
    Transaction::new().insert("Bridge", Row::new().with("name", name), Some("bridge")).mutate(
        "Open_vSwitch",
        [],
        [Mutation::insert("bridges", Value::named("bridge"))],
    )
}

pub(crate) fn set(name: &str, row: Row) -> Transaction {
    Transaction::new().update("Bridge", [Condition::equal("name", name)], row)
}

pub(crate) async fn remove(client: &Client, monitor: &Monitor, name: &str) {
    let uuid = *monitor.rows("Bridge").iter().find(|(_, row)| row.string("name") == Ok(name)).unwrap().0;
    let tx = Transaction::new().mutate("Open_vSwitch", [], [Mutation::delete("bridges", uuid)]);
    client.transact(tx).await.unwrap();
}

pub(crate) fn names(monitor: &Monitor) -> BTreeSet<String> {
    monitor.rows("Bridge").values().map(|row| row.string("name").unwrap().to_owned()).collect()
}

pub(crate) fn all(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) async fn changed(monitor: &mut Monitor) -> Vec<Update> {
    timeout(PATIENCE, monitor.changed()).await.unwrap().unwrap()
}

/// `+name`, `-name`, `~name`, sorted.
pub(crate) fn changes_text(updates: &[Update]) -> Vec<String> {
    let word = |update: &Update| match &update.change {
        Change::Insert { new } => format!("+{}", new.string("name").unwrap()),
        Change::Modify { new, .. } => format!("~{}", new.string("name").unwrap()),
        Change::Delete { old } => format!("-{}", old.string("name").unwrap()),
    };
    let mut words: Vec<String> = updates.iter().map(word).collect();
    words.sort();
    words
}

pub(crate) fn bridges() -> MonitorRequest {
    MonitorRequest::table("Bridge").columns([
        "name",
        "external_ids",
        "flood_vlans",
        "fail_mode",
        "stp_enable",
    ])
}

pub(crate) async fn wait_for_change(monitor: &mut Monitor) -> Vec<String> {
    changes_text(&changed(monitor).await)
}
