//! A host that shuts down stops its containers as `docker stop` would, though live-restore is on.

use std::time::{Duration, Instant};

use lab::Power;

use crate::cluster::Cluster;
use crate::engine::Failure;
use crate::soundness::same;

/// PID 1 ignores SIGTERM, and has a short grace; one that has a signal of its own and something to do; one that somebody stopped.
const MAKE: &str = "rm -rf /var/tmp/stops; \
    docker run -d --name stops-deaf --network none --stop-timeout 3 busybox sleep inf; \
    docker run -d --name stops-word --network none --restart unless-stopped --stop-signal USR1 -v /var/tmp/stops:/word \
        busybox sh -c \"trap '' TERM; trap 'sleep 1; echo stopped >>/word/said; exit 0' USR1; while :; do sleep 1000 & wait; done\"; \
    docker run -d --name stops-hand --network none --restart unless-stopped busybox sleep inf; \
    docker stop -t 0 stops-hand";
const STATES: &str = "for name in deaf word hand; do \
    docker inspect -f '{{.Name}} {{.State.Status}} {{.State.ExitCode}}' stops-$name; done";

/// A unit that outlives docker.service in a shutdown, and kills `engine shutdown` when its file is mounted.
const KILLER: &str = "[Unit]\nDefaultDependencies=no\nIgnoreOnIsolate=yes\n\n[Service]\nExecStart=/bin/sh -c \"\
    until grep -q daemon.shutdown.json /proc/self/mountinfo; do :; done; kill -9 $(pgrep -f '[e]ngine shutdown'); \
    date >/var/tmp/killed; sleep infinity\"\nKillMode=process\n";

/// `engine shutdown` that is killed while its file is mounted: live-restore is on after the boot, and after a stop that is no
/// shutdown nothing is mounted.
///
/// # Errors
/// What was otherwise.
pub async fn a_killed_shutdown_leaves_live_restore_on(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    cluster.write(host, "/run/systemd/system/killer.service", KILLER).await?;
    let run = "rm -f /var/tmp/killed; systemctl daemon-reload; systemctl start killer; \
               docker run -d --name killed --network none --restart unless-stopped busybox sleep inf";
    cluster.sh(host, run).await?;
    cluster.lab.power(host, Power::Off).await?;
    cluster.lab.power(host, Power::On).await?;
    cluster
        .sh(host, "until docker version >/dev/null 2>&1; do sleep 0.1; done; test -s /var/tmp/killed")
        .await?;
    let look = "docker info -f '{{.LiveRestoreEnabled}}'; docker inspect -f '{{.State.Status}}' killed; \
                grep -c daemon.shutdown /proc/self/mountinfo; grep -o '\"live-restore\": true' /etc/docker/daemon.json";
    same(
        "after the boot",
        cluster.sh(host, look).await?.as_str(),
        "true\nrunning\n0\n\"live-restore\": true",
    )?;
    // the same where the machine goes on: a mount that stays would be read by the next dockerd
    let left = "mkdir -p /run/xdock; sed 's/\"live-restore\": true/\"live-restore\": false/' /etc/docker/daemon.json >/run/xdock/daemon.shutdown.json; \
                mount --bind /run/xdock/daemon.shutdown.json /etc/docker/daemon.json; systemctl restart docker";
    cluster.sh(host, left).await?;
    same(
        "after a restart",
        cluster.sh(host, look).await?.as_str(),
        "true\nrunning\n0\n\"live-restore\": true",
    )?;
    cluster.sh(host, "docker rm -f killed").await.map(drop)
}

/// Containers stop with their host: none ignores the shutdown for 90 s, none is killed within its grace period, and all are restored afterwards.
///
/// # Errors
/// What was otherwise.
pub async fn containers_stop_with(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    cluster.sh(host, MAKE).await?;
    let all = "/stops-deaf running 0\n/stops-word running 0\n/stops-hand exited 137";
    // live-restore is on: without the engine they go on
    cluster.sh(host, "systemctl restart docker").await?;
    same("states after a restart of the engine", cluster.sh(host, STATES).await?.as_str(), all)?;
    let begun = Instant::now();
    cluster.lab.power(host, Power::Off).await?;
    let took = begun.elapsed();
    eprintln!("  {host} was off after {:.1} s", took.as_secs_f32());
    if !(Duration::from_secs(3)..Duration::from_secs(30)).contains(&took) {
        return Err(format!("{host} was off after {took:?}; the longest grace is 3 s").into());
    }
    cluster.lab.power(host, Power::On).await?;
    cluster.sh(host, "until docker version >/dev/null 2>&1; do sleep 0.1; done").await?;
    let after = "/stops-deaf exited 137\n/stops-word running 0\n/stops-hand exited 137";
    same("states after the boot", cluster.sh(host, STATES).await?.as_str(), after)?;
    same(
        "what it did when it was stopped",
        cluster.sh(host, "cat /var/tmp/stops/said").await?.as_str(),
        "stopped",
    )?;
    let file = "cat /etc/docker/daemon.json; docker info -f '{{.LiveRestoreEnabled}}'";
    let file = cluster.sh(host, file).await?;
    same("live-restore", &(file.contains("\"live-restore\": true"), file.ends_with("true")), &(true, true))?;
    cluster.sh(host, "docker rm -f stops-deaf stops-word stops-hand").await.map(drop)
}
