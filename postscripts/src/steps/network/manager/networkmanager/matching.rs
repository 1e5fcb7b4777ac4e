//! Which profile NetworkManager applies to an interface: the active one, else the one that it would activate
//! (nm-settings(5); NetworkManager, `check_connection_compatible` and
//! `nm_settings_connection_cmp_autoconnect_priority_with_data`). Pure.

use std::cmp::Reverse;

use inventory::MacAddr;

use super::super::glob;
use super::super::ini::Ini;
use super::super::nic::Nic;
use super::super::tree::{File, Tree};

/// File with the last activation of each profile: seconds by UUID.
pub(super) const TIMESTAMPS: &str = "/var/lib/NetworkManager/timestamps";

/// A profile with its sort criteria.
struct Candidate<'a> {
    file: &'a File,
    uuid: String,
    priority: i64,
    timestamp: u64,
    autoconnects: bool,
}

/// The profile that an interface has, or would get.
pub(super) fn profile_of<'a>(tree: &'a Tree, nic: &Nic) -> Option<&'a File> {
    let profiles = tree.files().iter().filter(|file| !super::is_ifcfg(file));
    let mut candidates: Vec<Candidate<'_>> = profiles
        .filter(|file| applies(&Ini::parse(&file.text), nic))
        .map(|file| candidate(tree, file))
        .collect();
    let is_active = |candidate: &&Candidate<'_>| nic.profile.as_ref() == Some(&candidate.uuid);
    if let Some(active) = candidates.iter().find(is_active) {
        return Some(active.file);
    }
    candidates.retain(|candidate| candidate.autoconnects);
    candidates.sort_by_key(|candidate| {
        (Reverse(candidate.priority), Reverse(candidate.timestamp), candidate.uuid.clone())
    });
    candidates.first().map(|candidate| candidate.file)
}

fn candidate<'a>(tree: &Tree, file: &'a File) -> Candidate<'a> {
    let ini = Ini::parse(&file.text);
    let uuid = ini.get("connection", "uuid").unwrap_or_default().to_owned();
    let number = |key| ini.get("connection", key).and_then(|value| value.parse().ok());
    let timestamps = tree.files().iter().filter(|file| file.path.as_os_str() == TIMESTAMPS);
    let timestamp = timestamps
        .filter_map(|file| Ini::parse(&file.text).get("timestamps", &uuid)?.parse().ok())
        .next()
        .or_else(|| ini.get("connection", "timestamp")?.parse().ok());
    Candidate {
        priority: number("autoconnect-priority").unwrap_or_default(),
        timestamp: timestamp.unwrap_or_default(),
        autoconnects: !matches!(ini.get("connection", "autoconnect"), Some("false" | "no" | "0")),
        uuid,
        file,
    }
}

/// Whether a profile can be activated on an interface.
pub(super) fn applies(ini: &Ini<'_>, nic: &Nic) -> bool {
    let is_named = ini.get("connection", "interface-name").filter(|name| !name.is_empty());
    let has_name = |name: &str| nic.name.as_str() == name;
    is_of_type(ini, nic, is_named.is_some())
        && is_named.is_none_or(has_name)
        && is_one(&list(ini, "match", "interface-name"), Some(nic.name.as_str()))
        && is_one(&list(ini, "match", "driver"), nic.driver.as_deref())
        && is_one(&list(ini, "match", "path"), nic.property("ID_PATH"))
        && hardware(ini).is_none_or(|mac| nic.hardware_mac() == Some(mac))
        && !is_blocked(ini, nic)
}

/// A profile of another type applies to the device that it creates, by name. A profile for Ethernet applies
/// to every NIC.
fn is_of_type(ini: &Ini<'_>, nic: &Nic, is_named: bool) -> bool {
    match ini.get("connection", "type") {
        Some("ethernet" | "802-3-ethernet") => is_named || matches!(nic.kind.as_str(), "" | "veth"),
        _ => is_named,
    }
}

/// The MAC to which a profile is bound.
pub(super) fn hardware(ini: &Ini<'_>) -> Option<MacAddr> {
    let sections = ["ethernet", "802-3-ethernet"];
    sections.iter().find_map(|section| ini.get(section, "mac-address")).and_then(mac)
}

/// Parses `00:11:22:33:44:55`; in old files `0;17;34;51;68;85;`.
fn mac(text: &str) -> Option<MacAddr> {
    let numbers: Vec<u8> =
        text.split_terminator(';').filter_map(|number| number.trim().parse().ok()).collect();
    <[u8; 6]>::try_from(numbers).map(MacAddr::from).ok().or_else(|| text.parse().ok())
}

fn is_blocked(ini: &Ini<'_>, nic: &Nic) -> bool {
    let sections = ["ethernet", "802-3-ethernet"];
    let keys = ["mac-address-blacklist", "mac-address-denylist"];
    let lists = sections.iter().flat_map(|section| keys.iter().map(move |key| list(ini, section, key)));
    lists.flatten().any(|word| nic.hardware_mac().is_some_and(|mac| word.parse() == Ok(mac)))
}

fn list<'a>(ini: &Ini<'a>, section: &str, key: &str) -> Vec<&'a str> {
    let value = ini.get(section, key).unwrap_or_default();
    value.split([';', ',']).map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// nm-settings(5), `match`: one of the plain words must match, each word after `&`, and no word after `!`.
fn is_one(words: &[&str], value: Option<&str>) -> bool {
    let (mut has_optional, mut found) = (false, false);
    for word in words {
        let (is_mandatory, word) = word.strip_prefix('&').map_or((false, *word), |rest| (true, rest));
        let word = word.strip_prefix('|').unwrap_or(word);
        let (inverted, pattern) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
        let pattern = pattern.strip_prefix('\\').unwrap_or(pattern);
        let matched = value.is_some_and(|value| glob::matches(pattern, value)) != inverted;
        match is_mandatory || inverted {
            true if !matched => return false,
            true => {}
            false => {
                has_optional = true;
                found |= matched;
            }
        }
    }
    found || !has_optional
}

/// Whether a profile can only apply to these interfaces: by name, MAC, or a list of plain names.
pub(super) fn is_theirs(ini: &Ini<'_>, nics: &[Nic]) -> bool {
    let has_name = |name: &&str| nics.iter().any(|nic| nic.name.as_str() == *name);
    if let Some(name) = ini.get("connection", "interface-name").filter(|name| !name.is_empty()) {
        return has_name(&name);
    }
    let names = list(ini, "match", "interface-name");
    let is_plain = |name: &&str| !glob::is_pattern(name) && !name.starts_with(['!', '&', '|']);
    let is_listed = !names.is_empty() && names.iter().all(|name| is_plain(name) && has_name(name));
    let by_mac = hardware(ini).is_some_and(|mac| nics.iter().any(|nic| nic.hardware_mac() == Some(mac)));
    is_listed || by_mac && nics.iter().any(|nic| applies(ini, nic))
}
