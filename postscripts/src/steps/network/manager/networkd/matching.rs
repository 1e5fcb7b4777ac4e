//! Which `.network` file systemd-networkd applies to an interface: systemd.network(5), `[Match]` (systemd,
//! net-condition.c). Pure.

use std::path::Path;

use inventory::MacAddr;

use super::super::dialect::file_name;
use super::super::glob;
use super::super::ini::Ini;
use super::super::nic::Nic;
use super::super::tree::{File, Tree};

/// Directories by rank: a file hides files of the same name in later ones.
const RANKS: [&str; 4] = [
    "/etc/systemd/network",
    "/run/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
];

/// Conditions on the host. Whether they are met is only known of the file that networkd applies now.
const CONDITIONS: [&str; 8] = [
    "Host",
    "Virtualization",
    "KernelCommandLine",
    "KernelVersion",
    "Version",
    "Credential",
    "Architecture",
    "Firmware",
];
/// Properties of wireless interfaces.
const WIRELESS: [&str; 3] = ["WLANInterfaceType", "SSID", "BSSID"];

/// The `.network` files in networkd's order, each followed by its drop-ins.
pub(super) fn networks(tree: &Tree) -> Vec<Vec<&File>> {
    let mut files: Vec<&File> =
        tree.files().iter().filter(|file| file_name(&file.path).ends_with(".network")).collect();
    files.sort_by_key(|file| (file_name(&file.path), rank(&file.path)));
    files.dedup_by_key(|file| file_name(&file.path));
    files.into_iter().map(|file| [file].into_iter().chain(dropins(tree, file)).collect()).collect()
}

/// The drop-ins of a file, by name.
fn dropins<'a>(tree: &'a Tree, file: &File) -> Vec<&'a File> {
    let directory = format!("{}.d", file_name(&file.path));
    let is_of = |path: &Path| path.parent().is_some_and(|parent| file_name(parent) == directory);
    let mut dropins: Vec<&File> = tree.files().iter().filter(|file| is_of(&file.path)).collect();
    dropins.sort_by_key(|file| (file_name(&file.path), rank(&file.path)));
    dropins.dedup_by_key(|file| file_name(&file.path));
    dropins
}

fn rank(path: &Path) -> usize {
    RANKS.iter().position(|directory| path.starts_with(directory)).unwrap_or(RANKS.len())
}

/// Whether a file with its drop-ins applies to an interface. Without conditions it applies to none.
pub(super) fn applies(ini: &Ini<'_>, file: &File, nic: &Nic) -> bool {
    let keys: Vec<&str> = ini.sections("Match").flatten().map(|(key, _)| *key).collect();
    let is_unknown = |key: &&str| CONDITIONS.contains(key);
    !keys.is_empty()
        && !keys.iter().any(|key| WIRELESS.contains(key))
        && (!keys.iter().any(is_unknown) || nic.network_file.as_deref() == Some(file.path.as_path()))
        && is_one(&patterns(ini, "Name"), &nic.names().collect::<Vec<_>>())
        && is_one(&patterns(ini, "Type"), &[nic.device_type.as_str()])
        && is_one(&patterns(ini, "Kind"), &[nic.kind.as_str()])
        && is_one(&patterns(ini, "Driver"), &nic.driver.as_deref().into_iter().collect::<Vec<_>>())
        && is_one(&patterns(ini, "Path"), &nic.property("ID_PATH").into_iter().collect::<Vec<_>>())
        && has_mac(ini, "MACAddress", nic.mac)
        && has_mac(ini, "PermanentMACAddress", nic.permanent_mac)
        && ini.list("Match", "Property").into_iter().all(|property| has_property(nic, property))
}

/// The patterns of a key. A `!` before a list applies to each of its words.
fn patterns(ini: &Ini<'_>, key: &str) -> Vec<String> {
    let values = ini.values("Match", key);
    let begin = values.iter().rposition(|value| value.is_empty()).unwrap_or_default();
    let words = |value: &str| -> Vec<String> {
        let (not, list) = value.strip_prefix('!').map_or(("", value), |list| ("!", list));
        list.split_whitespace().map(|word| format!("{not}{}", word.trim_matches('"'))).collect()
    };
    values.into_iter().skip(begin).flat_map(words).collect()
}

/// None of the inverted patterns matches, and at least one of the others, if there are any
/// (`net_condition_test_strv`).
fn is_one(patterns: &[String], values: &[&str]) -> bool {
    let matches = |pattern: &str| values.iter().any(|value| glob::matches(pattern, value));
    let (inverted, positive): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.starts_with('!'));
    !inverted.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(matches)
        && (positive.is_empty() || positive.iter().any(|pattern| matches(pattern)))
}

fn has_mac(ini: &Ini<'_>, key: &str, mac: Option<MacAddr>) -> bool {
    let wanted = ini.list("Match", key);
    wanted.is_empty() || mac.is_some_and(|mac| wanted.iter().any(|word| word.parse() == Ok(mac)))
}

/// `KEY=PATTERN` or `!KEY=PATTERN`.
fn has_property(nic: &Nic, property: &str) -> bool {
    let (inverted, property) = property.strip_prefix('!').map_or((false, property), |rest| (true, rest));
    let Some((key, pattern)) = property.split_once('=') else { return false };
    nic.property(key).is_some_and(|value| glob::matches(pattern, value)) != inverted
}

/// For a file whose `[Match]` lists interfaces one by one: the key, and the words for these interfaces.
pub(super) struct Listed {
    pub(super) key: &'static str,
    pub(super) words: Vec<String>,
    pub(super) ours: Vec<bool>,
}

/// The list with the interfaces; `None` if there is none, or if it matches them by patterns.
pub(super) fn listed(ini: &Ini<'_>, nics: &[Nic]) -> Option<Listed> {
    let is_named = |word: &str| nics.iter().any(|nic| nic.names().any(|name| name == word));
    let is_mac = |word: &str, mac: fn(&Nic) -> Option<MacAddr>| {
        nics.iter().any(|nic| mac(nic).is_some_and(|mac| word.parse() == Ok(mac)))
    };
    let found = |key: &'static str, is_ours: &dyn Fn(&str) -> bool| {
        let words: Vec<String> = patterns(ini, key);
        let ours: Vec<bool> = words.iter().map(|word| is_ours(word)).collect();
        ours.contains(&true).then_some(Listed { key, words, ours })
    };
    found("Name", &is_named)
        .or_else(|| found("PermanentMACAddress", &|word| is_mac(word, |nic| nic.permanent_mac)))
        .or_else(|| found("MACAddress", &|word| is_mac(word, |nic| nic.mac)))
}
