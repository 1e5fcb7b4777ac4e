//! A link follows its target, without a new consumer.

use std::time::{Duration, Instant};

use acceptance::container::inside;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use crate::{TARGET, Target, tables};
use acceptance::ask::{answers, asked};

acceptance::promises![
    links_are_in_the_environment,
    a_link_follows_its_target_to_another_host,
    a_link_follows_its_target_to_another_address,
    a_link_follows_a_renamed_target,
    a_link_is_current_after_a_restart_of_its_consumer,
    a_link_without_target_is_reported,
];

async fn links_are_in_the_environment(cluster: &Cluster) -> Result<(), Failure> {
    let said = cluster.xdock_done("exec web -- env").await?;
    let is_of_link = |line: &&str| line.contains("DB_") || line.contains("MOVER_") || line.contains("SECRET");
    let mut found: Vec<&str> =
        said.lines().map(|line| line.trim_start_matches("web: ")).filter(is_of_link).collect();
    found.sort_unstable();
    let wanted = [
        "DB_NAME=/web/db",
        "DB_PORT=tcp://10.99.2.1:5432",
        "DB_PORT_5432_TCP=tcp://10.99.2.1:5432",
        "DB_PORT_5432_TCP_ADDR=10.99.2.1",
        "DB_PORT_5432_TCP_PORT=5432",
        "DB_PORT_5432_TCP_PROTO=tcp",
        "MOVER_NAME=/web/mover",
    ];
    same("environment of web", found.as_slice(), &wanted)
}

/// Removes the target and creates `new`. The consumer's host gets the tables.
async fn move_target(cluster: &Cluster, old: Target, new: Target) -> Result<(), Failure> {
    cluster.xdock_done(&format!("rm -f {}", old.name)).await?;
    cluster.write_tables(&tables(new.name, Some(new))).await?;
    cluster.xdock_done(&format!("mk {} --start", new.name)).await?;
    cluster.xdock_done("sync host1").await.map(drop)
}

/// `mover` of `web` is this target, by DNS and by its programs, and answers within a second: `ping` succeeds if one of ten packets is answered.
async fn leads_to(cluster: &Cluster, target: Target) -> Result<(), Failure> {
    let ping = cluster.run("host1", &inside("web", &format!("ping -i 0.1 -w 1 {}", target.ip))).await?;
    same(&format!("ping: {ping:?}"), &ping.code, &0)?;
    answers(cluster, "host1", "web", "A mover", &format!("NOERROR {}", target.ip)).await?;
    let (ip, node) = (target.ip, target.name);
    hosts_become(cluster, &format!("{ip} mover\n{ip} {node}")).await
}

/// Waits until /etc/hosts of `web` has these lines for `mover` and its target, which its programs find before they ask by DNS.
async fn hosts_become(cluster: &Cluster, wanted: &str) -> Result<(), Failure> {
    let lines = "docker exec web grep -wE 'mover|roam|rover' /etc/hosts | awk '{ print $1, $2 }' | sort";
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match same("/etc/hosts of web", cluster.sh("host1", lines).await?.as_str(), wanted) {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(100)).await,
            ended => return ended,
        }
    }
}

async fn a_link_follows_its_target_to_another_host(cluster: &Cluster) -> Result<(), Failure> {
    leads_to(cluster, TARGET).await?;
    let there = Target { host: "host3", ..TARGET };
    move_target(cluster, TARGET, there).await?;
    leads_to(cluster, there).await?;
    // hosts that know nothing of the move, and the host that it left
    for (host, container) in [("host2", "data"), ("host1", "app")] {
        let line = inside(container, &format!("ping -i 0.1 -w 1 {}", TARGET.ip));
        cluster.sh(host, &line).await?;
    }
    move_target(cluster, there, TARGET).await?;
    leads_to(cluster, TARGET).await
}

async fn a_link_follows_its_target_to_another_address(cluster: &Cluster) -> Result<(), Failure> {
    let there = Target { host: "host3", ip: "10.99.2.33", ..TARGET };
    move_target(cluster, TARGET, there).await?;
    leads_to(cluster, there).await?;
    move_target(cluster, there, TARGET).await?;
    leads_to(cluster, TARGET).await
}

async fn a_link_follows_a_renamed_target(cluster: &Cluster) -> Result<(), Failure> {
    let renamed = Target { name: "rover", ..TARGET };
    move_target(cluster, TARGET, renamed).await?;
    leads_to(cluster, renamed).await?;
    move_target(cluster, renamed, TARGET).await?;
    leads_to(cluster, TARGET).await
}

/// Docker writes the lines with which it created the container again.
async fn a_link_is_current_after_a_restart_of_its_consumer(cluster: &Cluster) -> Result<(), Failure> {
    let there = Target { ip: "10.99.2.34", ..TARGET };
    move_target(cluster, TARGET, there).await?;
    cluster.sh("host1", "docker restart web").await?;
    leads_to(cluster, there).await?;
    move_target(cluster, there, TARGET).await?;
    leads_to(cluster, TARGET).await
}

async fn a_link_without_target_is_reported(cluster: &Cluster) -> Result<(), Failure> {
    cluster.write_tables(&tables(TARGET.name, None)).await?;
    let synced = cluster.xdock("sync host1").await?;
    let answer = asked(cluster, "host1", "web", "A mover").await?;
    let hosts = hosts_become(cluster, "").await;
    let (check, long) = (cluster.xdock("check").await?, cluster.xdock("ls -l web").await?);
    cluster.write_tables(&cluster.tables).await?;
    cluster.xdock_done("sync host1").await?;
    hosts?;
    same(&format!("{synced:?}"), answer.as_str(), "NXDOMAIN")?;
    let wanted = "link=roam in vm.othersettings of web: roam is not a node";
    same(&format!("{check:?}"), &format!("{}{}", check.stdout, check.stderr).contains(wanted), &true)?;
    same(&format!("{long:?}"), &format!("{}{}", long.stdout, long.stderr).contains(wanted), &true)?;
    leads_to(cluster, TARGET).await
}
