//! Profiles that refer to another one by its UUID: VLANs (`parent`) and ports (`master`, `controller`). If
//! the other one is removed, they refer to its interface by name, which is equivalent (nm-settings(5)). Pure.

use inventory::IfName;

use super::super::ini::Ini;
use super::super::nic::Nic;
use super::super::tree::Tree;
use super::matching::{applies, is_theirs};

const KEYS: [&str; 3] = ["parent", "master", "controller"];

/// The text with names instead of the UUIDs of removed profiles.
pub(super) fn renamed(tree: &Tree, text: &str, devices: &[Nic]) -> String {
    let gone = gone(tree, devices);
    let line = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let (_, name) = gone.iter().find(|(uuid, _)| uuid == value.trim())?;
        KEYS.contains(&key.trim()).then(|| format!("{}={name}\n", key.trim()))
    };
    text.split_inclusive('\n').map(|old| line(old).unwrap_or_else(|| old.to_owned())).collect()
}

/// The UUIDs of removed profiles, each with its interface.
fn gone(tree: &Tree, devices: &[Nic]) -> Vec<(String, IfName)> {
    let foreign = tree.files().iter().filter(|file| !file.is_ours() && !super::is_ifcfg(file));
    let pair = |text: &str| {
        let ini = Ini::parse(text);
        let device =
            devices.iter().find(|device| applies(&ini, device)).filter(|_| is_theirs(&ini, devices))?;
        Some((ini.get("connection", "uuid")?.to_owned(), device.name.clone()))
    };
    foreign.filter_map(|file| pair(&file.text)).collect()
}
