//! What is said and when, message by message: what a real server can not be made to do at will.

mod talk;

use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use super::Command;
use crate::Condition;
use crate::message::Message;
use crate::monitor::MonitorRequest;
use talk::{SCHEMA, Talk, answer_of, ended, methods, params, remote};

#[test]
fn a_server_without_the_server_database_is_asked_for_the_schema() {
    let mut talk = Talk::new();
    let (_, mut answer) = talk.call("list_dbs");
    talk.session.opened(&remote());
    let asked = talk.sent();
    talk.answer(&asked[1], Err(json!({"error": "unknown database"})));
    let asked = talk.sent();
    assert_eq!(methods(&asked), ["get_schema"]);
    talk.answer(&asked[0], Ok(serde_json::from_str(SCHEMA).unwrap()));
    // and what waited is said
    let asked = talk.sent();
    assert_eq!(methods(&asked), ["list_dbs"]);
    talk.answer(&asked[0], Ok(json!(["D"])));
    assert_eq!(answer_of(&mut answer), Some(Ok(json!(["D"]))));
}

#[test]
fn an_older_way_to_monitor_where_the_newer_is_not_known() {
    let mut talk = Talk::ready();
    let (id, mut answer) = talk.monitor(MonitorRequest::table("T"));
    for method in ["monitor_cond_since", "monitor_cond"] {
        let asked = talk.sent();
        assert_eq!(methods(&asked), [method]);
        talk.answer(&asked[0], Err(json!("unknown method")));
    }
    let asked = talk.sent();
    assert_eq!(methods(&asked), ["monitor"]);
    assert_eq!(params(&asked[0]), &json!(["D", id, {"T": [{}]}]));
    talk.answer(&asked[0], Ok(json!({})));
    assert_eq!(answer_of(&mut answer), Some(Ok(())));
    // the next one is asked the right way at once, and conditions can not be had
    let conditions = MonitorRequest::table("T").when([Condition::equal("n", "x")]);
    let (_, mut answer) = talk.monitor(conditions);
    let error = "monitor on database D at unix:/s: needs monitor_cond (Open vSwitch 2.6 or later)";
    assert_eq!(answer_of(&mut answer), Some(Err(error.to_owned())));
    // another server may be newer
    talk.session.closed(ended());
    talk.open();
    assert_eq!(methods(&talk.sent()), ["monitor_cond_since"]);
}

#[test]
fn conditions_that_were_not_answered_make_the_next_connection_begin_anew() {
    let mut talk = Talk::ready();
    let (id, _answer) = talk.monitor(MonitorRequest::table("T"));
    let last = "00000000-0000-0000-0000-000000000007";
    let asked = talk.sent();
    talk.answer(&asked[0], Ok(json!([false, last, {}])));
    talk.session.closed(ended());
    talk.open();
    let asked = talk.sent();
    assert_eq!(params(&asked[0]), &json!(["D", id, {"T": [{}]}, last]));
    talk.answer(&asked[0], Ok(json!([true, last, {}])));

    let (reply, mut answer) = oneshot::channel();
    let conditions = vec![Condition::equal("n", "x")];
    talk.session.command(Command::Conditions { monitor: id, table: "T".into(), conditions, reply });
    let clause = json!([{"where": [["n", "==", "x"]]}]);
    assert_eq!(params(&talk.sent()[0]), &json!([id, id, {"T": clause}]));
    talk.session.closed(ended());
    talk.open();
    let asked = talk.sent();
    let zero = crate::Uuid::ZERO.to_string();
    assert_eq!(params(&asked[0]), &json!(["D", id, {"T": clause}, zero]));
    assert_eq!(answer_of(&mut answer), None);
    talk.answer(&asked[0], Ok(json!([false, last, {}])));
    assert_eq!(answer_of(&mut answer), Some(Ok(())));
}

#[test]
fn monitors_are_requested_before_waiting_calls_are_sent() {
    let mut talk = Talk::new();
    drop(talk.call("transact"));
    let (_, _first) = talk.call("transact");
    let (_, _second) = talk.monitor(MonitorRequest::table("T"));
    talk.open();
    // an abandoned call is not sent
    assert_eq!(methods(&talk.sent()), ["monitor_cond_since", "transact"]);
}

#[test]
fn a_transaction_that_is_given_up_is_canceled() {
    let mut talk = Talk::ready();
    let (id, _answer) = talk.call("transact");
    let (other, _answer) = talk.call("list_dbs");
    talk.sent();
    talk.session.command(Command::Abandon { id });
    talk.session.command(Command::Abandon { id: other });
    let sent = talk.sent();
    assert_eq!((methods(&sent), params(&sent[0])), (vec!["cancel"], &json!([id])));
    // the answers are for nobody
    talk.session.message(Message::Response { id: json!(id), outcome: Err(json!("canceled")) }).unwrap();
}

#[test]
fn a_call_without_an_answer_fails_with_its_connection_and_a_waiting_one_waits_on() {
    let mut talk = Talk::ready();
    let (_, mut sent) = talk.call("transact");
    talk.session.closed(ended());
    let error = "transact on database D at unix:/s: the connection ended before the answer; it may have been executed";
    assert_eq!(answer_of(&mut sent), Some(Err(error.to_owned())));
    let (id, mut waits) = talk.call("transact");
    talk.session.closed(ended());
    assert_eq!(answer_of(&mut waits), None);
    talk.session.command(Command::Abandon { id });
    talk.open();
    assert_eq!(talk.sent(), []);
}

#[test]
fn the_servers_requests() {
    let mut talk = Talk::ready();
    let echo = Message::Request { method: "echo".into(), params: json!(["x"]), id: json!("echo") };
    talk.session.message(echo).unwrap();
    let other = Message::Request { method: "dance".into(), params: json!([]), id: json!(1) };
    talk.session.message(other).unwrap();
    let answers = [
        Message::Response { id: json!("echo"), outcome: Ok(json!(["x"])) },
        Message::Response { id: json!(1), outcome: Err(json!("unknown method")) },
    ];
    assert_eq!(talk.sent(), answers);
}

#[test]
fn invalid_updates_end_the_connection() {
    let mut talk = Talk::ready();
    let (id, _answer) = talk.monitor(MonitorRequest::table("T"));
    let last = "00000000-0000-0000-0000-000000000007";
    let asked = talk.sent();
    talk.answer(&asked[0], Ok(json!([false, last, {}])));
    let update = |params: Json| Message::Notification { method: "update3".into(), params };
    let row = crate::Uuid::from_u128(1);
    let params = json!([id, last, {"T": {row.to_string(): {"modify": {"n": "x"}}}}]);
    let error = talk.session.message(update(params)).unwrap_err();
    let told = format!(
        "unix:/s sent an invalid message: an update modifies row {row} of T, which was not sent before"
    );
    assert_eq!(error.to_string(), told);
    // and the next begins anew
    talk.session.closed(error);
    talk.open();
    assert_eq!(params_last(&talk.sent()[0]), crate::Uuid::ZERO.to_string());
}

fn params_last(message: &Message) -> &str {
    params(message).as_array().and_then(|params| params.last()).and_then(Json::as_str).unwrap()
}
