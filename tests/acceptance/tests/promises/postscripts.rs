//! The postscript makes a docker host once and for all.

use acceptance::{Cluster, Failure};
use lab::Power;

use acceptance::soundness::{same, sound};

acceptance::promises![
    a_second_run_of_every_step_has_nothing_to_do,
    the_bridge_survives_a_reboot,
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

async fn the_bridge_survives_a_reboot(cluster: &Cluster) -> Result<(), Failure> {
    let look = "ip -br addr show mynet0 | awk '{print $3}'; for b in mynet0 br98; do ls /sys/class/net/$b/brif | grep eth; done";
    let before = cluster.sh("host3", look).await?;
    cluster.lab.power("host3", Power::Off).await?;
    cluster.lab.power("host3", Power::On).await?;
    same("address and ports after the reboot", &cluster.sh("host3", look).await?, &before)?;
    sound(cluster).await
}

async fn cpus_and_memory_of_the_tables_are_in_the_cgroup(cluster: &Cluster) -> Result<(), Failure> {
    // v2 and v1 name the files differently; 1.5 CPUs are 150 ms of every 100 ms
    let v2 = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max 2>/dev/null";
    let v1 = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes";
    let said = cluster.sh("host1", &format!("docker exec host1c1 sh -c '{v2} || {v1}'")).await?;
    let values: Vec<&str> = said.split_ascii_whitespace().filter(|word| *word != "100000").collect();
    same("quota of CPU time and memory in bytes", &values, &vec!["150000", "67108864"])
}
