//! Reloads systemd-networkd. When it reads its files, it removes addresses and adds them again after
//! `networkctl reload` has returned. In between, the network has no addresses, and another reload would start
//! from the beginning.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AdoptError, Manager, ask, run};

/// A DHCP server may not answer. The caller checks the result.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Reloads the files and waits until networkd has applied them.
pub(super) async fn reload(manager: Manager) -> Result<(), AdoptError> {
    run(manager, "networkctl", &["reload"]).await?;
    let end = Instant::now() + SETTLE_TIMEOUT;
    while is_configuring(&ask(manager, "networkctl", &["list", "--no-legend", "--no-pager"]).await?)
        && Instant::now() < end
    {
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Whether networkctl(1) lists an interface as being configured: number, name, type, operational state,
/// setup. Ports and interfaces without a cable stay in that state.
fn is_configuring(list: &str) -> bool {
    list.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(3);
        let (operational, setup) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        matches!(setup, "pending" | "initialized" | "configuring")
            && !matches!(operational, "enslaved" | "no-carrier" | "off" | "missing")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_at_work_while_an_interface_with_a_cable_is_configured() {
        let quiet = "  1 lo     loopback carrier     unmanaged\n  2 eth0   ether    enslaved    configuring\n  \
            3 eth1   ether    no-carrier  configuring\n  4 mynet0 bridge   routable    configured\n";
        assert!(!is_configuring(quiet));
        assert!(is_configuring(&quiet.replace("routable    configured", "degraded    configuring")));
        assert!(is_configuring(&quiet.replace("routable    configured", "carrier     pending")));
        assert!(!is_configuring(""));
    }
}
