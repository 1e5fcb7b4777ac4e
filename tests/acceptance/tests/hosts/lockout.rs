//! Attempts to lose a host: each one ends with the host answering.

use std::time::{Duration, Instant};

use acceptance::network::{address, becomes_bridged, nothing_to_do, seen, step};
use acceptance::reach::without_cable;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use futures_util::future::try_join_all;
use lab::{Disk, Power};

use crate::network::HOSTS;

acceptance::promises![
    a_wrong_mask_is_rolled_back,
    a_wrong_gateway_is_rolled_back,
    a_change_survives_a_switch_port_that_goes_down,
    xdockhost_killed_at_any_moment_of_the_change_loses_no_host,
    the_guard_killed_at_any_moment_of_the_change_loses_no_host,
    both_killed_at_any_moment_of_the_change_lose_no_host,
    a_full_disk_changes_nothing,
    a_host_that_loses_power_during_the_change_boots_on_a_network_that_answers,
];

/// The host answers the management node's ping within a minute; how long it took.
async fn answers(cluster: &Cluster, host: &str) -> Result<Duration, Failure> {
    let began = Instant::now();
    let ping = format!("ping -c 1 -W 1 {}", address(host));
    while began.elapsed() < Duration::from_secs(60) {
        if cluster.run("mn", &ping).await?.code == 0 {
            return Ok(began.elapsed());
        }
    }
    Err(format!("{host} does not answer: it is lost").into())
}

/// The tables of the suite with other rows for the network of the hosts.
fn tables(network: &[(&str, &str)]) -> Tables {
    Tables::of_lab_with(4, network)
}

/// Brings wrong tables to every host, whose step must fail and say `reason`, then the right ones again.
async fn refused(cluster: &Cluster, wrong: &[(&str, &str)], reason: &str) -> Result<(), Failure> {
    for host in HOSTS {
        step(cluster, host, "network").await?;
    }
    cluster.write_tables(&tables(wrong)).await?;
    let mut silence = Duration::ZERO;
    let mut lost: Result<(), Failure> = Ok(());
    for host in HOSTS {
        let watch = cluster.lab.watch_ping(host, Duration::from_millis(100))?;
        let ended = step(cluster, host, "network confirm=5").await;
        let took = answers(cluster, host).await;
        let pings = watch.stop().await?;
        silence = silence.max(pings.longest_silence);
        lost = match (ended, took) {
            (_, Err(error)) => Err(error),
            (Ok(said), _) => Err(format!("{host} took the wrong tables: {said}").into()),
            (Err(error), _) if !error.to_string().contains(reason) => {
                Err(format!("{host} does not say {reason:?}: {error}").into())
            }
            _ => becomes_bridged(cluster, host).await,
        };
        if lost.is_err() {
            break;
        }
    }
    eprintln!("  longest silence of the four hosts: {} ms", silence.as_millis());
    cluster.write_tables(&crate::network::tables()).await?;
    lost?;
    for host in HOSTS {
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

async fn a_wrong_mask_is_rolled_back(cluster: &Cluster) -> Result<(), Failure> {
    // the management node is then outside of the network, and nobody routes to it
    let wrong = [("net", "10.99.0.8"), ("mask", "255.255.255.248"), ("mgtifname", "eth0")];
    refused(cluster, &wrong, "rolled back to the previous network").await
}

async fn a_wrong_gateway_is_rolled_back(cluster: &Cluster) -> Result<(), Failure> {
    let wrong =
        [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("gateway", "10.99.250.250"), ("mgtifname", "eth0")];
    refused(cluster, &wrong, "rolled back to the previous network").await
}

/// The cable is out when the change is probed, and in again later.
async fn a_change_survives_a_switch_port_that_goes_down(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let ran = without_cable(cluster, &tables(&SMALLER), host).await?;
        answers(cluster, host).await?;
        if ran.code != 1 {
            return Err(format!("{host} confirmed a network without a cable: {ran:?}").into());
        }
        becomes_bridged(cluster, host).await?;
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

/// A change that every host can follow, and that needs the whole way: kernel, files, manager.
const SMALLER: [(&str, &str); 4] =
    [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("mtu", "1400")];

/// Waits on the host itself until a condition of the shell holds.
async fn wait_for(cluster: &Cluster, host: &str, condition: &str) -> Result<(), Failure> {
    let line = format!("for i in $(seq 2000); do {condition} && exit 0; sleep 0.005; done; exit 1");
    cluster.sh(host, &line).await.map(drop).map_err(|error| format!("{host}: {condition}: {error}").into())
}

/// Kills what runs during a change, later and later in it, on all hosts at once.
async fn killed(cluster: &Cluster, victims: &str) -> Result<(), Failure> {
    let silences = try_join_all(HOSTS.map(|host| killed_on(cluster, host, victims))).await?;
    let worst = silences.into_iter().max().unwrap_or_default();
    eprintln!("  longest silence of the four hosts: {} ms", worst.as_millis());
    Ok(())
}

/// The longest silence.
async fn killed_on(cluster: &Cluster, host: &str, victims: &str) -> Result<Duration, Failure> {
    let mut silence = Duration::ZERO;
    for after in [0, 8, 30, 120, 500] {
        let before = seen(cluster, host).await?;
        let watch = cluster.lab.watch_ping(host, Duration::from_millis(100))?;
        let smaller = tables(&SMALLER);
        let run = cluster.xdockhost(&smaller, host, "network confirm=5");
        let kill = async {
            wait_for(cluster, host, "[ -e /var/lib/xdock/network/change.json ]").await.ok();
            let seconds = f64::from(after) / 1000.0;
            cluster.run(host, &format!("sleep {seconds}; kill -9 $({victims}) 2>/dev/null")).await
        };
        let (ran, _) = tokio::join!(run, kill);
        ran?;
        answers(cluster, host).await?;
        if settled(cluster, host).await.is_err() {
            // killed before there was a guard: then nothing may have been changed, and the next run takes the record away
            same(
                &format!("network of {host}, killed before the guard began"),
                &seen(cluster, host).await?,
                &before,
            )?;
        }
        silence = silence.max(watch.stop().await?.longest_silence);
        // whichever network it is on now, the tables' is a run away
        step(cluster, host, "network").await.map_err(|error| format!("{host}, {after} ms: {error}"))?;
        becomes_bridged(cluster, host).await?;
    }
    Ok(silence)
}

/// No change is pending: it was confirmed or rolled back.
async fn settled(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    wait_for(cluster, host, "[ ! -e /var/lib/xdock/network/change.json ]").await
}

async fn xdockhost_killed_at_any_moment_of_the_change_loses_no_host(
    cluster: &Cluster,
) -> Result<(), Failure> {
    killed(cluster, "pgrep -f 'xdockhost network'").await
}

async fn the_guard_killed_at_any_moment_of_the_change_loses_no_host(
    cluster: &Cluster,
) -> Result<(), Failure> {
    killed(cluster, "pgrep -f 'xdockhost guard'").await
}

async fn both_killed_at_any_moment_of_the_change_lose_no_host(cluster: &Cluster) -> Result<(), Failure> {
    killed(cluster, "pgrep xdockhost").await
}

async fn a_full_disk_changes_nothing(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        cluster.lab.disk_to(host, Disk::Full).await?;
        let ran = cluster.xdockhost(&tables(&SMALLER), host, "network").await;
        cluster.lab.disk_to(host, Disk::Free).await?;
        answers(cluster, host).await?;
        let ran = ran?;
        if ran.code != 1 || !ran.stderr.contains("No space left") {
            return Err(format!("{host} does not say that its disk is full: {ran:?}").into());
        }
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

async fn a_host_that_loses_power_during_the_change_boots_on_a_network_that_answers(
    cluster: &Cluster,
) -> Result<(), Failure> {
    try_join_all(HOSTS.map(|host| cut_on(cluster, host))).await.map(drop)
}

async fn cut_on(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    for after in [10, 60, 200] {
        let smaller = tables(&SMALLER);
        let run = cluster.xdockhost(&smaller, host, "network confirm=5");
        let cut = async {
            wait_for(cluster, host, "[ -e /var/lib/xdock/network/change.json ]").await.ok();
            tokio::time::sleep(Duration::from_millis(after)).await;
            cluster.lab.power(host, Power::Cut).await
        };
        let (_, cut) = tokio::join!(run, cut);
        cut?;
        cluster.lab.power(host, Power::On).await?;
        answers(cluster, host).await?;
        step(cluster, host, "network").await.map_err(|error| format!("{host}, {after} ms: {error}"))?;
        becomes_bridged(cluster, host).await?;
    }
    Ok(())
}
