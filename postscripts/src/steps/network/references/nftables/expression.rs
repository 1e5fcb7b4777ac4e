//! One statement of a rule: a condition or a verdict.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::super::device::{DeviceTest, Pattern};
use super::super::ruleset::{Action, Holds, NewSsh};

/// Named sets and maps, by table and name.
pub(super) type Sets<'a> = BTreeMap<String, &'a Value>;

/// The effect of a statement on a new ssh connection.
pub(super) enum Statement {
    Incoming(DeviceTest),
    Outgoing(DeviceTest),
    Condition(Holds),
    Verdict(Action),
}

/// The name of a chain or set of a table.
pub(super) fn of_table(table: &str, name: &str) -> String {
    format!("{table} {name}")
}

pub(super) fn statement(statement: &Value, table: &str, sets: &Sets<'_>, packet: NewSsh) -> Statement {
    let Some((kind, body)) = statement.as_object().and_then(|object| object.iter().next()) else {
        return Statement::Condition(Holds::Maybe);
    };
    match kind.as_str() {
        "match" => matched(body, table, sets, packet),
        "vmap" => Statement::Verdict(by_map(body, table, sets)),
        "limit" | "xt" | "quota" | "connlimit" | "ct count" => Statement::Condition(Holds::Maybe),
        kind => match verdict(kind, body, table) {
            Some(action) => Statement::Verdict(action),
            // counter, log, mark
            None => Statement::Condition(Holds::Yes),
        },
    }
}

fn verdict(kind: &str, body: &Value, table: &str) -> Option<Action> {
    let target = || of_table(table, body.get("target").and_then(Value::as_str).unwrap_or_default());
    Some(match kind {
        "accept" => Action::Accept,
        "drop" | "reject" => Action::Drop,
        "return" => Action::Return,
        "continue" => Action::Continue,
        "jump" => Action::Jump(target()),
        "goto" => Action::Goto(target()),
        _ => return None,
    })
}

fn matched(body: &Value, table: &str, sets: &Sets<'_>, packet: NewSsh) -> Statement {
    let (Some(left), Some(right)) = (body.get("left"), body.get("right")) else {
        return Statement::Condition(Holds::Maybe);
    };
    let negated = body.get("op").and_then(Value::as_str) == Some("!=");
    let values = elements(right, table, sets);
    let device = |values: Vec<&Value>| DeviceTest {
        patterns: values.into_iter().filter_map(Value::as_str).map(Pattern::nft).collect(),
        negated,
    };
    match meta(left) {
        Some("iif" | "iifname") => return Statement::Incoming(device(values)),
        Some("oif" | "oifname") => return Statement::Outgoing(device(values)),
        _ => {}
    }
    let any = values.iter().map(|value| holds(left, value, packet)).max().unwrap_or(Holds::No);
    Statement::Condition(if negated { any.not() } else { any })
}

fn meta(left: &Value) -> Option<&str> {
    left.get("meta")?.get("key")?.as_str()
}

/// The values on the right side: a single one, or those of an anonymous or named set.
fn elements<'a>(right: &'a Value, table: &str, sets: &Sets<'a>) -> Vec<&'a Value> {
    let named = right.as_str().and_then(|name| name.strip_prefix('@'));
    let list = match named {
        Some(name) => sets.get(&of_table(table, name)).and_then(|set| set.get("elem")),
        None => right.get("set").or(Some(right)),
    };
    match list {
        Some(Value::Array(values)) => values.iter().map(element).collect(),
        Some(value) => vec![element(value)],
        None => Vec::new(),
    }
}

/// An element may have a counter or timeout: `{"elem": {"val": ...}}`.
fn element(value: &Value) -> &Value {
    value.get("elem").and_then(|elem| elem.get("val")).unwrap_or(value)
}

/// Whether the packet has this value.
fn holds(left: &Value, value: &Value, packet: NewSsh) -> Holds {
    if let Some(payload) = left.get("payload") {
        let part = |key: &str| payload.get(key).and_then(Value::as_str).unwrap_or_default();
        return match (part("protocol"), part("field")) {
            ("tcp" | "th", "dport") => port(value, packet.port),
            ("ip" | "ip6", "saddr") => source(value, packet.source),
            ("ip", "protocol") | ("ip6", "nexthdr") => protocol(value),
            ("icmp" | "icmpv6" | "udp" | "sctp", _) => Holds::No,
            _ => Holds::Maybe,
        };
    }
    if left.get("ct").and_then(|ct| ct.get("key")).and_then(Value::as_str) == Some("state") {
        return Holds::of(value.as_str() == Some("new"));
    }
    match meta(left) {
        Some("l4proto") => protocol(value),
        Some("nfproto") => {
            Holds::of(value.as_str() == Some(if packet.source.is_ipv4() { "ipv4" } else { "ipv6" }))
        }
        _ => Holds::Maybe,
    }
}

fn protocol(value: &Value) -> Holds {
    Holds::of(value.as_str() == Some("tcp") || value.as_u64() == Some(6))
}

fn port(value: &Value, port: u16) -> Holds {
    let number = |value: &Value| value.as_u64().or_else(|| (value.as_str()? == "ssh").then_some(22));
    let port = u64::from(port);
    if let Some([first, last]) = value.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        return match (number(first), number(last)) {
            (Some(first), Some(last)) => Holds::of((first..=last).contains(&port)),
            _ => Holds::Maybe,
        };
    }
    number(value).map_or(Holds::Maybe, |number| Holds::of(number == port))
}

fn source(value: &Value, source: IpAddr) -> Holds {
    let address = |value: &Value| value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    if let Some(prefix) = value.get("prefix") {
        let network = || -> Option<IpNet> {
            let length = u8::try_from(prefix.get("len")?.as_u64()?).ok()?;
            IpNet::new(address(prefix.get("addr")?)?, length).ok()
        };
        return network().map_or(Holds::Maybe, |network| Holds::of(network.contains(&source)));
    }
    if let Some([first, last]) = value.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        return match (address(first), address(last)) {
            (Some(first), Some(last)) => Holds::of((first..=last).contains(&source)),
            _ => Holds::Maybe,
        };
    }
    address(value).map_or(Holds::Maybe, |address| Holds::of(address == source))
}

/// A verdict map. One by incoming device is evaluated exactly.
fn by_map(body: &Value, table: &str, sets: &Sets<'_>) -> Action {
    let data = body.get("data").unwrap_or(&Value::Null);
    let pairs = elements(data, table, sets).into_iter().filter_map(Value::as_array);
    let entries = pairs.filter_map(|pair| {
        let (key, object) = (element(pair.first()?), pair.get(1)?.as_object()?);
        let (kind, body) = object.iter().next()?;
        Some((key, verdict(kind, body, table)?))
    });
    match body.get("key").and_then(meta) {
        Some("iif" | "iifname") => {
            let by_name = entries.filter_map(|(key, action)| Some((Pattern::nft(key.as_str()?), action)));
            Action::ByDevice(by_name.collect())
        }
        _ if is_state(body) => state_of(entries),
        _ => Action::AnyOf(entries.map(|(_, action)| action).collect()),
    }
}

fn is_state(body: &Value) -> bool {
    let key = body.get("key").and_then(|key| key.get("ct")).and_then(|ct| ct.get("key"));
    key.and_then(Value::as_str) == Some("state")
}

fn state_of<'a>(entries: impl Iterator<Item = (&'a Value, Action)>) -> Action {
    let mut entries = entries.filter(|(key, _)| key.as_str() == Some("new"));
    entries.next().map_or(Action::Continue, |(_, action)| action)
}

/// A statement as text, similar to nft(8).
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(" "),
        Value::Object(object) => {
            object.iter().next().map(|(kind, body)| of_kind(kind, body)).unwrap_or_default()
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn of_kind(kind: &str, body: &Value) -> String {
    let part = |key: &str| body.get(key).map(words).unwrap_or_default();
    let list = |body: &Value| match body {
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(", "),
        other => words(other),
    };
    match kind {
        "match" => match part("op").as_str() {
            "==" | "in" => format!("{} {}", part("left"), part("right")),
            op => format!("{} {op} {}", part("left"), part("right")),
        },
        "meta" => part("key"),
        "ct" => format!("ct {}", part("key")),
        "payload" => format!("{} {}", part("protocol"), part("field")),
        "set" => format!("{{ {} }}", list(body)),
        "range" => body
            .as_array()
            .map(|ends| ends.iter().map(words).collect::<Vec<_>>().join("-"))
            .unwrap_or_default(),
        "prefix" => format!("{}/{}", part("addr"), part("len")),
        "jump" | "goto" => format!("{kind} {}", part("target")),
        "vmap" => format!("{} vmap {}", part("key"), part("data")),
        _ => kind.to_owned(),
    }
}
