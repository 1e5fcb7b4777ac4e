//! What ifupdown believes is up (`/run/network/ifstate`, and a file per interface; ifupdown's main.c, `update_state` and
//! `lock_interface`). We moved the network under it: without this, a restart of networking.service would
//! leave the bridge out on the way down and then fail to add the address that it has on the way up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::{Change, FileError};
use process::{Command, ExecuteError};
use thiserror::Error;

use crate::steps::network::resolve::Bridge;

const DIRECTORY: &str = "/run/network";
const LEASES: &str = "/var/lib/dhcp";
const DEADLINE: Duration = Duration::from_secs(90);

/// ifupdown's belief or its DHCP client could not be moved.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command.
    #[error("cannot move the DHCP client of {port} to {bridge}")]
    Dhcp {
        /// The NIC.
        port: String,
        /// The bridge.
        bridge: String,
        /// Why.
        #[source]
        source: Box<ExecuteError>,
    },
}

/// Makes ifupdown believe what is; `true` when that was news. `dhcp`: bridges whose NIC has had a DHCP client until now.
///
/// # Errors
/// A file or the DHCP client.
pub async fn hand_over(bridges: &[Bridge], dhcp: &[Bridge]) -> Result<bool, StateError> {
    if !Path::new(DIRECTORY).is_dir() {
        return Ok(false);
    }
    for bridge in dhcp {
        release_client(bridge).await?;
    }
    let mut news = believe(Path::new(DIRECTORY), bridges, dhcp)?;
    for bridge in dhcp {
        // asks for the lease that the NIC had: the bridge has its MAC, so the server gives it again
        run("ifup", &[bridge.name.as_str()], bridge).await?;
        news = true;
    }
    Ok(news)
}

/// Ends the NIC's client without giving its lease back (`dhclient -x`), and hands the lease to the bridge.
async fn release_client(bridge: &Bridge) -> Result<(), StateError> {
    let of = |name: &str| Path::new(LEASES).join(format!("dhclient.{name}.leases"));
    let pid_file = format!("/run/dhclient.{}.pid", bridge.port);
    if Path::new(&pid_file).exists() {
        run("dhclient", &["-x", "-pf", &pid_file], bridge).await?;
    }
    if let Ok(leases) = std::fs::read_to_string(of(bridge.port.as_str())) {
        let named = |name: &str| format!("interface \"{name}\";");
        let leases = leases.replace(&named(bridge.port.as_str()), &named(bridge.name.as_str()));
        durable::replace(&of(bridge.name.as_str()), leases.as_bytes(), 0o644)?;
    }
    Ok(())
}

async fn run(program: &str, words: &[&str], bridge: &Bridge) -> Result<(), StateError> {
    let ran = Command::new(program, DEADLINE).args(words).execute().await.map(drop);
    let (port, name) = (bridge.port.to_string(), bridge.name.to_string());
    ran.map_err(|source| StateError::Dhcp { port, bridge: name, source: Box::new(source) })
}

fn believe(directory: &Path, bridges: &[Bridge], dhcp: &[Bridge]) -> Result<bool, StateError> {
    let path = directory.join("ifstate");
    let now = std::fs::read_to_string(&path).unwrap_or_default();
    let gone: Vec<&str> = bridges.iter().map(|bridge| bridge.port.as_str()).collect();
    // the ones with DHCP are brought up by ifup, which must not believe that they are up already
    let up: Vec<&str> =
        bridges.iter().filter(|bridge| !dhcp.contains(bridge)).map(|bridge| bridge.name.as_str()).collect();
    let mut news = durable::replace(&path, moved(&now, &gone, &up).as_bytes(), 0o644)? == Change::Written;
    for name in up {
        let state = format!("{name}\n");
        news |= durable::replace(&of(directory, name), state.as_bytes(), 0o644)? == Change::Written;
    }
    for name in gone {
        let state = of(directory, name);
        if std::fs::metadata(&state).is_ok_and(|meta| meta.len() > 0) {
            news |= durable::replace(&state, b"", 0o644)? == Change::Written;
        }
    }
    Ok(news)
}

fn of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("ifstate.{name}"))
}

/// The state file without the interfaces that are ports now, and with the bridges. Lines are `INTERFACE=STANZA`.
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
