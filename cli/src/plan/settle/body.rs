//! Reads create bodies, including that of an existing container.

use serde_json::{Map, Value};

use crate::engine::Container;
use crate::plan::{LINKS_LABEL, SPEC_LABEL};

/// First network.
pub(super) fn primary_of(body: &Value) -> String {
    body.pointer("/HostConfig/NetworkMode").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// All networks.
pub(super) fn networks_of(body: &Value) -> Vec<String> {
    let endpoints = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
    endpoints.map(|of| of.keys().cloned().collect()).unwrap_or_default()
}

/// The body without the labels that were added after it was complete.
pub(super) fn unsealed(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(Value::Object(labels)) = body.get_mut("Labels") {
        labels.remove(SPEC_LABEL);
        labels.remove(LINKS_LABEL);
    }
    body
}

/// Create body of an existing container; `None`: xdock did not create it.
pub(in crate::plan) fn seal(found: &Container) -> Option<Value> {
    found.labels.get(SPEC_LABEL).and_then(|text| serde_json::from_str(text).ok())
}

/// Before API 1.44 a create request has one network and ignores MAC addresses of endpoints: netd sets the MAC of the
/// tables.
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
