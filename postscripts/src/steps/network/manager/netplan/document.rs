//! netplan's YAML: what it says of a device, and a document without devices. Pure.

use hostnet::Route;
use inventory::IfName;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlLoader};

use super::SECTIONS;

pub(super) fn parse(text: &str) -> Option<Yaml> {
    YamlLoader::load_from_str(text).ok()?.into_iter().next()
}

/// A device's definition.
pub(super) struct Definition<'a> {
    pub(super) id: &'a str,
    pub(super) body: &'a Yaml,
}

pub(super) fn entries(document: &Yaml) -> impl Iterator<Item = Definition<'_>> {
    let sections = SECTIONS.into_iter().filter_map(|section| document["network"][section].as_hash());
    sections.flatten().filter_map(|(id, body)| Some(Definition { id: id.as_str()?, body }))
}

/// By its name, by the one that it gets, or by the one that it is found by.
pub(super) fn is_of(definition: &Definition<'_>, device: &IfName) -> bool {
    let found = definition.body["match"]["name"].as_str();
    let named = definition.body["set-name"].as_str().or(found);
    named.unwrap_or(definition.id) == device.as_str()
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

pub(super) fn read_route(route: &Yaml) -> Option<Route> {
    let destination: ipnet::IpNet = route["to"].as_str()?.parse().ok()?;
    let gateway = route["via"].as_str().and_then(|via| via.parse().ok());
    let metric = route["metric"].as_i64().and_then(|metric| metric.try_into().ok());
    (destination.prefix_len() > 0).then_some(Route { destination, gateway, metric })
}

/// Settings that ours do not have, by name only: they may be mappings.
pub(super) fn lost(body: &Yaml) -> Vec<String> {
    const TAKEN: [&str; 17] = [
        "addresses",
        "dhcp4",
        "dhcp6",
        "gateway4",
        "gateway6",
        "routes",
        "nameservers",
        "mtu",
        "match",
        "set-name",
        "interfaces",
        "link",
        "id",
        "optional",
        "link-local",
        "accept-ra",
        "macaddress",
    ];
    let keys = body.as_hash().into_iter().flatten().filter_map(|(key, _)| key.as_str());
    keys.filter(|key| !TAKEN.contains(key)).map(str::to_owned).collect()
}

/// The document without the devices; `None` where it has none. What only says which NIC has the name (`match`, `set-name`) stays:
/// without it the NIC would come back under another.
pub(super) fn without(document: &Yaml, devices: &[&IfName]) -> Option<Yaml> {
    let mut left = document.as_hash()?.clone();
    let network = left.get_mut(&Yaml::from_str("network"))?;
    let Yaml::Hash(network) = network else { return None };
    let mut changed = false;
    for section in SECTIONS {
        let key = Yaml::from_str(section);
        let Some(Yaml::Hash(definitions)) = network.get(&key) else { continue };
        let kept = kept(definitions, devices);
        if kept != *definitions {
            changed = true;
            if kept.is_empty() {
                network.remove(&key)
            } else {
                network.insert(key, Yaml::Hash(kept))
            };
        }
    }
    changed.then_some(Yaml::Hash(left))
}

fn kept(definitions: &Hash, devices: &[&IfName]) -> Hash {
    let mut kept = Hash::new();
    for (id, body) in definitions {
        let definition = id.as_str().map(|id| Definition { id, body });
        let device =
            definition.and_then(|definition| devices.iter().find(|device| is_of(&definition, device)));
        let Some(device) = device else {
            kept.insert(id.clone(), body.clone());
            continue;
        };
        let identity: Hash = ["match", "set-name"]
            .into_iter()
            .filter_map(|key| Some((Yaml::from_str(key), body.as_hash()?.get(&Yaml::from_str(key))?.clone())))
            .collect();
        if !identity.is_empty() {
            kept.insert(Yaml::String(device.to_string()), Yaml::Hash(identity));
        }
    }
    kept
}
