//! Merges an administrator's Docker JSON (`vm.othersettings`); other columns take precedence.

use serde_json::{Map, Value};
use thiserror::Error;

/// Lists that are concatenated.
const JOINED: [&str; 13] = [
    "Env",
    "Binds",
    "ExtraHosts",
    "Ulimits",
    "Devices",
    "DeviceRequests",
    "CapAdd",
    "CapDrop",
    "Dns",
    "DnsSearch",
    "DnsOptions",
    "GroupAdd",
    "SecurityOpt",
];

/// Fields that only the tables set: with other networks the container would not be that of the tables.
const DECIDED: [(&str, &str); 5] = [
    ("/NetworkingConfig", "hosts.ip, vm.nics and nics"),
    ("/NetworkDisabled", "hosts.ip, vm.nics and nics"),
    ("/HostConfig/NetworkMode", "vm.nics"),
    ("/MacAddress", "mac.mac"),
    ("/Image", "nodetype.provmethod"),
];

/// Docker JSON that contradicts the tables.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("vm.othersettings sets {key}, which {by} determines: remove it there")]
pub(crate) struct MergeError {
    key: String,
    by: &'static str,
}

/// `over` with additional fields of `under`.
pub(super) fn merge(
    under: &Map<String, Value>,
    over: Map<String, Value>,
) -> Result<Map<String, Value>, MergeError> {
    let raw = Value::Object(under.clone());
    for (pointer, by) in DECIDED {
        if raw.pointer(pointer).is_some() {
            return Err(MergeError { key: pointer.trim_start_matches('/').replace('/', "."), by });
        }
    }
    Ok(objects(under.clone(), over))
}

fn objects(mut under: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let merged = match (under.remove(&key), value) {
            (Some(Value::Object(low)), Value::Object(high)) => objects(low, high).into(),
            (Some(Value::Array(low)), Value::Array(high)) if JOINED.contains(&key.as_str()) => {
                low.into_iter().chain(high).collect()
            }
            (_, value) => value,
        };
        under.insert(key, merged);
    }
    under
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn columns_stand_above_and_lists_are_joined() {
        let under = map(
            json!({"Tty": true, "Hostname": "x", "Env": ["A=1"], "HostConfig": {"Memory": 1, "ShmSize": 2}}),
        );
        let over = map(json!({"Hostname": "d1", "Env": ["B=2"], "HostConfig": {"Memory": 9}}));
        assert_eq!(
            Value::Object(merge(&under, over).unwrap()),
            json!({"Tty": true, "Hostname": "d1", "Env": ["A=1", "B=2"], "HostConfig": {"Memory": 9, "ShmSize": 2}})
        );
    }

    #[test]
    fn what_the_tables_decide_is_refused() {
        let under = map(json!({"HostConfig": {"NetworkMode": "host"}}));
        assert_eq!(
            merge(&under, Map::new()).unwrap_err().to_string(),
            "vm.othersettings sets HostConfig.NetworkMode, which vm.nics determines: remove it there"
        );
    }
}
