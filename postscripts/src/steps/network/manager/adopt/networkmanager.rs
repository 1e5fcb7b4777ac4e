//! Activates our profiles in NetworkManager. Until then it treats an existing bridge as foreign ("connected
//! (externally)"). Activation keeps the bridge's addresses.

use std::path::PathBuf;

use super::{AdoptError, Manager, ask, run};
use crate::steps::network::resolved::{Kind, ResolvedNetwork};

const MANAGER: Manager = Manager::NetworkManager;

/// Prefix of our profiles' names.
const PREFIX: &str = "xdock-";

/// A profile, as `nmcli -t -f NAME,UUID,DEVICE,STATE connection show` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Profile {
    name: String,
    uuid: String,
    device: String,
    active: bool,
}

/// Activates our profiles that are inactive or have changed.
pub(super) async fn adopt(network: &ResolvedNetwork, changed: &[PathBuf]) -> Result<(), AdoptError> {
    run(MANAGER, "nmcli", &["connection", "reload"]).await?;
    for profile in to_activate(profiles().await?, network, changed) {
        // changes that cannot be reapplied in place need an activation
        let applied =
            profile.active && run(MANAGER, "nmcli", &["device", "reapply", &profile.device]).await.is_ok();
        if !applied {
            run(MANAGER, "nmcli", &["connection", "up", "uuid", &profile.uuid]).await?;
        }
    }
    Ok(())
}

/// Activates the previous profiles: each NIC gets the one that it would get at boot. A NIC whose address was
/// restored before its profile is "connected (externally)", with a generated profile, until its own is
/// activated.
pub(super) async fn roll_back() -> Result<(), AdoptError> {
    run(MANAGER, "nmcli", &["connection", "reload"]).await?;
    let mut idle = Vec::new();
    for profile in profiles().await?.into_iter().filter(|profile| !profile.active) {
        let words = ["-g", "connection.interface-name,connection.autoconnect", "connection", "show", "uuid"];
        let parsed = ask(MANAGER, "nmcli", &[words.as_slice(), &[profile.uuid.as_str()]].concat()).await?;
        if let Some((device, "yes")) = parsed.split_once('\n') {
            idle.push((device.to_owned(), profile.uuid));
        }
    }
    let devices = ask(MANAGER, "nmcli", &["-t", "-f", "DEVICE,TYPE,STATE", "device"]).await?;
    for line in devices.lines() {
        let words = split(line);
        let [device, kind, state] = words.as_slice() else { continue };
        if matches!(kind.as_str(), "ethernet" | "bond" | "vlan" | "bridge") && state != "connected" {
            activate(device, state, &idle).await;
        }
    }
    Ok(())
}

/// Activates a profile of a device. A device without a profile is left alone, because "device connect" would
/// write a profile with DHCP for it. Does not wait for a DHCP server: the caller checks the result.
async fn activate(device: &str, state: &str, idle: &[(String, String)]) {
    let which = match idle.iter().find(|(of, _)| of == device) {
        Some((_, profile)) => ["uuid", profile.as_str()],
        None if state == "disconnected" => ["ifname", device],
        None => return,
    };
    let words = [["--wait", "5", "connection", "up"].as_slice(), &which].concat();
    let _ = run(MANAGER, "nmcli", &words).await;
}

async fn profiles() -> Result<Vec<Profile>, AdoptError> {
    let words = ["-t", "-f", "NAME,UUID,DEVICE,STATE", "connection", "show"];
    Ok(ask(MANAGER, "nmcli", &words).await?.lines().filter_map(read).collect())
}

fn read(line: &str) -> Option<Profile> {
    let words = split(line);
    let [name, uuid, device, state] = words.as_slice() else { return None };
    let active = state == "activated";
    Some(Profile { name: name.clone(), uuid: uuid.clone(), device: device.clone(), active })
}

/// Splits a line of nmcli(1) `--terse`: fields end at a colon, and a backslash precedes a colon in a value.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' => words.push(String::new()),
            letter => {
                let letter = if letter == '\\' { letters.next() } else { Some(letter) };
                if let Some(word) = words.last_mut() {
                    word.extend(letter);
                }
            }
        }
    }
    words
}

/// The profiles to activate, masters before their ports.
fn to_activate(profiles: Vec<Profile>, network: &ResolvedNetwork, changed: &[PathBuf]) -> Vec<Profile> {
    let is_changed = |profile: &Profile| {
        let file = format!("{}.nmconnection", profile.name);
        changed.iter().any(|path| path.file_name().is_some_and(|name| name == file.as_str()))
    };
    let ours = profiles.into_iter().filter(|profile| profile.name.starts_with(PREFIX));
    let mut to_activate: Vec<Profile> =
        ours.filter(|profile| !profile.active || is_changed(profile)).collect();
    to_activate.sort_by_key(|profile| rank(profile, network));
    to_activate
}

fn rank(profile: &Profile, network: &ResolvedNetwork) -> usize {
    let name = profile.name.strip_prefix(PREFIX).unwrap_or_default();
    let device = network.devices.iter().find(|device| device.name.as_str() == name);
    match device.map(|device| &device.kind) {
        // the parts of an Open vSwitch bridge: bridge, ports, interface
        None if name.ends_with("-bridge") => 0,
        None => 1,
        Some(Kind::Bridge { .. } | Kind::OvsBridge { .. }) => 2,
        Some(Kind::Bond { .. }) => 3,
        Some(Kind::Vlan { .. }) => 4,
        Some(Kind::Ethernet) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::network::resolved::Device;

    fn profile(name: &str, active: bool) -> Profile {
        Profile { name: name.to_owned(), uuid: name.to_owned(), device: String::new(), active }
    }

    #[test]
    fn a_line_of_nmcli_is_read_with_its_backslashes() {
        let line = r"xdock-a\:b\\c:5c0e:mynet0:activated";
        let wanted = Profile {
            name: r"xdock-a:b\c".to_owned(),
            uuid: "5c0e".to_owned(),
            device: "mynet0".to_owned(),
            active: true,
        };
        assert_eq!(read(line), Some(wanted));
    }

    #[test]
    fn masters_start_before_their_ports_and_what_is_so_is_left_alone() {
        let network = ResolvedNetwork {
            devices: vec![
                Device::bare("eth0".parse().unwrap(), Kind::Ethernet),
                Device::bare("br0".parse().unwrap(), Kind::Bridge { port: "eth0".parse().unwrap() }),
            ],
        };
        let all = [profile("xdock-eth0", false), profile("eth9", false), profile("xdock-br0", true)];
        let names = |changed: &[&str]| -> Vec<String> {
            let changed: Vec<PathBuf> = changed.iter().map(PathBuf::from).collect();
            to_activate(all.to_vec(), &network, &changed).into_iter().map(|profile| profile.name).collect()
        };
        assert_eq!(names(&[]), ["xdock-eth0"]);
        assert_eq!(names(&["/etc/x/xdock-br0.nmconnection"]), ["xdock-br0", "xdock-eth0"]);
    }
}
