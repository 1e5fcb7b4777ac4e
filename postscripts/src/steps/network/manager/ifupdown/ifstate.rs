//! ifupdown's state (`/run/network/ifstate`, and a file per interface; ifupdown's main.c, `update_state` and
//! `lock_interface`). The network was changed without ifupdown. With the old state, a restart of
//! networking.service would not take the bridge down, and then fail to add an address that already exists.

use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};

use super::super::Tree;
use super::interfaces;
use crate::steps::network::resolved::ResolvedNetwork;

const DIRECTORY: &str = "/run/network";
const LEASES: &str = "/var/lib/dhcp";
const COMMAND_TIMEOUT: Duration = Duration::from_secs(90);

/// Syncs ifstate with the files: what the files bring up is up. Entries of devices that the files do not name
/// are kept.
///
/// # Errors
/// A file cannot be read or written.
pub fn sync_with_files(tree: &Tree) -> Result<(), FileError> {
    let directory = Path::new(DIRECTORY);
    if !directory.is_dir() {
        return Ok(());
    }
    let up: Vec<&str> = tree.files().iter().flat_map(|file| interfaces::automatic(&file.text)).collect();
    let path = directory.join("ifstate");
    let now = durable::read_text(&path)?.unwrap_or_default();
    let believed = now.lines().filter_map(|line| line.split('=').next()).map(str::trim);
    let gone: Vec<&str> = believed.filter(|name| !up.contains(name) && !is_configured(tree, name)).collect();
    durable::replace(&path, moved(&now, &gone, &up).as_bytes(), 0o644)?;
    for name in up {
        durable::replace(&of(directory, name), format!("{name}\n").as_bytes(), 0o644)?;
    }
    for name in gone {
        let state = of(directory, name);
        if std::fs::metadata(&state).is_ok_and(|meta| meta.len() > 0) {
            durable::replace(&state, b"", 0o644)?;
        }
    }
    Ok(())
}

/// Whether hotplug or an administrator brought the interface up.
fn is_configured(tree: &Tree, name: &str) -> bool {
    tree.files().iter().any(|file| !interfaces::methods(&file.text, name).is_empty())
}

/// Moves the DHCP clients of NICs to the devices that have their addresses now. The bridge has the NIC's MAC,
/// so the server renews the lease for it.
///
/// # Errors
/// A command failed.
pub async fn take_over(tree: &Tree, network: &ResolvedNetwork) -> Result<(), ExecuteError> {
    for device in network.devices.iter().filter(|device| tree.is_dhcp(&device.name)) {
        for nic in network.below(&device.name) {
            let pid_file = format!("/run/dhclient.{nic}.pid");
            if !Path::new(&pid_file).exists() {
                continue;
            }
            execute("dhclient", &["-x", "-pf", &pid_file]).await?;
            // a lease that cannot be copied is requested again
            let _ = copy_lease(nic.as_str(), device.name.as_str());
            execute("ifup", &[device.name.as_str()]).await?;
        }
    }
    Ok(())
}

fn copy_lease(from: &str, to: &str) -> Result<(), FileError> {
    let of = |name: &str| Path::new(LEASES).join(format!("dhclient.{name}.leases"));
    let Some(leases) = durable::read_text(&of(from))? else { return Ok(()) };
    let named = |name: &str| format!("interface \"{name}\";");
    let leases = leases.replace(&named(from), &named(to));
    durable::replace(&of(to), leases.as_bytes(), 0o644).map(drop)
}

async fn execute(program: &str, words: &[&str]) -> Result<(), ExecuteError> {
    Command::new(program, COMMAND_TIMEOUT).args(words).execute().await.map(drop)
}

fn of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("ifstate.{name}"))
}

/// The state file without interfaces that are ports now, and with the bridges. A line is `INTERFACE=STANZA`.
fn moved(now: &str, gone: &[&str], up: &[&str]) -> String {
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let mut lines: Vec<String> =
        now.lines().filter(|line| !gone.contains(&name(line).as_str())).map(str::to_owned).collect();
    for bridge in up {
        if !lines.iter().any(|line| name(line) == *bridge) {
            lines.push(format!("{bridge}={bridge}"));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_go_and_bridges_come_once() {
        let moved_once = moved("lo=lo\neth0=eth0\n", &["eth0", "eth1"], &["mynet0"]);
        assert_eq!(moved_once, "lo=lo\nmynet0=mynet0\n");
        assert_eq!(moved(&moved_once, &["eth0", "eth1"], &["mynet0"]), moved_once);
    }
}
