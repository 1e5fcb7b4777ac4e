//! Ports of a create body, as a message lists them. Pure.

use serde_json::Value;

/// Published ports, as ranges: `80/tcp`, `8000-8010/udp`.
pub(crate) fn published(body: &Value) -> Vec<String> {
    let bindings = body.pointer("/HostConfig/PortBindings").and_then(Value::as_object);
    let mut ports: Vec<(String, u16)> =
        bindings.into_iter().flat_map(|ports| ports.keys()).filter_map(|key| port(key)).collect();
    ports.sort();
    let ranges = ports
        .chunk_by(|(protocol, port), (next, after)| protocol == next && port.checked_add(1) == Some(*after));
    ranges
        .filter_map(|range| match (range.first()?, range.last()?) {
            ((protocol, first), (_, last)) if first == last => Some(format!("{first}/{protocol}")),
            ((protocol, first), (_, last)) => Some(format!("{first}-{last}/{protocol}")),
        })
        .collect()
}

fn port(key: &str) -> Option<(String, u16)> {
    let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    Some((protocol.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_are_one_word() {
        let body = json!({"HostConfig": {"PortBindings":
            {"80/tcp": [], "8000/tcp": [], "8001/tcp": [], "8002/tcp": [], "8001/udp": [], "65535/udp": []}}});
        assert_eq!(published(&body), ["80/tcp", "8000-8002/tcp", "8001/udp", "65535/udp"]);
        assert_eq!(published(&json!({})), [""; 0]);
    }
}
