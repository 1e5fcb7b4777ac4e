//! Create requests are JSON, so that an administrator's JSON can be merged. bollard's types drop unknown keys: this
//! check finds them before anything is sent.

use bollard::models::ContainerCreateBody;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::EngineError;

/// Checks that a body is valid for POST /containers/create and has only known keys.
pub(crate) fn check(body: &Value) -> Result<(), EngineError> {
    typed(body).map(|_| ())
}

pub(super) fn typed(body: &Value) -> Result<ContainerCreateBody, EngineError> {
    let typed: ContainerCreateBody = parsed(body)?;
    let kept = serde_json::to_value(&typed).map_err(EngineError::Body)?;
    match lost(body, &kept) {
        Some(path) => Err(EngineError::UnknownKey { path }),
        None => Ok(typed),
    }
}

/// Converts JSON to one of bollard's types.
pub(super) fn parsed<T: DeserializeOwned>(body: &Value) -> Result<T, EngineError> {
    serde_json::from_value(body.clone()).map_err(EngineError::Body)
}

/// The first key that `kept` lacks. Null and empty values are ignored.
fn lost(sent: &Value, kept: &Value) -> Option<String> {
    let Value::Object(sent) = sent else { return None };
    sent.iter().filter(|(_, value)| !says_nothing(value)).find_map(|(key, value)| match kept.get(key) {
        None => Some(key.clone()),
        Some(kept) => lost(value, kept).map(|below| format!("{key}.{below}")),
    })
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_keys_pass_and_unknown_ones_are_named() {
        check(&json!({"Tty": true, "HostConfig": {"ShmSize": 1, "Sysctls": {"net.core.somaxconn": "9"}}}))
            .unwrap();
        let told = |body| check(&body).unwrap_err().to_string();
        assert_eq!(
            told(json!({"HostConfig": {"ShmSise": 1}})),
            "Docker's API does not have HostConfig.ShmSise"
        );
        assert_eq!(told(json!({"tty": true})), "Docker's API does not have tty");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        let error = check(&json!({"Tty": "yes"})).unwrap_err();
        assert_eq!(error.to_string(), "Docker's API rejects the container");
    }
}
