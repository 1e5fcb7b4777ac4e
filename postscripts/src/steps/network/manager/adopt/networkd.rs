//! systemd-networkd takes addresses away and gives them again when it reads its files anew, after `networkctl reload` has
//! returned. Who looks in between sees a network without them; who has it reload again then begins all of it again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AdoptError, Manager, ask, run};

/// A DHCP server may be away; what has to be there is looked at afterwards.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Has it read its files, and waits until it has done what they say.
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

/// Whether an interface is being configured, as networkctl(1) lists them: number, name, type, operational state, setup. A port and
/// one without a cable stay so.
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
