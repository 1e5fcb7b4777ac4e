//! The manager that runs is told: the kernel is as the files now say. Each was tried on booted hosts, with ten pings a second:
//!
//! | manager | how | pings lost |
//! |---|---|---|
//! | systemd-networkd | `networkctl reload` takes the devices that are there | 0 |
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

/// NetworkManager waits 45 s for DHCP on a device that it starts (nm-settings, `ipv4.dhcp-timeout`).
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The manager does not follow.
#[derive(Debug, Error)]
pub enum AdoptError {
    /// A command.
    #[error("cannot reload {manager} with the new network")]
    Command {
        /// Whom.
        manager: Manager,
        /// Why.
        #[source]
        source: Box<ExecuteError>,
    },
    /// Its files.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its state.
    #[error("cannot update ifupdown's state files")]
    State(#[from] FileError),
}

/// After the kernel and the files have become `network`; `changed`: the files that were written or removed; `stopped`: its daemon was.
///
/// # Errors
/// What the manager parsed.
pub async fn adopt(
    manager: Manager,
    network: &ResolvedNetwork,
    changed: &[PathBuf],
    stopped: bool,
) -> Result<(), AdoptError> {
    // it knows its devices by name, also one that was made anew
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
        // they read their files when somebody calls ifup, and keep no belief beside the kernel
        Manager::Ifcfg => Ok(()),
        Manager::Wicked => run(manager, "wicked", &["ifreload", "all"]).await,
        Manager::Networkd | Manager::Netplan => networkd::reload(manager).await,
        Manager::NetworkManager => networkmanager::adopt(network, changed).await,
    }
}

/// After kernel and files have become the old ones again.
///
/// # Errors
/// What the manager parsed.
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

/// Who has the devices: the manager itself, or whom netplan writes its files for, once it has written them.
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

/// `netplan generate` writes for the renderer that its files name.
#[allow(clippy::disallowed_methods, reason = "state of a program that runs, which is never written back")]
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
