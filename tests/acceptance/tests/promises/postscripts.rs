//! The postscript makes a docker host once and for all.

use acceptance::{Cluster, Failure};
use lab::Power;

use acceptance::soundness::{same, sound};

acceptance::promises![
    a_second_run_of_every_step_has_nothing_to_do,
    an_upgrade_of_netd_touches_no_running_container,
    xdockhost_is_in_the_path_and_of_the_release_of_the_management_node,
    a_downgrade_of_netd_is_refused,
    the_old_call_of_xcats_own_postscript_finds_its_bridge,
    the_bridge_survives_a_reboot,
    containers_stop_with_the_host,
    a_killed_shutdown_leaves_live_restore_on,
    cpus_and_memory_of_the_tables_are_in_the_cgroup,
];

async fn a_second_run_of_every_step_has_nothing_to_do(cluster: &Cluster) -> Result<(), Failure> {
    for step in ["docker", "network", "netd"] {
        let said = cluster.updatenode(&["host1"], &format!("xdock {step} unsigned=yes")).await?;
        if !said.contains(&format!("xdock: {step}: nothing to do")) {
            return Err(format!("step {step} said on its second run: {said}").into());
        }
    }
    Ok(())
}

const NETD: &str = "/opt/xdock/bin/netd";

async fn an_upgrade_of_netd_touches_no_running_container(cluster: &Cluster) -> Result<(), Failure> {
    let processes =
        "docker ps -q | xargs docker inspect -f '{{.Name}} {{.State.Pid}} {{.State.StartedAt}}' | sort";
    let before = cluster.sh("host1", processes).await?;
    // another file of the same release: what is installed is not what the manifest says
    cluster
        .sh("host1", &format!("cp {NETD} {NETD}.old && echo >> {NETD}.old && mv {NETD}.old {NETD}"))
        .await?;
    let said = cluster.updatenode(&["host1"], "xdock netd").await?;
    if !said.contains("xdock: netd: installed netd") {
        return Err(format!("netd was not installed again: {said}").into());
    }
    same("containers and their processes", &cluster.sh("host1", processes).await?, &before)?;
    sound(cluster).await
}

/// Also where the network has nothing to change: enrolment and boots run it.
async fn xdockhost_is_in_the_path_and_of_the_release_of_the_management_node(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let old = "echo >> /opt/xdock/bin/xdockhost; rm /usr/local/bin/xdockhost";
    cluster.sh("host1", old).await?;
    let said = cluster.updatenode(&["host1"], "xdock network").await?;
    if !said.contains("xdock: network: nothing to change; installed xdockhost\n") {
        return Err(format!("xdockhost was not installed again: {said}").into());
    }
    let said = cluster.updatenode(&["host1"], "xdock network").await?;
    same("the next run", &said.contains("xdock: network: nothing to do\n"), &true)?;
    let digest = |path: &str| format!("sha256sum <{path}");
    let theirs = cluster.sh("mn", &digest("/install/xdock/x86_64/xdockhost")).await?;
    same(
        "the release",
        &cluster.sh("host1", &digest("$(readlink -f $(command -v xdockhost))")).await?,
        &theirs,
    )?;
    cluster.sh("host1", "xdockhost status | grep 'xdock: network: as planned'").await.map(drop)
}

async fn a_downgrade_of_netd_is_refused(cluster: &Cluster) -> Result<(), Failure> {
    let newer = format!(
        "mv {NETD} {NETD}.real && printf '#!/bin/sh\\necho netd 99.0.0\\n' > {NETD} && chmod 755 {NETD}"
    );
    cluster.sh("host1", &newer).await?;
    let ended = cluster.updatenode(&["host1"], "xdock netd").await;
    cluster.sh("host1", &format!("mv {NETD}.real {NETD}")).await?;
    let wanted = "netd 99.0.0 is installed and the management node has 0.1.0; a downgrade is refused";
    match ended {
        Err(error) if error.to_string().contains(wanted) => Ok(()),
        other => Err(format!("a downgrade was not refused in these words, {wanted:?}: {other:?}").into()),
    }
}

async fn the_old_call_of_xcats_own_postscript_finds_its_bridge(cluster: &Cluster) -> Result<(), Failure> {
    let call = "setupdockerhost network mynet0=10.99.0.0/16@10.99.0.11:eth0";
    let said = cluster.updatenode(&["host1"], call).await?;
    match said.contains("xdock: network: nothing to do") {
        true => Ok(()),
        false => Err(format!("{call}: {said}").into()),
    }
}

async fn the_bridge_survives_a_reboot(cluster: &Cluster) -> Result<(), Failure> {
    let look = "ip -br addr show mynet0 | awk '{print $3}'; for b in mynet0 br98; do ls /sys/class/net/$b/brif | grep eth; done";
    let before = cluster.sh("host3", look).await?;
    cluster.lab.power("host3", Power::Off).await?;
    cluster.lab.power("host3", Power::On).await?;
    same("address and ports after the reboot", &cluster.sh("host3", look).await?, &before)?;
    sound(cluster).await
}

async fn containers_stop_with_the_host(cluster: &Cluster) -> Result<(), Failure> {
    acceptance::shutdown::containers_stop_with(cluster, "host3").await?;
    sound(cluster).await
}

async fn a_killed_shutdown_leaves_live_restore_on(cluster: &Cluster) -> Result<(), Failure> {
    acceptance::shutdown::a_killed_shutdown_leaves_live_restore_on(cluster, "host3").await
}

async fn cpus_and_memory_of_the_tables_are_in_the_cgroup(cluster: &Cluster) -> Result<(), Failure> {
    // v2 and v1 name the files differently; 1.5 CPUs are 150 ms of every 100 ms
    let v2 = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max 2>/dev/null";
    let v1 = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes";
    let said = cluster.sh("host1", &format!("docker exec host1c1 sh -c '{v2} || {v1}'")).await?;
    let values: Vec<&str> = said.split_ascii_whitespace().filter(|word| *word != "100000").collect();
    same("quota of CPU time and memory in bytes", &values, &vec!["150000", "67108864"])
}
