use serde_json::json;

use super::*;

fn kind(json: &Json) -> Option<ColumnType> {
    ColumnType::from_json(json)
}

#[test]
fn types_and_defaults() {
    let scalar = kind(&json!("integer")).unwrap();
    assert_eq!((scalar.min, scalar.max, scalar.default()), (1, Some(1), Value::from(0)));
    let optional = kind(&json!({"key": {"type": "uuid", "refTable": "Port"}, "min": 0})).unwrap();
    assert_eq!((optional.max, optional.default()), (Some(1), Value::empty()));
    assert_eq!((optional.key.references.as_deref(), optional.is_composite()), (Some("Port"), false));
    let map = kind(&json!({"key": "string", "value": "real", "min": 0, "max": "unlimited"})).unwrap();
    assert_eq!((map.max, map.default(), map.is_composite()), (None, Value::Map(Vec::new()), true));
    for wrong in [
        json!("text"),
        json!({}),
        json!({"key": "string", "value": 1}),
        json!({"key": "string", "max": "many"}),
        json!({"key": {"type": "string", "enum": {}}}),
    ] {
        assert_eq!(kind(&wrong), None, "{wrong}");
    }
}

#[test]
fn an_error_names_the_place() {
    let column = json!({"name": "D", "tables": {"T": {"columns": {"c": {"type": "text"}}}}});
    for (json, place) in [
        (json!([]), "list of tables"),
        (json!({"tables": {}}), "name"),
        (json!({"name": "D", "tables": {"T": {}}}), "table T"),
        (column, "column c of table T"),
    ] {
        let told = format!("the schema's {place} does not conform to RFC 7047 section 3.2");
        assert_eq!(DatabaseSchema::from_json(&json).unwrap_err().to_string(), told);
    }
}
