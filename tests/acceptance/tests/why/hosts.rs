//! Faults of hosts, their tables and their daemon.

use acceptance::{Cluster, Failure};
use lab::Power;

use crate::fault::{Fault, reach, says, why};

acceptance::promises![
    old_tables_on_a_host_are_noted,
    a_stopped_netd_is_noted,
    a_frozen_netd_is_noted,
    a_dead_host_is_named
];

const FLAT: (&str, &str) = ("host1c1", "host2c1");

async fn old_tables_on_a_host_are_noted(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, FLAT).await?;
    let more = crate::tables().container("newcomer", "host1", "10.98.1.77", &[]);
    cluster.write_tables(&more).await?;
    let ran = why(cluster, FLAT).await;
    let synced = cluster.xdock_done("sync host1").await;
    let after = why(cluster, FLAT).await;
    cluster.write_tables(&crate::tables()).await?;
    cluster.xdock_done("sync dockerhosts").await?;
    synced?;
    let (ran, after) = (ran?, after?);
    let noted = |host: &str, text: &str| {
        let end = format!("older than or different from the tables; to correct it: xdock sync {host}");
        text.lines()
            .any(|line| line.starts_with(&format!("also wrong: snapshot {host}: ")) && line.ends_with(&end))
    };
    let right = ran.code == 0 && noted("host1", &ran.stdout) && noted("host2", &ran.stdout);
    if right && !noted("host1", &after.stdout) && noted("host2", &after.stdout) {
        return reach(cluster, FLAT).await;
    }
    Err(format!("old tables: {ran:?}, host1 synced: {after:?}").into())
}

async fn a_stopped_netd_is_noted(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, FLAT).await?;
    cluster.sh("host1", "systemctl stop netd.socket netd.service").await?;
    let ran = why(cluster, FLAT).await;
    // as the line says
    cluster.sh("host1", "systemctl restart netd.socket netd.service").await?;
    let ran = ran?;
    let noted = |line: &str| {
        line.starts_with("also wrong: netd host1: cannot reach netd")
            && line.ends_with("to correct it: ssh host1 systemctl restart netd.socket netd.service")
    };
    if ran.code != 0 || !ran.stdout.lines().any(noted) {
        return Err(format!("{ran:?}").into());
    }
    reach(cluster, FLAT).await
}

async fn a_frozen_netd_is_noted(cluster: &Cluster) -> Result<(), Failure> {
    Fault::new(FLAT, "host2", "true", "true")
        .noted(cluster, "netd host2: netd does not answer within 1 s")
        .await
}

async fn a_dead_host_is_named(cluster: &Cluster) -> Result<(), Failure> {
    reach(cluster, FLAT).await?;
    cluster.lab.power("host2", Power::Cut).await?;
    let named = says(cluster, FLAT, "to correct it: check power, cable and console of host2").await;
    cluster.lab.power("host2", Power::On).await?;
    named?;
    reach(cluster, FLAT).await?;
    reach(cluster, ("host1r1", "host2r1")).await
}
