//! A foreign document without our devices. Pure.

use yaml_rust2::Yaml;
use yaml_rust2::yaml::Hash;

use super::super::nic::Nic;
use super::document::SECTIONS;
use super::matching::{Definition, id_of};

/// The document without the settings of the devices; `None` if it has none. The id of a NIC (`match`,
/// `set-name`) is kept: without it the NIC would get another name, and other definitions refer to the id.
/// netplan requires an id to be defined in the file that refers to it, or in an earlier one, so it stays
/// there without settings.
pub(super) fn without(document: &Yaml, definitions: &[Definition], devices: &[Nic]) -> Option<Yaml> {
    let mut left = document.as_hash()?.clone();
    let Some(Yaml::Hash(network)) = left.get_mut(&Yaml::from_str("network")) else { return None };
    let mut changed = false;
    let wanted = relinks(network, definitions, devices);
    for section in SECTIONS {
        let key = Yaml::from_str(section);
        let Some(Yaml::Hash(old)) = network.get(&key) else { continue };
        let mut kept = kept(old, definitions, devices);
        for id in wanted.iter().filter(|_| section == "ethernets") {
            kept.entry(Yaml::from_str(id)).or_insert_with(|| Yaml::Hash(Hash::new()));
        }
        if kept != *old {
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

fn kept(old: &Hash, definitions: &[Definition], devices: &[Nic]) -> Hash {
    let mut kept = Hash::new();
    for (id, body) in old {
        let definition = definitions.iter().find(|known| id.as_str() == Some(&known.id));
        let is_ours =
            definition.is_some_and(|definition| devices.iter().any(|device| definition.is_only_of(device)));
        if !is_ours {
            kept.insert(id.clone(), relinked(body, definitions, devices));
            continue;
        }
        let identity = identity(body);
        if !identity.is_empty() || definition.is_some_and(|definition| definition.is_referred_to) {
            kept.insert(id.clone(), Yaml::Hash(identity));
        }
    }
    kept
}

fn identity(body: &Yaml) -> Hash {
    let part = |key: &str| Some((Yaml::from_str(key), body.as_hash()?.get(&Yaml::from_str(key))?.clone()));
    ["match", "set-name"].into_iter().filter_map(part).collect()
}

/// A VLAN device whose parent was found by a definition for several NICs refers to our definition of the NIC:
/// the renderer attaches it to the NIC with that definition.
fn relinked(body: &Yaml, definitions: &[Definition], devices: &[Nic]) -> Yaml {
    let (Some(id), Some(hash)) = (relink(body, definitions, devices), body.as_hash()) else {
        return body.clone();
    };
    let mut hash = hash.clone();
    hash.insert(Yaml::from_str("link"), Yaml::String(id));
    Yaml::Hash(hash)
}

/// The new parent id of a VLAN device, if it changes.
fn relink(body: &Yaml, definitions: &[Definition], devices: &[Nic]) -> Option<String> {
    let link = body["link"].as_str()?;
    let below = definitions.iter().find(|known| known.id == link && known.section == "ethernets")?;
    let device = devices.iter().find(|device| below.applies(device))?;
    Some(id_of(definitions, device)).filter(|id| id != link)
}

/// The new parent ids of the document's VLAN devices.
fn relinks(network: &Hash, definitions: &[Definition], devices: &[Nic]) -> Vec<String> {
    let vlans = network.get(&Yaml::from_str("vlans")).and_then(Yaml::as_hash);
    vlans.into_iter().flatten().filter_map(|(_, body)| relink(body, definitions, devices)).collect()
}
