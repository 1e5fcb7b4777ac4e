//! Drop-ins that exclude our devices from foreign `.network` files that would take precedence: they come
//! earlier by name and match by a pattern, or are in a directory that xdock does not change. Pure.

use std::path::Path;

use super::super::device_template::DeviceTemplate;
use super::super::dialect::{OwnFile, SIGNATURE, file_name};
use super::super::ini::Ini;
use super::super::nic::Nic;
use super::super::tree::{File, Tree};
use super::matching::{applies, listed, networks};
use super::{DIRECTORY, OWN_PREFIX};

const NAME: &str = "xdock.conf";

/// A drop-in for each file that would apply to one of our devices before ours.
pub(super) fn exclusions(tree: &Tree, views: &[DeviceTemplate]) -> Vec<OwnFile> {
    let nics: Vec<Nic> = views.iter().filter_map(|view| planned_nic(tree, view)).collect();
    let mut drop_ins = Vec::new();
    for files in networks(tree) {
        let Some(file) = files.first().filter(|file| comes_first(file)) else { continue };
        let theirs: Vec<&File> = files.iter().filter(|file| !file.is_ours()).copied().collect();
        let ini = Ini::of(&theirs);
        let is_freed = file.path.starts_with("/etc") && listed(&Ini::of(&[file]), &nics).is_some();
        let matched: Vec<&str> =
            nics.iter().filter(|nic| applies(&ini, file, nic)).map(|nic| nic.name.as_str()).collect();
        if !matched.is_empty() && !is_freed {
            drop_ins.push(exclusion(file_name(&file.path), &matched));
        }
    }
    drop_ins
}

/// The drop-in that excludes devices from a file (systemd.network(5): `!` inverts the list).
pub(in super::super) fn exclusion(file: &str, devices: &[&str]) -> OwnFile {
    let text = format!(
        "{SIGNATURE}: changes here are lost.\n# These devices have files of xdockhost.\n[Match]\nName=!{}\n",
        devices.join(" ")
    );
    OwnFile::public(format!("{DIRECTORY}/{file}.d/{NAME}"), text)
}

fn comes_first(file: &File) -> bool {
    !file.is_ours() && file_name(&file.path) < OWN_PREFIX && !is_dropin(&file.path)
}

fn is_dropin(path: &Path) -> bool {
    super::super::dropins::is_dropin(path)
}

/// The device after the change: a bridge or bond has its NIC's MAC.
pub(in super::super) fn planned_nic(tree: &Tree, view: &DeviceTemplate) -> Option<Nic> {
    let nic = tree.nics().get(&view.name.parse().ok()?);
    let (kind, device_type, driver) = match view.kind {
        "ethernet" => return Some(nic),
        "ovs" => ("openvswitch", "ether", "openvswitch"),
        "bond" => ("bond", "bond", "bonding"),
        kind => (kind, kind, kind),
    };
    Some(Nic {
        kind: kind.to_owned(),
        device_type: device_type.to_owned(),
        driver: Some(driver.to_owned()),
        mac: view.mac.as_ref().and_then(|mac| mac.parse().ok()).or(nic.mac),
        ..nic
    })
}
