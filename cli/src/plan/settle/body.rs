//! What a create body says, and the body that an existing container was made from.

use serde_json::{Map, Value};

use crate::engine::Container;
use crate::plan::SPEC_LABEL;

/// The network that it is on first.
pub(super) fn primary_of(body: &Value) -> String {
    body.pointer("/HostConfig/NetworkMode").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// All networks that it is on.
pub(super) fn networks_of(body: &Value) -> Vec<String> {
    let endpoints = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
    endpoints.map(|of| of.keys().cloned().collect()).unwrap_or_default()
}

/// Without what it was made from.
pub(super) fn unsealed(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(Value::Object(labels)) = body.get_mut("Labels") {
        labels.remove(SPEC_LABEL);
    }
    body
}

/// What an existing container was made from; `None`: xdock did not make it.
pub(in crate::plan) fn seal(found: &Container) -> Option<Value> {
    found.labels.get(SPEC_LABEL).and_then(|text| serde_json::from_str(text).ok())
}

/// Before 1.44 create takes one network, and a MAC address of an endpoint is not heard: netd gives the table's.
pub(super) fn for_old_engine(body: &Value, primary: &str) -> (Value, Map<String, Value>) {
    let mut body = body.clone();
    let mut later = Map::new();
    if let Some(Value::Object(endpoints)) = body.pointer_mut("/NetworkingConfig/EndpointsConfig") {
        for endpoint in endpoints.values_mut().filter_map(Value::as_object_mut) {
            endpoint.remove("MacAddress");
        }
        let (first, others) = std::mem::take(endpoints).into_iter().partition(|(name, _)| name == primary);
        *endpoints = first;
        later = others;
    }
    (body, later)
}
