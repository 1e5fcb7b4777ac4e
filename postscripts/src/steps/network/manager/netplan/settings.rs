//! Settings of a definition, and what happens to each when our definition replaces it. Pure.

use ipnet::IpNet;
use yaml_rust2::Yaml;
use yaml_rust2::yaml::Array;

use super::super::dialect::{DroppedSetting, ParsedSettings, StaticAddress};
use super::super::tree::File;
use super::document::{is_further, is_true, items, line_of, lines, read_route, texts};

/// What happens to a setting.
enum Takeover {
    /// Our files generate it, from the tables or the current state.
    Generated,
    /// It belongs to the interface itself.
    Keep,
    /// It moves to the device with the addresses.
    Move,
    /// Both: a bridge and its port have the same renderer.
    Both,
    /// It is reported.
    Drop,
}

/// A definition in a file.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a File,
    pub(super) id: &'a str,
}

impl Source<'_> {
    /// A word of the definition, with its line number.
    pub(super) fn place(self, word: &str) -> DroppedSetting {
        let line = line_of(&self.file.text, self.id, word);
        DroppedSetting { file: self.file.path.clone(), line, setting: format!("{}: {word}", self.id) }
    }
}

/// Adds the settings of a definition in one file.
pub(super) fn add(parsed: &mut ParsedSettings, body: &Yaml, source: Source<'_>) {
    let addresses = addresses(&body["addresses"]);
    let location = |(address, word): (IpNet, &str)| StaticAddress { address, location: source.place(word) };
    parsed.addresses.extend(addresses.into_iter().map(location));
    parsed.dhcp |= is_true(&body["dhcp4"]);
    parsed.dns.extend(texts(&body["nameservers"]["addresses"]));
    parsed.search.extend(texts(&body["nameservers"]["search"]));
    parsed.routes.extend(items(&body["routes"]).filter(|route| !is_further(route)).filter_map(read_route));
    for (key, value) in body.as_hash().into_iter().flatten() {
        let Some(key) = key.as_str() else { continue };
        match takeover(key) {
            Takeover::Generated if key == "routes" => parsed.moved.extend(further_routes(value)),
            Takeover::Generated => {}
            Takeover::Keep => parsed.kept.extend(lines(key, value)),
            Takeover::Move => parsed.moved.extend(lines(key, value)),
            Takeover::Both => {
                parsed.kept.extend(lines(key, value));
                parsed.moved.extend(lines(key, value));
            }
            Takeover::Drop => parsed.dropped.push(source.place(key)),
        }
    }
}

/// Parses `- 10.0.0.1/24` or `- "10.0.0.1/24": {label: a}`.
fn addresses(list: &Yaml) -> Vec<(IpNet, &str)> {
    items(list).filter_map(word).filter_map(|word| Some((word.parse().ok()?, word))).collect()
}

fn word(item: &Yaml) -> Option<&str> {
    match item {
        Yaml::String(word) => Some(word),
        Yaml::Hash(hash) => hash.keys().next()?.as_str(),
        _ => None,
    }
}

fn further_routes(routes: &Yaml) -> Vec<String> {
    let further: Array = items(routes).filter(|route| is_further(route)).cloned().collect();
    if further.is_empty() { Vec::new() } else { lines("routes", &Yaml::Array(further)) }
}

fn takeover(key: &str) -> Takeover {
    match key {
        "addresses" | "dhcp4" | "gateway4" | "gateway6" | "routes" | "nameservers" | "mtu" | "match"
        | "set-name" | "interfaces" | "id" | "optional" | "link-local" | "macaddress" | "parameters" => {
            Takeover::Generated
        }
        "renderer" => Takeover::Both,
        "wakeonlan"
        | "emit-lldp"
        | "auth"
        | "embedded-switch-mode"
        | "virtual-function-count"
        | "delay-virtual-functions-rebind"
        | "infiniband-mode"
        | "openvswitch"
        | "link" => Takeover::Keep,
        key if key.ends_with("-offload") => Takeover::Keep,
        "networkmanager" | "activation-mode" | "critical" => Takeover::Drop,
        _ => Takeover::Move,
    }
}
