//! Which definitions netplan applies to an interface (netplan(5), `match`). netplan merges all files by id
//! and writes one file per id for its renderer. networkd uses the first one by name that matches. Pure.

use std::collections::BTreeMap;

use inventory::MacAddr;
use yaml_rust2::Yaml;

use super::super::glob;
use super::super::nic::Nic;
use super::super::tree::{File, Tree};
use super::document::{entries, parse, texts};

/// A definition, merged from all files with its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) id: String,
    pub(super) section: &'static str,
    /// Whether it has a `match`, which may be empty.
    has_match: bool,
    name: Option<String>,
    mac: Option<String>,
    drivers: Vec<String>,
    set_name: Option<String>,
    /// Whether one of our files has it.
    pub(super) is_ours: bool,
    /// Whether a foreign definition refers to it.
    pub(super) is_referred_to: bool,
}

/// All definitions, ours first, then by id.
pub(super) fn definitions(tree: &Tree) -> Vec<Definition> {
    let mut merged: BTreeMap<String, Definition> = BTreeMap::new();
    let mut references: Vec<String> = Vec::new();
    for file in tree.files() {
        let Some(document) = parse(&file.text) else { continue };
        for entry in entries(&document) {
            let known = merged.entry(entry.id.to_owned()).or_default();
            (known.id, known.section) = (entry.id.to_owned(), entry.section);
            known.add(entry.body, file);
            if !file.is_ours() {
                references.extend(referred(entry.body));
            }
        }
    }
    let mut all: Vec<Definition> = merged.into_values().collect();
    for definition in &mut all {
        definition.is_referred_to = references.contains(&definition.id);
    }
    all.sort_by_key(|definition| (!definition.is_ours, definition.id.clone()));
    all
}

/// The ids to which a definition refers.
pub(super) fn referred(body: &Yaml) -> Vec<String> {
    body["link"].as_str().map(str::to_owned).into_iter().chain(texts(&body["interfaces"])).collect()
}

impl Definition {
    fn add(&mut self, body: &Yaml, file: &File) {
        let matched = &body["match"];
        let text = |value: &Yaml| value.as_str().map(str::to_owned);
        self.has_match |= !matched.is_badvalue();
        self.name = text(&matched["name"]).or(self.name.take());
        self.mac = text(&matched["macaddress"]).or(self.mac.take());
        self.drivers.extend(text(&matched["driver"]));
        self.drivers.extend(texts(&matched["driver"]));
        self.set_name = text(&body["set-name"]).or(self.set_name.take());
        self.is_ours |= file.is_ours();
    }

    /// Whether it applies to an interface. If only the name of the interface is known, the definition with
    /// this `set-name` applies.
    pub(super) fn applies(&self, nic: &Nic) -> bool {
        if self.section != "ethernets" || !self.has_match {
            return nic.name.as_str() == self.id;
        }
        let is_unknown = nic.mac.is_none() && nic.driver.is_none();
        let is_other = |mac: &String| !has_mac(nic.hardware_mac(), mac);
        is_physical(nic)
            && self.has_name(nic)
            && (is_unknown && self.set_name.is_some()
                || !self.mac.as_ref().is_some_and(is_other) && self.has_driver(nic))
    }

    /// Whether the file that netplan generates for networkd matches an interface, including bridges for which
    /// it is not meant.
    pub(super) fn matches(&self, nic: &Nic) -> bool {
        let is_other = |mac: &String| !has_mac(nic.permanent_mac, mac);
        let by_match = self.section == "ethernets" && self.has_match;
        by_match && self.has_name(nic) && !self.mac.as_ref().is_some_and(is_other) && self.has_driver(nic)
    }

    /// `match.name` is the name before `set-name` renames the interface.
    fn has_name(&self, nic: &Nic) -> bool {
        match (&self.set_name, &self.name) {
            (Some(name), _) => nic.name.as_str() == name,
            (None, Some(pattern)) => nic.names().any(|name| glob::matches(pattern, name)),
            (None, None) => true,
        }
    }

    fn has_driver(&self, nic: &Nic) -> bool {
        let matches =
            |pattern: &String| nic.driver.as_deref().is_some_and(|driver| glob::matches(pattern, driver));
        self.drivers.is_empty() || self.drivers.iter().any(matches)
    }

    /// Whether it can apply to this interface only.
    pub(super) fn is_only_of(&self, nic: &Nic) -> bool {
        let is_named = self.name.as_ref().is_some_and(|name| !glob::is_pattern(name));
        self.applies(nic)
            && (self.section != "ethernets"
                || !self.has_match
                || is_named
                || self.mac.is_some()
                || self.set_name.is_some())
    }

    /// Whether its renderer finds the interface with it: software devices have no permanent MAC.
    fn is_sure_of(&self, nic: &Nic) -> bool {
        let is_unknown = nic.mac.is_none();
        self.is_only_of(nic) && (self.mac.is_none() || is_unknown || nic.permanent_mac.is_some())
    }
}

/// netplan's matches are for physical interfaces. It excludes bridges, which have the MAC of their NIC.
fn is_physical(nic: &Nic) -> bool {
    !matches!(nic.kind.as_str(), "bridge" | "bond" | "vlan" | "openvswitch")
}

fn has_mac(mac: Option<MacAddr>, text: &str) -> bool {
    mac.is_some_and(|mac| text.parse() == Ok(mac))
}

/// The id of our definition of a device. It is the id of a foreign definition if there is one, so that
/// references to it stay valid.
pub(super) fn id_of(definitions: &[Definition], nic: &Nic) -> String {
    let mut candidates: Vec<&Definition> = definitions
        .iter()
        .filter(|definition| definition.section == "ethernets" && definition.is_sure_of(nic))
        .collect();
    candidates.sort_by_key(|definition| (!definition.is_referred_to, !definition.is_ours, &definition.id));
    candidates.first().map_or_else(|| nic.name.to_string(), |definition| definition.id.clone())
}
