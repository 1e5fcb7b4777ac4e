//! Every container has exactly the addresses of the tables, and reaches every other with them.

use acceptance::container::interfaces;
use acceptance::{Cluster, Failure};

use acceptance::soundness::{all_ping, expected, same, sound, table_interfaces};

acceptance::promises![
    containers_have_the_addresses_and_macs_of_the_tables,
    every_pair_pings_on_both_networks,
    interface_names_stay_over_20_restarts,
];

async fn containers_have_the_addresses_and_macs_of_the_tables(cluster: &Cluster) -> Result<(), Failure> {
    sound(cluster).await
}

async fn every_pair_pings_on_both_networks(cluster: &Cluster) -> Result<(), Failure> {
    all_ping(cluster).await
}

async fn interface_names_stay_over_20_restarts(cluster: &Cluster) -> Result<(), Failure> {
    let expected = expected(cluster)?;
    let spec = expected.get("host1").and_then(|specs| specs.first()).ok_or("host1 has no container")?;
    for round in 1..=20 {
        cluster.sh("host1", &format!("docker restart -t 1 {} >/dev/null", spec.node)).await?;
        let found = interfaces(cluster, "host1", spec.node.as_str()).await?;
        same(&format!("interfaces after restart {round}"), &found, &table_interfaces(spec))?;
    }
    sound(cluster).await
}
