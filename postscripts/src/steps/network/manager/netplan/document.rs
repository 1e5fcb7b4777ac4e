//! Reads netplan's YAML, and writes parts of it. Pure.

use hostnet::Route;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter, YamlLoader};

/// Sections of definitions (netplan(5)).
pub(super) const SECTIONS: [&str; 10] = [
    "ethernets",
    "modems",
    "wifis",
    "bonds",
    "bridges",
    "vlans",
    "tunnels",
    "vrfs",
    "dummy-devices",
    "virtual-ethernets",
];

pub(super) fn parse(text: &str) -> Option<Yaml> {
    YamlLoader::load_from_str(text).ok()?.into_iter().next()
}

/// A definition in one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) section: &'static str,
    pub(super) id: &'a str,
    pub(super) body: &'a Yaml,
}

pub(super) fn entries(document: &Yaml) -> impl Iterator<Item = Entry<'_>> {
    let sections = SECTIONS.into_iter().filter_map(|section| {
        let definitions = document["network"][section].as_hash()?;
        Some(definitions.iter().filter_map(move |(id, body)| Some(Entry { section, id: id.as_str()?, body })))
    });
    sections.flatten()
}

pub(super) fn is_true(value: &Yaml) -> bool {
    matches!(value, Yaml::Boolean(true))
        || value.as_str().is_some_and(|word| matches!(word, "yes" | "on" | "y" | "true"))
}

pub(super) fn items(list: &Yaml) -> impl Iterator<Item = &Yaml> {
    list.as_vec().into_iter().flatten()
}

pub(super) fn texts(list: &Yaml) -> Vec<String> {
    items(list).filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A route of the main table with destination, gateway and metric only.
pub(super) fn read_route(route: &Yaml) -> Option<Route> {
    let destination: ipnet::IpNet = route["to"].as_str()?.parse().ok()?;
    let gateway = route["via"].as_str().and_then(|via| via.parse().ok());
    let metric = route["metric"].as_i64().and_then(|metric| metric.try_into().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}

/// Whether a route has properties that the kernel's main table does not show.
pub(super) fn is_further(route: &Yaml) -> bool {
    let known = |key: &Yaml| matches!(key.as_str(), Some("to" | "via" | "metric" | "on-link" | "scope"));
    route.as_hash().is_some_and(|route| !route.keys().all(known))
}

/// Line number, from 1, of a word in the definition of an id, because the YAML parser keeps none; 0 if it was
/// not found.
pub(super) fn line_of(text: &str, id: &str, word: &str) -> usize {
    let begins = |line: &str| {
        let line = line.trim_start().trim_start_matches(['"', '\'']);
        line.strip_prefix(id).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
    };
    let lines = text.lines().zip(1..).skip_while(|(line, _)| !begins(line));
    lines.filter(|(line, _)| line.contains(word)).map(|(_, number)| number).next().unwrap_or_default()
}

/// `KEY: VALUE` as lines.
pub(super) fn lines(key: &str, value: &Yaml) -> Vec<String> {
    let mut hash = Hash::new();
    hash.insert(Yaml::String(key.to_owned()), value.clone());
    text(&Yaml::Hash(hash)).lines().map(str::to_owned).collect()
}

/// A document without its start marker; empty if it cannot be written.
pub(super) fn text(document: &Yaml) -> String {
    let mut text = String::new();
    match YamlEmitter::new(&mut text).dump(document) {
        Ok(()) => format!("{}\n", text.strip_prefix("---\n").unwrap_or(&text)),
        Err(_) => String::new(),
    }
}
