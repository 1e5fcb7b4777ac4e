//! Whether a host stays in reach while its network changes.

use std::time::Duration;

use crate::cluster::{Cluster, Ran};
use crate::engine::Failure;
use crate::tables::Tables;

/// Ten pings a second, as the promise counts them.
const INTERVAL: Duration = Duration::from_millis(100);
/// A manager that takes the network over may do so a little later.
const AFTERMATH: Duration = Duration::from_secs(3);

/// Runs the network step on one host after the other, reports its pings from the management node, and checks each
/// host with `moved`.
///
/// # Errors
/// The step's; that of `moved`; hosts that lost more than three pings.
pub async fn moves_within_reach(
    cluster: &Cluster,
    hosts: &[&str],
    moved: impl AsyncFn(&Cluster, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut worst = Vec::new();
    for &host in hosts {
        let watch = cluster.lab.watch_ping(host, INTERVAL)?;
        let ran = cluster.updatenode(&[host], "xdock network").await;
        tokio::time::sleep(AFTERMATH).await;
        let pings = watch.stop().await?;
        let (lost, sent, silence) = (pings.lost, pings.sent, pings.longest_silence.as_millis());
        eprintln!("  {host}: {lost} of {sent} pings lost, longest silence {silence} ms");
        ran?;
        moved(cluster, host).await?;
        if lost > 3 {
            worst.push(format!("{host} lost {lost} of {sent}"));
        }
    }
    if worst.is_empty() { Ok(()) } else { Err(worst.join(", ").into()) }
}

/// Runs the network step with these tables on a host whose cable is pulled when the change has begun, and put back when the
/// step has ended.
///
/// # Errors
/// The step did not run, or made no change within a minute.
pub async fn without_cable(cluster: &Cluster, tables: &Tables, host: &str) -> Result<Ran, Failure> {
    let run = cluster.xdockhost(tables, host, "network confirm=3");
    let pull = async {
        let begun = "for i in $(seq 6000); do [ -e /var/lib/xdock/network/change.json ] && exit 0; sleep 0.005; done; exit 1";
        cluster.sh(host, begun).await?;
        cluster.lab.link(host, "eth0", false).await?;
        Ok::<_, Failure>(())
    };
    let (ran, pulled) = tokio::join!(run, pull);
    cluster.lab.link(host, "eth0", true).await?;
    pulled?;
    ran
}
