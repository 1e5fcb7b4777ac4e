//! What survives which failure. After each of them the cluster is sound again without anybody's help.

use std::time::Duration;

use acceptance::{Cluster, Failure};
use lab::Power;

use acceptance::soundness::{same, sound};

acceptance::promises![
    sound_after_netd_is_restarted,
    sound_after_netd_is_killed_during_30_parallel_starts,
    sound_after_dockerd_is_restarted,
    sound_after_dockerd_is_killed,
    sound_after_netd_was_stopped_while_dockerd_started,
    #[alone]
    sound_after_a_power_cut_with_20_containers,
];

async fn sound_after_netd_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host1", "systemctl restart netd").await?;
    sound(cluster).await
}

async fn sound_after_netd_is_killed_during_30_parallel_starts(cluster: &Cluster) -> Result<(), Failure> {
    let all = "crowd[1-30]";
    cluster.xdock_done(&format!("mk {all}")).await?;
    let on = format!("power {all} on");
    let starts = cluster.xdock(&on);
    let kills = cluster.sh(
        "host3",
        "for round in 1 2 3 4; do sleep 0.7; kill -9 $(systemctl show -P MainPID netd) 2>/dev/null || true; done",
    );
    // a start whose call ended with netd fails with its own error line
    let (_, killed) = tokio::join!(starts, kills);
    killed?;
    cluster.xdock_done(&on).await?;
    let states = cluster.xdock_done(&format!("power {all} state")).await?;
    let running = states.lines().filter(|line| line.ends_with(": running")).count();
    same("running of the 30 after a second power on", &running, &30)?;
    cluster.xdock_done(&format!("rm -f {all}")).await?;
    sound(cluster).await
}

async fn sound_after_dockerd_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host1", "systemctl restart docker").await?;
    sound(cluster).await
}

async fn sound_after_dockerd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host1", "kill -9 $(systemctl show -P MainPID docker)").await?;
    sound(cluster).await
}

async fn sound_after_netd_was_stopped_while_dockerd_started(cluster: &Cluster) -> Result<(), Failure> {
    cluster
        .sh(
            "host1",
            "systemctl stop docker docker.socket; systemctl stop netd.service; systemctl start docker",
        )
        .await?;
    sound(cluster).await?;
    // dockerd's first call woke it through its socket
    same("netd", &cluster.sh("host1", "systemctl is-active netd").await?, &"active".to_owned())
}

async fn sound_after_a_power_cut_with_20_containers(cluster: &Cluster) -> Result<(), Failure> {
    cluster.lab.power("host2", Power::Cut).await?;
    cluster.lab.power("host2", Power::On).await?;
    sound(cluster).await?;
    let took = engine_start(cluster, "host2").await?;
    eprintln!("  dockerd took {:.1} s from its start to its API", took.as_secs_f32());
    if took > Duration::from_secs(10) {
        return Err(format!("dockerd took {} s from its start to its API", took.as_secs_f32()).into());
    }
    Ok(())
}

/// From dockerd's exec to its readiness (it says so to systemd when its API listens).
async fn engine_start(cluster: &Cluster, host: &str) -> Result<Duration, Failure> {
    let line = "systemctl show docker -P ExecMainStartTimestampMonotonic -P ActiveEnterTimestampMonotonic";
    let said = cluster.sh(host, line).await?;
    let times: Vec<u64> = said.lines().map(str::parse).collect::<Result<_, _>>()?;
    match times[..] {
        [started, ready] => Ok(Duration::from_micros(ready.saturating_sub(started))),
        _ => Err(format!("two times were expected: {said}").into()),
    }
}
