//! Finds fields that an engine ignored: older engines drop unknown fields without an error.

use serde_json::{Map, Value};

/// Fields that all engines support: containers with only these are not checked.
const PLAIN: [&str; 7] = ["Image", "Hostname", "Cmd", "Env", "Labels", "HostConfig", "NetworkingConfig"];
const PLAIN_HOST: [&str; 8] =
    ["NetworkMode", "NanoCpus", "CpusetCpus", "Memory", "Binds", "Dns", "ExtraHosts", "RestartPolicy"];

/// Whether a create body has only these fields.
pub(super) fn is_plain(body: &Value) -> bool {
    let only = |fields: Option<&Map<String, Value>>, known: &[&str]| {
        fields.is_none_or(|fields| fields.keys().all(|key| known.contains(&key.as_str())))
    };
    only(body.as_object(), &PLAIN) && only(body.get("HostConfig").and_then(Value::as_object), &PLAIN_HOST)
}

/// Fields of a create body that `has`, the created container, lacks, each with both values.
pub(crate) fn ignored(body: &Value, has: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (key, asked) in body.as_object().into_iter().flatten() {
        // networks are visible after the start only, and netd handles them
        if key != "NetworkingConfig" {
            descend(key, asked, has.get(key).unwrap_or(&Value::Null), &mut found);
        }
    }
    found
}

fn descend(path: &str, asked: &Value, has: &Value, found: &mut Vec<String>) {
    match asked {
        Value::Object(fields) => {
            for (key, asked) in fields {
                descend(&format!("{path}.{key}"), asked, has.get(key).unwrap_or(&Value::Null), found);
            }
        }
        asked if is_in(asked, has) => {}
        asked => found.push(format!("{path} (asked for {asked}, has {})", shown(has))),
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "nothing".to_owned() } else { value.to_string() }
}

/// Empty values match everything. Lists match if all items are present, because images and the engine add items.
fn is_in(asked: &Value, has: &Value) -> bool {
    match (asked, has) {
        (Value::Null | Value::Bool(false), _) => true,
        (Value::String(asked), Value::String(has)) => is_same_word(asked, has),
        (Value::String(asked), _) => asked.is_empty(),
        (Value::Number(asked), Value::Null) => asked.as_i64() == Some(0),
        (Value::Array(asked), Value::Array(has)) => {
            asked.iter().all(|item| has.iter().any(|other| is_in(item, other)))
        }
        (Value::Array(asked), _) => asked.is_empty(),
        (Value::Object(asked), has) => {
            asked.iter().all(|(key, asked)| is_in(asked, has.get(key).unwrap_or(&Value::Null)))
        }
        (asked, has) => asked == has,
    }
}

/// Newer engines add `CAP_` to capabilities.
fn is_same_word(asked: &str, has: &str) -> bool {
    asked == has || has.strip_prefix("CAP_") == Some(asked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(body: &Value, has: &Value) -> Vec<String> {
        ignored(body, has.as_object().unwrap())
    }

    #[test]
    fn what_the_engine_adds_is_no_difference() {
        let asked = json!({
            "Env": ["A=1"], "Tty": false, "Labels": {"a": "b"}, "NetworkingConfig": {"x": 1},
            "HostConfig": {"CapAdd": ["NET_ADMIN"], "Devices": [{"PathOnHost": "/dev/x"}], "Dns": []}
        });
        let has = json!({
            "Env": ["PATH=/bin", "A=1"], "Labels": {"a": "b", "of": "image"},
            "HostConfig": {"CapAdd": ["CAP_NET_ADMIN"], "Devices": [{"PathOnHost": "/dev/x", "CgroupPermissions": "rwm"}]}
        });
        assert_eq!(told(&asked, &has), [""; 0]);
    }

    #[test]
    fn what_is_not_there_is_told_with_both_values() {
        let asked = json!({"HostConfig": {"Annotations": {"a": "b"}, "MemorySwap": 9}, "Healthcheck": {"StartInterval": 5}});
        assert_eq!(
            told(&asked, &json!({"HostConfig": {"MemorySwap": 8}})),
            [
                "Healthcheck.StartInterval (asked for 5, has nothing)",
                "HostConfig.Annotations.a (asked for \"b\", has nothing)",
                "HostConfig.MemorySwap (asked for 9, has 8)"
            ]
        );
    }

    #[test]
    fn only_what_is_not_plain_is_asked_about() {
        assert!(is_plain(&json!({"Image": "x", "HostConfig": {"Memory": 1}})));
        assert!(!is_plain(&json!({"Image": "x", "HostConfig": {"ShmSize": 1}})));
        assert!(!is_plain(&json!({"Tty": true})));
    }
}
