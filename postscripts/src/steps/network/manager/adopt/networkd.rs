//! systemd-networkd takes addresses away and gives them again when it reads its files anew, after `networkctl reload` has
//! returned. Who looks in between sees a network without them; who has it reload again then begins all of it again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AdoptError, Manager, ask, run};

/// A DHCP server may be away; what has to be there is looked at afterwards.
const SETTLED: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(50);

/// Has it read its files, and waits until it has done what they say.
pub(super) async fn reload(manager: Manager) -> Result<(), AdoptError> {
    run(manager, "networkctl", &["reload"]).await?;
    let end = Instant::now() + SETTLED;
    while is_at_work(&ask(manager, "networkctl", &["list", "--no-legend", "--no-pager"]).await?)
        && Instant::now() < end
    {
        sleep(AGAIN).await;
    }
    Ok(())
}

/// Whether an interface is being configured, as networkctl(1) lists them: number, name, type, operational state, setup. A port and
/// one without a cable stay so.
fn is_at_work(list: &str) -> bool {
    list.lines().any(|line| {
        let mut words = line.split_whitespace().skip(3);
        let (operational, setup) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
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
        assert!(!is_at_work(quiet));
        assert!(is_at_work(&quiet.replace("routable    configured", "degraded    configuring")));
        assert!(is_at_work(&quiet.replace("routable    configured", "carrier     pending")));
        assert!(!is_at_work(""));
    }
}
