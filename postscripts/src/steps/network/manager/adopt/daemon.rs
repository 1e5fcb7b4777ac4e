//! The manager's daemon, stopped while a bridge is replaced. Its files still have the old bridge then: systemd-networkd puts a NIC
//! that leaves it back, and NetworkManager makes a bridge again that was removed. Both leave the network as it is when
//! they stop, and take it as it is when they start.

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

/// Stops it; does nothing for a manager without a daemon.
///
/// # Errors
/// systemctl's.
pub async fn stop(manager: Manager) -> Result<(), ExecuteError> {
    let Some(daemon) = daemon(manager) else { return Ok(()) };
    if daemon == NETWORKD {
        let _ = systemctl(&["stop", NETWORKD_SOCKET]).await;
    }
    systemctl(&["stop", daemon]).await
}

/// Starts it again; does nothing where it runs.
///
/// # Errors
/// systemctl's.
pub async fn start(manager: Manager) -> Result<(), ExecuteError> {
    let Some(daemon) = daemon(manager) else { return Ok(()) };
    if manager == Manager::Netplan {
        // netplan has units for Open vSwitch that start with the daemon, and a unit of old files would make an old bridge again
        systemctl(&["daemon-reload"]).await?;
    }
    if daemon == NETWORKD {
        let _ = systemctl(&["start", NETWORKD_SOCKET]).await;
    }
    systemctl(&["start", daemon]).await?;
    if daemon == NETWORKMANAGER { wait_ready().await } else { Ok(()) }
}

/// NetworkManager has its name on the bus before it has the objects that nmcli asks.
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
