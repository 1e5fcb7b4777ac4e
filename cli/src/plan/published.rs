//! Published ports of a container. Pure.

use std::collections::HashMap;

use inventory::{PortList, Protocol, PublishedPort};
use serde_json::{Map, Value};

use super::SPEC_LABEL;

/// The ports that a container of xdock publishes while it runs: `8080->80/tcp, 127.0.0.1:53->53/udp`. They are in the
/// label with the create body: an engine lists no ports of containers on networks of other drivers (moby
/// `daemon/network.go`, `getEndpointPortMapInfo`).
pub(crate) fn published(labels: &HashMap<String, String>) -> String {
    let spec = labels.get(SPEC_LABEL).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let bindings = spec.as_ref().and_then(|spec| spec.pointer("/HostConfig/PortBindings")?.as_object());
    PortList(&bindings.map(ports).unwrap_or_default()).to_string()
}

fn ports(bindings: &Map<String, Value>) -> Vec<PublishedPort> {
    let each = bindings.iter().flat_map(|(key, bound)| {
        let bound = bound.as_array().into_iter().flatten();
        bound.filter_map(move |binding| port(key, binding))
    });
    each.collect()
}

/// `80/tcp` and `{"HostIp": "", "HostPort": "8080"}`.
fn port(key: &str, binding: &Value) -> Option<PublishedPort> {
    let (container, protocol) = key.split_once('/')?;
    let text = |name: &str| binding.get(name)?.as_str();
    Some(PublishedPort {
        protocol: [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
            .into_iter()
            .find(|known| known.as_str() == protocol)?,
        address: text("HostIp").and_then(|address| address.parse().ok()),
        host: text("HostPort")?.parse().ok()?,
        container: container.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_are_one_word() {
        let of = |body: Value| published(&HashMap::from([(SPEC_LABEL.to_owned(), body.to_string())]));
        let at = |address: &str, port: &str| json!([{ "HostIp": address, "HostPort": port }]);
        let body = json!({ "HostConfig": { "PortBindings": {
            "80/tcp": at("", "8080"), "9000/udp": at("127.0.0.1", "8000"), "9001/udp": at("127.0.0.1", "8001"),
            "53/sctp": at("::1", "53"), "x/tcp": at("", "1"), "1/ip": at("", "1"), "2/tcp": at("", "x"), "3/tcp": {},
        } } });
        assert_eq!(of(body), "8080->80/tcp, 127.0.0.1:8000-8001->9000-9001/udp, [::1]:53->53/sctp");
        assert_eq!((of(json!({})), of(json!("x")), published(&HashMap::new())), Default::default());
    }
}
