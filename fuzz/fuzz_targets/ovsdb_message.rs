//! Any bytes as one message of a server, its parameters as values, its result as a schema.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovsdb::{DatabaseSchema, Message, Value};
use serde_json::Value as Json;

fn values(json: &Json) {
    if let Ok(value) = Value::from_json(json.clone()) {
        assert_eq!(Value::from_json(value.to_json()).unwrap(), value);
    }
    match json {
        Json::Array(elements) => elements.iter().for_each(values),
        Json::Object(members) => members.values().for_each(values),
        _ => {}
    }
}

fuzz_target!(|text: &[u8]| {
    let Ok(message) = Message::parse(text) else { return };
    let again = Message::parse(message.to_json().to_string().as_bytes()).unwrap();
    assert_eq!(again, message);
    match &message {
        Message::Request { params, .. } | Message::Notification { params, .. } => values(params),
        Message::Response { outcome: Ok(result), .. } => {
            values(result);
            if let Ok(schema) = DatabaseSchema::from_json(result) {
                for column in schema.tables.values().flat_map(|table| table.columns.values()) {
                    values(&column.kind.default().to_json());
                }
            }
        }
        Message::Response { outcome: Err(_), .. } => {}
    }
});
