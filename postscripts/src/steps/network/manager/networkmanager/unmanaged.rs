//! Devices that NetworkManager.conf(5) excludes from NetworkManager (`unmanaged-devices`). A bridge of ours
//! among them would have no network at boot. Pure.

use super::super::dialect::{RefusedSetting, file_name};
use super::super::glob;
use super::super::ini::{Ini, Setting};
use super::super::nic::Nic;
use super::super::tree::{File, Tree};

/// The main file, and directories by rank: a file hides files of the same name in later ones
/// (NetworkManager.conf(5)).
pub(super) const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
pub(super) const DIRECTORIES: [&str; 3] =
    ["/etc/NetworkManager/conf.d", "/run/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d"];

const ADVICE: &str = "remove the interface from that list, or exclude it there with except:interface-name:";

/// The first setting that makes one of our devices unmanaged.
pub(super) fn unmanaged(tree: &Tree, devices: &[Nic]) -> Option<RefusedSetting> {
    let files = configuration(tree);
    let settings: Vec<Setting<'_>> =
        files.iter().flat_map(|file| Ini::of(&[*file]).all().collect::<Vec<_>>()).collect();
    let lists = in_force(&settings);
    let of_device = |nic: &Nic| {
        let is_excepted =
            lists.iter().any(|list| words(list).any(|word| except(word).is_some_and(|spec| is(spec, nic))));
        let matches = |list: &&&Setting<'_>| words(list).any(|word| except(word).is_none() && is(word, nic));
        let list = lists.iter().find(matches).filter(|_| !is_excepted)?;
        Some(RefusedSetting {
            file: list.file.to_owned(),
            line: list.line,
            setting: format!("{}={}", list.key, list.value),
            interface: nic.name.clone(),
            advice: ADVICE,
        })
    };
    devices.iter().find_map(of_device)
}

/// The files in reading order, without ours and those that are hidden.
fn configuration(tree: &Tree) -> Vec<&File> {
    let rank = |file: &File| DIRECTORIES.iter().position(|directory| file.path.starts_with(directory));
    let mut files: Vec<(usize, &File)> =
        tree.files().iter().filter_map(|file| Some((rank(file)?, file))).collect();
    files.sort_by_key(|(rank, file)| (file_name(&file.path), *rank));
    files.dedup_by_key(|(_, file)| file_name(&file.path));
    // the main file first, then the vendor's and the administrator's
    files.sort_by_key(|(rank, file)| (*rank == 0, file_name(&file.path)));
    let main = tree.files().iter().filter(|file| file.path.as_os_str() == MAIN);
    main.chain(files.into_iter().map(|(_, file)| file)).filter(|file| !file.is_ours()).collect()
}

/// The effective lists: `=` replaces earlier ones, `+=` adds to them.
fn in_force<'a>(settings: &'a [Setting<'a>]) -> Vec<&'a Setting<'a>> {
    let mut lists: Vec<&Setting<'_>> = Vec::new();
    for setting in settings.iter().filter(|setting| setting.section == "keyfile") {
        match setting.key {
            "unmanaged-devices" => lists = vec![setting],
            "unmanaged-devices+" => lists.push(setting),
            _ => {}
        }
    }
    lists
}

fn words<'a>(list: &Setting<'a>) -> impl Iterator<Item = &'a str> {
    list.value.split([';', ',']).map(str::trim).filter(|word| !word.is_empty())
}

fn except(word: &str) -> Option<&str> {
    word.strip_prefix("except:")
}

/// `nm_match_spec_device`: `*`, `interface-name:PATTERN`, `interface-name:=NAME`, `mac:ADDRESS`, `type:`,
/// `driver:`, or only a name or address.
fn is(spec: &str, nic: &Nic) -> bool {
    let has_mac = |text: &str| nic.hardware_mac().or(nic.mac).is_some_and(|mac| text.parse() == Ok(mac));
    match spec.split_once(':') {
        _ if spec == "*" => true,
        Some(("interface-name", name)) => match name.strip_prefix('=') {
            Some(name) => nic.name.as_str() == name,
            None => glob::matches(name.strip_prefix('~').unwrap_or(name), nic.name.as_str()),
        },
        Some(("mac", address)) => has_mac(address),
        Some(("type", kind)) => is_type(kind, nic),
        Some(("driver", driver)) => nic.driver.as_deref().is_some_and(|own| glob::matches(driver, own)),
        _ => nic.name.as_str() == spec || has_mac(spec),
    }
}

fn is_type(kind: &str, nic: &Nic) -> bool {
    match kind {
        "ethernet" => nic.kind.is_empty() || nic.kind == "veth",
        "ovs-interface" => nic.kind == "openvswitch",
        kind => nic.kind == kind,
    }
}
