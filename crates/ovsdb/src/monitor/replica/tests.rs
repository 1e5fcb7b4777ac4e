use serde_json::json;

use super::*;
use crate::value::Value;

fn schema() -> DatabaseSchema {
    let many = json!({"key": "integer", "min": 0, "max": "unlimited"});
    let map = json!({"key": "string", "value": "string", "min": 0, "max": "unlimited"});
    let columns = json!({"name": {"type": "string"}, "trunks": {"type": many}, "ids": {"type": map}});
    let json = json!({"name": "D", "version": "1.0.0", "tables": {"Port": {"columns": columns}}});
    DatabaseSchema::from_json(&json).unwrap()
}

fn uuid(bits: u128) -> Uuid {
    Uuid::from_u128(bits)
}

fn port(name: &str, trunks: &[i64]) -> Row {
    let ids = Value::Map(Vec::new());
    Row::new().with("name", name).with("trunks", Value::set(trunks.to_vec())).with("ids", ids)
}

fn differ(replica: &mut Replica, updates: Json) -> Result<(), UpdateError> {
    let schema = schema();
    replica.apply_differences(Reading { schema: &schema, requests: &[] }, updates)
}

fn one(bits: u128, member: &str, row: &Json) -> Json {
    json!({"Port": {uuid(bits).to_string(): {member: row}}})
}

fn changes(replica: &mut Replica) -> Vec<Change> {
    replica.take_updates().into_iter().map(|update| update.change).collect()
}

#[test]
fn defaults_and_differences() {
    let mut replica = Replica::default();
    differ(&mut replica, one(1, "initial", &json!({"name": "p1"}))).unwrap();
    let first = Arc::new(port("p1", &[]));
    assert_eq!(changes(&mut replica), [Change::Insert { new: first.clone() }]);

    differ(&mut replica, one(1, "modify", &json!({"trunks": ["set", [1, 2]]}))).unwrap();
    let second = Arc::new(port("p1", &[1, 2]));
    assert_eq!(changes(&mut replica), [Change::Modify { old: first, new: second.clone() }]);

    differ(&mut replica, one(1, "delete", &Json::Null)).unwrap();
    assert_eq!(changes(&mut replica), [Change::Delete { old: second }]);
    assert_eq!(replica.rows("Port"), BTreeMap::new());
}

#[test]
fn what_nobody_looked_at_is_one_change() {
    let mut replica = Replica::default();
    differ(&mut replica, one(1, "insert", &json!({"name": "p1"}))).unwrap();
    differ(&mut replica, one(1, "modify", &json!({"trunks": 7}))).unwrap();
    differ(&mut replica, one(2, "insert", &json!({"name": "p2"}))).unwrap();
    differ(&mut replica, one(2, "delete", &Json::Null)).unwrap();
    assert_eq!(changes(&mut replica), [Change::Insert { new: Arc::new(port("p1", &[7])) }]);

    differ(&mut replica, one(1, "modify", &json!({"trunks": 8}))).unwrap();
    differ(&mut replica, one(1, "modify", &json!({"trunks": 8}))).unwrap();
    assert_eq!(changes(&mut replica), []);
}

#[test]
fn all_anew_reports_only_what_is_different() {
    let mut replica = Replica::default();
    for (bits, name) in [(1, "same"), (2, "gone"), (3, "other")] {
        differ(&mut replica, one(bits, "initial", &json!({"name": name}))).unwrap();
    }
    changes(&mut replica);
    replica.clear();
    for (bits, name) in [(1, "same"), (3, "renamed"), (4, "new")] {
        differ(&mut replica, one(bits, "initial", &json!({"name": name}))).unwrap();
    }
    let row = |name: &str| Arc::new(port(name, &[]));
    let wanted = [
        Change::Delete { old: row("gone") },
        Change::Modify { old: row("other"), new: row("renamed") },
        Change::Insert { new: row("new") },
    ];
    assert_eq!(changes(&mut replica), wanted);
}

#[test]
fn whole_rows() {
    let mut replica = Replica::default();
    let (old, new) = (json!({"name": "a"}), json!({"name": "b"}));
    let update = |members: Json| json!({"Port": {uuid(1).to_string(): members}});
    replica.apply(update(json!({"new": old}))).unwrap();
    assert_eq!(replica.row("Port", uuid(1)).unwrap().string("name"), Ok("a"));
    replica.apply(update(json!({"old": old, "new": new}))).unwrap();
    assert_eq!(replica.row("Port", uuid(1)).unwrap().string("name"), Ok("b"));
    replica.apply(update(json!({"old": new}))).unwrap();
    assert_eq!(replica.row("Port", uuid(1)), None);
}

#[test]
fn what_makes_no_sense() {
    let form = |place: &str| {
        format!(
            "an update of {place} does not conform to RFC 7047 section 4.1.6 or ovsdb-server(7) section 4.1.14"
        )
    };
    let unknown = format!("an update modifies row {} of Port, which was not sent before", uuid(1));
    for (update, told) in [
        (json!([]), form("the database")),
        (json!({"Port": []}), form("Port")),
        (json!({"Port": {"x": {}}}), form("Port")),
        (json!({"Nothing": {uuid(1).to_string(): {"delete": null}}}), form("Nothing")),
        (one(1, "insert", &Json::Null), form("Port")),
        (one(1, "modify", &json!({"name": "x"})), unknown),
        (one(1, "insert", &json!({"name": null})), "an update of Port: null is not an atom".to_owned()),
    ] {
        assert_eq!(differ(&mut Replica::default(), update).unwrap_err().to_string(), told);
    }
}
