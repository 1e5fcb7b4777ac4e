//! A DHCP client of ifupdown does not notice that its bridge was deleted and created again, and does not renew the lease. The
//! other managers start a client for each new device.

use std::path::Path;
use std::time::Duration;

use inventory::IfName;
use process::{Command, ExecuteError};

use super::super::manager::{Manager, Tree};
use super::Object;

/// ifup waits for the DHCP server.
const DEADLINE: Duration = Duration::from_secs(60);

/// Devices whose DHCP client must be started again.
pub(super) fn to_renew(tree: &Tree, restored: &[Object]) -> Vec<IfName> {
    let devices = restored.iter().filter_map(|object| match object {
        Object::Device(device) => Some(device),
        _ => None,
    });
    devices.filter(|device| tree.manager() == Manager::Ifupdown && tree.is_dhcp(device)).cloned().collect()
}

/// Ends the client of the deleted device, and starts one in a unit of its own: in ours it would end with the service, and could
/// not write its lease.
///
/// # Errors
/// A command, or no lease.
pub(super) async fn renew(device: &IfName) -> Result<(), ExecuteError> {
    let unit = format!("xdock-dhcp-{device}.service");
    let _ = execute("systemctl", &["stop", &unit]).await;
    let pid_file = format!("/run/dhclient.{device}.pid");
    if Path::new(&pid_file).exists() {
        let _ = execute("dhclient", &["-x", "-pf", &pid_file]).await;
    }
    let words = ["--quiet", "--collect", "--unit", &unit, "--service-type=oneshot", "--remain-after-exit"];
    let ifup = ["ifup", "--force", device.as_str()];
    execute("systemd-run", &[words.as_slice(), &ifup].concat()).await
}

async fn execute(program: &str, words: &[&str]) -> Result<(), ExecuteError> {
    Command::new(program, DEADLINE).args(words).execute().await.map(drop)
}
