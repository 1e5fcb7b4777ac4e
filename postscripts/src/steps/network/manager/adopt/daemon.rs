//! Stops and starts the manager's daemon while a bridge is replaced. Until then its files have the old
//! bridge: systemd-networkd would reattach a NIC that was detached, and NetworkManager would create a removed
//! bridge again. Both leave the network unchanged when they stop, and take over the current one when they
//! start.

use std::time::Duration;

use process::{Command, ExecuteError};
use tokio::time::{Instant, sleep};

use super::{Manager, netplan_renders_for_networkmanager};

const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const NETWORKD: &str = "systemd-networkd.service";
/// Starts networkd at the next change of the network. Not every release has it.
const NETWORKD_SOCKET: &str = "systemd-networkd.socket";
const NETWORKMANAGER: &str = "NetworkManager.service";

/// Stops the daemon, if the manager has one.
///
/// # Errors
/// systemctl failed.
pub async fn stop(manager: Manager) -> Result<(), ExecuteError> {
    let Some(daemon) = daemon(manager) else { return Ok(()) };
    if daemon == NETWORKD {
        let _ = systemctl(&["stop", NETWORKD_SOCKET]).await;
    }
    systemctl(&["stop", daemon]).await
}

/// Starts the daemon, if the manager has one and it is not running.
///
/// # Errors
/// systemctl failed.
pub async fn start(manager: Manager) -> Result<(), ExecuteError> {
    let Some(daemon) = daemon(manager) else { return Ok(()) };
    if manager == Manager::Netplan {
        // netplan's units for Open vSwitch start with the daemon, and a unit of the previous files would
        // create the old bridge
        systemctl(&["daemon-reload"]).await?;
    }
    if daemon == NETWORKD {
        let _ = systemctl(&["start", NETWORKD_SOCKET]).await;
    }
    systemctl(&["start", daemon]).await?;
    if daemon == NETWORKMANAGER { wait_ready().await } else { Ok(()) }
}

/// Waits until nmcli works. NetworkManager is on the bus before it has the objects that nmcli reads.
async fn wait_ready() -> Result<(), ExecuteError> {
    let end = Instant::now() + COMMAND_TIMEOUT;
    loop {
        let asked = Command::new("nmcli", COMMAND_TIMEOUT).args(["-t", "-f", "UUID", "connection", "show"]);
        match asked.execute().await {
            Err(_) if Instant::now() < end => sleep(POLL_INTERVAL).await,
            answered => return answered.map(drop),
        }
    }
}

fn daemon(manager: Manager) -> Option<&'static str> {
    match manager {
        Manager::Networkd => Some(NETWORKD),
        Manager::NetworkManager => Some(NETWORKMANAGER),
        Manager::Netplan if netplan_renders_for_networkmanager() => Some(NETWORKMANAGER),
        Manager::Netplan => Some(NETWORKD),
        Manager::Ifupdown | Manager::Ifcfg | Manager::Wicked => None,
    }
}

async fn systemctl(args: &[&str]) -> Result<(), ExecuteError> {
    Command::new("systemctl", COMMAND_TIMEOUT).args(args).execute().await.map(drop)
}
