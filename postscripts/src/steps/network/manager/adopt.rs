//! Reloads the running network manager, so that its state matches the kernel and the new files. Each method
//! was tested on booted hosts with ten pings per second:
//!
//! | manager | method | pings lost |
//! |---|---|---|
//! | systemd-networkd | `networkctl reload` takes over the existing devices | 0 |
//! | netplan | `netplan generate`, then as its renderer; `netplan apply` would restart it | 0 |
//! | NetworkManager | reload, then each of our profiles, masters first | 0 or 1 |
//! | ifupdown | runs nothing; its state files are written ([`super::ifupdown::ifstate`]) | 0 |

pub mod daemon;
mod networkd;
mod networkmanager;

use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use thiserror::Error;

use super::ifupdown::ifstate;
use super::{Manager, Nics, ReadError, Tree};
use crate::steps::network::resolved::ResolvedNetwork;

/// NetworkManager waits 45 s for DHCP on a device that it activates (nm-settings, `ipv4.dhcp-timeout`).
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The manager cannot be reloaded.
#[derive(Debug, Error)]
pub enum AdoptError {
    /// A command failed.
    #[error("cannot reload {manager} with the new network")]
    Command {
        /// The manager.
        manager: Manager,
        /// Cause.
        #[source]
        source: Box<ExecuteError>,
    },
    /// The manager's files cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// ifupdown's state files cannot be written.
    #[error("cannot update ifupdown's state files")]
    State(#[from] FileError),
}

/// Reloads the manager after kernel and files have become `network`. `changed`: files that were written or
/// removed; `stopped`: the daemon was stopped.
///
/// # Errors
/// The manager's error.
pub async fn adopt(
    manager: Manager,
    network: &ResolvedNetwork,
    changed: &[PathBuf],
    stopped: bool,
) -> Result<(), AdoptError> {
    // these managers find their devices by name, also one that was replaced
    if changed.is_empty() && !stopped && matches!(manager, Manager::Networkd | Manager::Netplan) {
        return Ok(());
    }
    let renderer = renderer(manager).await?;
    if stopped {
        let started = daemon::start(manager).await;
        started.map_err(|source| AdoptError::Command { manager, source: Box::new(source) })?;
    }
    match renderer {
        Manager::Ifupdown => ifupdown(network).await,
        // network-scripts read their files at each ifup and keep no state
        Manager::Ifcfg => Ok(()),
        Manager::Wicked => run(manager, "wicked", &["ifreload", "all"]).await,
        Manager::Networkd | Manager::Netplan => networkd::reload(manager).await,
        Manager::NetworkManager => networkmanager::adopt(network, changed).await,
    }
}

/// Reloads the manager after kernel and files were rolled back.
///
/// # Errors
/// The manager's error.
pub async fn roll_back(manager: Manager) -> Result<(), AdoptError> {
    match renderer(manager).await? {
        Manager::Ifupdown => {
            Ok(ifstate::sync_with_files(&Tree::read(Path::new("/"), manager, &Nics::default())?)?)
        }
        Manager::Ifcfg => Ok(()),
        Manager::Wicked => run(manager, "wicked", &["ifreload", "all"]).await,
        Manager::Networkd | Manager::Netplan => networkd::reload(manager).await,
        Manager::NetworkManager => networkmanager::roll_back().await,
    }
}

/// The program that configures the devices: the manager itself, or netplan's renderer after netplan has
/// written its files.
async fn renderer(manager: Manager) -> Result<Manager, AdoptError> {
    if manager != Manager::Netplan {
        return Ok(manager);
    }
    run(manager, "netplan", &["generate"]).await?;
    Ok(if netplan_renders_for_networkmanager() { Manager::NetworkManager } else { Manager::Networkd })
}

async fn ifupdown(network: &ResolvedNetwork) -> Result<(), AdoptError> {
    let tree = Tree::read(Path::new("/"), Manager::Ifupdown, &Nics::default())?;
    ifstate::take_over(&tree, network)
        .await
        .map_err(|source| AdoptError::Command { manager: Manager::Ifupdown, source: Box::new(source) })?;
    Ok(ifstate::sync_with_files(&tree)?)
}

/// `netplan generate` writes files for the renderer that is set in netplan's files.
#[allow(clippy::disallowed_methods, reason = "state of a running program, never written back")]
fn netplan_renders_for_networkmanager() -> bool {
    let directory = std::fs::read_dir("/run/NetworkManager/system-connections").into_iter().flatten();
    directory.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with("netplan-"))
}

async fn run(manager: Manager, program: &str, args: &[&str]) -> Result<(), AdoptError> {
    let ran = Command::new(program, COMMAND_TIMEOUT).args(args).execute().await;
    ran.map(drop).map_err(|source| AdoptError::Command { manager, source: Box::new(source) })
}

async fn ask(manager: Manager, program: &str, args: &[&str]) -> Result<String, AdoptError> {
    let ran = Command::new(program, COMMAND_TIMEOUT).args(args).execute().await;
    ran.map(|parsed| parsed.text())
        .map_err(|source| AdoptError::Command { manager, source: Box::new(source) })
}
