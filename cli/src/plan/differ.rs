//! Differences of two create bodies.

use std::collections::BTreeSet;

use serde_json::Value;

/// Changed fields, by path, each with both values.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    descend("", old, new, &mut found);
    found
}

fn descend(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    if let (Value::Object(olds), Value::Object(news)) = (old, new) {
        let keys: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
        for key in keys {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let side = |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
            descend(&below, &side(olds), &side(news), found);
        }
    } else if old != new {
        found.push(format!("{path} ({}, now {})", shown(old), shown(new)));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_is_named_with_both_values() {
        let old = json!({"Image": "a", "HostConfig": {"Memory": 1, "Binds": ["x:/x"]}, "Same": [1]});
        let new = json!({"Image": "b", "HostConfig": {"Memory": 2}, "Same": [1]});
        assert_eq!(
            differences(&old, &new),
            [
                "HostConfig.Binds ([\"x:/x\"], now not set)",
                "HostConfig.Memory (1, now 2)",
                "Image (a, now b)"
            ]
        );
    }
}
