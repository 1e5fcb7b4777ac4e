//! Who runs this host's network. A file for ifupdown on a host of NetworkManager or networkd would not boot.

use std::path::Path;
use std::time::Duration;

use inventory::IfName;
use process::{Command, ExecuteError};
use thiserror::Error;

use super::files::Tree;
use crate::steps::network::resolve::Bridge;

const DEADLINE: Duration = Duration::from_secs(20);

/// Other managers: unit, and the directory that is there when it has run since the boot.
const OTHERS: [(&str, &str); 2] =
    [("NetworkManager", "/run/NetworkManager"), ("systemd-networkd", "/run/systemd/netif")];

/// Another manager than ifupdown has the network.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ManagerError {
    /// No ifupdown.
    #[error("this host has no ifupdown; only /etc/network/interfaces is supported yet")]
    NoIfupdown,
    /// A NIC that is not ifupdown's, where another manager runs.
    #[error(
        "{manager} runs on this host and /etc/network/interfaces does not name {port}; only ifupdown is supported yet"
    )]
    Foreign {
        /// The manager.
        manager: &'static str,
        /// The NIC.
        port: IfName,
    },
}

/// Refuses a host whose network ifupdown does not make.
///
/// # Errors
/// Says who does.
pub async fn refuse_foreign(tree: &Tree, bridges: &[Bridge]) -> Result<(), ManagerError> {
    if !Path::new("/sbin/ifup").exists() {
        return Err(ManagerError::NoIfupdown);
    }
    let mut running = Vec::new();
    for (unit, directory) in OTHERS {
        // asking systemd costs more than all the rest of a run that has nothing to do
        if Path::new(directory).exists() && is_active(unit).await {
            running.push(unit);
        }
    }
    judge(tree, bridges, &running)
}

fn judge(tree: &Tree, bridges: &[Bridge], running: &[&'static str]) -> Result<(), ManagerError> {
    let Some(manager) = running.first().copied() else { return Ok(()) };
    let foreign = bridges.iter().find(|bridge| !tree.names(&bridge.port) && !tree.names(&bridge.name));
    match foreign {
        None => Ok(()),
        Some(bridge) => Err(ManagerError::Foreign { manager, port: bridge.port.clone() }),
    }
}

async fn is_active(unit: &str) -> bool {
    let asked: Result<_, ExecuteError> =
        Command::new("systemctl", DEADLINE).args(["is-active", "--quiet", unit]).execute().await;
    asked.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> (tempfile::TempDir, Tree) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("interfaces"), text).unwrap();
        let tree = Tree::read(directory.path()).unwrap();
        (directory, tree)
    }

    fn bridge() -> Bridge {
        Bridge {
            name: "mynet0".parse().unwrap(),
            port: "eth0".parse().unwrap(),
            addresses: vec![],
            gateways: vec![],
            mtu: None,
            networks: vec![],
        }
    }

    #[test]
    fn a_nic_of_another_manager_is_refused() {
        let (_keep, tree) = tree("auto lo\niface lo inet loopback\n");
        let error = judge(&tree, &[bridge()], &["NetworkManager"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "NetworkManager runs on this host and /etc/network/interfaces does not name eth0; only ifupdown is supported yet"
        );
        assert_eq!(judge(&tree, &[bridge()], &[]), Ok(()));
    }

    #[test]
    fn a_nic_of_ifupdown_is_ifupdowns_whoever_else_runs() {
        let (_keep, tree) = tree("iface eth0 inet dhcp\n");
        assert_eq!(judge(&tree, &[bridge()], &["NetworkManager"]), Ok(()));
    }
}
