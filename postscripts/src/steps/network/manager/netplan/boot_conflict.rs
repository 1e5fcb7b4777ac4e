//! Foreign bridges, bonds and VRFs that have one of our devices: at boot they would take it. Pure.

use super::super::dialect::RefusedSetting;
use super::super::nic::Nic;
use super::super::tree::{File, Tree};
use super::document::{Entry, entries, parse, texts};
use super::matching::Definition;
use super::settings::Source;

const ADVICE: &str = "remove it from these interfaces, or add that device to the tables";

/// The first such definition.
pub(super) fn taker(tree: &Tree, definitions: &[Definition], devices: &[Nic]) -> Option<RefusedSetting> {
    let foreign = tree.files().iter().filter(|file| !file.is_ours());
    foreign.filter_map(|file| taker_in(file, definitions, devices)).next()
}

fn taker_in(file: &File, definitions: &[Definition], devices: &[Nic]) -> Option<RefusedSetting> {
    let document = parse(&file.text)?;
    let is_ours = |id: &str| devices.iter().any(|device| device.name.as_str() == id);
    let takes = |entry: &Entry<'_>| matches!(entry.section, "bridges" | "bonds" | "vrfs");
    entries(&document)
        .filter(|entry| takes(entry) && !is_ours(entry.id))
        .find_map(|entry| refused(file, entry, definitions, devices))
}

fn refused(
    file: &File,
    entry: Entry<'_>,
    definitions: &[Definition],
    devices: &[Nic],
) -> Option<RefusedSetting> {
    let device_of = |id: &str| {
        let definition = definitions.iter().find(|known| known.id == id);
        devices.iter().find(|device| match definition {
            Some(definition) => definition.applies(device),
            None => device.name.as_str() == id,
        })
    };
    let (id, nic) = texts(&entry.body["interfaces"])
        .into_iter()
        .find_map(|id| device_of(&id).map(|nic| (id.clone(), nic)))?;
    let place = Source { file, id: entry.id }.place(&id);
    Some(RefusedSetting {
        file: place.file,
        line: place.line,
        setting: format!("{}.{}: interfaces", entry.section, entry.id),
        interface: nic.name.clone(),
        advice: ADVICE,
    })
}
