//! What a running host leaves alone.

use std::time::Duration;

use acceptance::network::{becomes_bridged, nothing_to_do, step};
use acceptance::soundness::same;
use acceptance::{Cluster, Failure};
use lab::Power;

use crate::HOSTS;
use crate::measure::all_healed;

acceptance::promises![
    a_file_that_an_administrator_changed_holds_every_repair,
    a_new_file_for_a_device_holds_every_repair,
    a_device_that_was_taken_down_with_ifdown_stays_down,
    what_an_administrator_added_by_hand_stays,
    nothing_is_restored_while_a_change_holds_the_lock,
    a_fight_ends_after_three_repairs_and_is_reported,
    a_stopped_service_restores_nothing,
    a_masked_service_stays_off_over_updates_and_boots,
    a_killed_service_restores_the_network,
    restarting_xdock_network_restores_the_whole_network,
    a_power_cut_during_a_repair_leaves_a_host_that_boots,
];

/// Our file of `br98`, by manager.
fn own_file(host: &str) -> &'static str {
    match host {
        "host1" => "/etc/network/interfaces.d/xdock",
        "host2" => "/etc/systemd/network/00-xdock-br98.network",
        "host3" => "/etc/NetworkManager/system-connections/xdock-br98.nmconnection",
        _ => "/etc/netplan/90-xdock.yaml",
    }
}

/// A condition of the shell, waited for.
async fn until(cluster: &Cluster, host: &str, condition: &str) -> Result<(), Failure> {
    let line = format!(
        "for i in $(seq 450); do {{ {condition}; }} >/dev/null 2>&1 && exit 0; sleep 0.1; done; netd status; tail -5 /var/log/xcat/xcat.log; exit 1"
    );
    let ran = cluster.run(host, &line).await?;
    if ran.code == 0 { Ok(()) } else { Err(format!("{host}: {condition}: {ran:?}").into()) }
}

const BR98_IS_UP: &str =
    "ip link show eth1 | grep -q 'master br98' && ip link show br98 | grep -q 'state UP'";

/// Fails if `br98` comes up within a time in which a repair is done.
const BR98_STAYS_DOWN: &str =
    "for i in $(seq 60); do ip link show br98 2>/dev/null | grep -q ',UP' && exit 1; sleep 0.1; done; exit 0";

async fn stays_down(cluster: &Cluster, host: &str) -> Result<(), Failure> {
    let stays = cluster.sh(host, BR98_STAYS_DOWN).await;
    stays.map(drop).map_err(|error| format!("{host}: br98 came up: {error}").into())
}

/// Sets `br98` down, which stays so for the reason that netd and the log show, once. (NetworkManager creates a deleted bridge
/// again by itself.)
async fn held(cluster: &Cluster, host: &str, reason: &str) -> Result<(), Failure> {
    cluster.sh(host, "ip link set br98 down").await?;
    until(cluster, host, &format!("netd status | grep -F 'problem: host network: the network is not restored: ' | grep -F '{reason}'"))
        .await?;
    stays_down(cluster, host).await?;
    let logged = cluster.sh(host, &format!("grep -cF '{reason}' /var/log/xcat/xcat.log")).await?;
    same(&format!("lines with the reason in the log of {host}"), logged.trim(), "1")
}

async fn a_file_that_an_administrator_changed_holds_every_repair(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let file = own_file(host);
        cluster.sh(host, &format!("cp -p {file} /root/kept && echo '# mine' >> {file}")).await?;
        let checked =
            held(cluster, host, &format!("{file} was changed since the network was confirmed")).await;
        cluster.sh(host, &format!("cp -p /root/kept {file}; systemctl restart xdock-network-watch")).await?;
        checked?;
        until(cluster, host, BR98_IS_UP).await?;
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

async fn a_new_file_for_a_device_holds_every_repair(cluster: &Cluster) -> Result<(), Failure> {
    let networkd = ("host2", "/etc/systemd/network/00-mine.network", "[Match]\nName=br98\n");
    let netplan =
        ("host4", "/etc/netplan/95-mine.yaml", "network: {version: 2, bridges: {br98: {mtu: 1400}}}\n");
    let ifupdown = ("host1", "/etc/network/interfaces.d/mine", "iface br98 inet manual\n  mtu 1400\n");
    for (host, file, text) in [networkd, netplan, ifupdown] {
        cluster.write(host, file, text).await?;
        let checked =
            held(cluster, host, &format!("{file} configures br98 since the network was confirmed")).await;
        cluster.sh(host, &format!("rm {file}; systemctl restart xdock-network-watch")).await?;
        checked?;
        until(cluster, host, BR98_IS_UP).await?;
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

async fn a_device_that_was_taken_down_with_ifdown_stays_down(cluster: &Cluster) -> Result<(), Failure> {
    let host = "host1";
    cluster.sh(host, "ifdown br98; ip link del br98 2>/dev/null; true").await?;
    let reason = "br98 was taken down with ifdown; \"ifup br98\" brings it up";
    until(
        cluster,
        host,
        &format!("netd status | grep -F 'host network: the network is not restored: {reason}'"),
    )
    .await?;
    stays_down(cluster, host).await?;
    cluster.sh(host, "ifup br98").await?;
    until(cluster, host, &format!("{BR98_IS_UP} && ! netd status | grep problem")).await
}

async fn what_an_administrator_added_by_hand_stays(cluster: &Cluster) -> Result<(), Failure> {
    let by_hand = "ip addr add 192.0.2.1/24 dev br98; ip route add 198.51.100.0/24 via 192.0.2.9; ip link add by0 type veth peer by1; ip link set by0 master br98";
    let is_there = "ip addr show br98 | grep -q 192.0.2.1 && ip route | grep -q 198.51.100 && ip link show by0 | grep -q 'master br98'";
    for host in HOSTS {
        cluster.sh(host, by_hand).await?;
    }
    // a repair of something else
    all_healed(cluster, &HOSTS, |_| "ip link set eth0 nomaster".to_owned()).await?;
    for host in HOSTS {
        cluster.sh(host, is_there).await.map_err(|error| format!("{host}: {error}"))?;
        cluster.sh(host, "ip link del by0; ip addr del 192.0.2.1/24 dev br98").await?;
    }
    Ok(())
}

async fn nothing_is_restored_while_a_change_holds_the_lock(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let line = format!(
            "flock /var/lib/xdock/network/lock sh -c \"ip link set br98 down; {}\"",
            BR98_STAYS_DOWN.replace('$', "\\$")
        );
        cluster.sh(host, &line).await.map_err(|error| format!("{host}: br98 came up: {error}"))?;
        until(cluster, host, BR98_IS_UP).await?;
    }
    Ok(())
}

async fn a_fight_ends_after_three_repairs_and_is_reported(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        // a fight counts what happened within a minute before
        cluster.sh(host, "systemctl restart xdock-network-watch; : > /var/log/xcat/xcat.log").await?;
        let program = "timeout 20 sh -c 'while :; do ip link set br98 down; sleep 0.2; done' || true";
        cluster.sh(host, program).await?;
        let repairs = cluster.sh(host, "grep -c 'set br98 up' /var/log/xcat/xcat.log").await?;
        same(&format!("repairs of {host}"), repairs.trim(), "3")?;
        let message = "link state of br98 was restored 3 times within a minute and is missing again; it is left alone for 5 minutes: find the program that removes it";
        for (command, place) in
            [("netd status", "problem: host network: "), ("xdockhost status || true", "xdock: network: ")]
        {
            let shown = cluster.sh(host, command).await?;
            same(
                &format!("{command} of {host}: {shown}"),
                &shown.contains(&format!("{place}{message}")),
                &true,
            )?;
        }
        let status = cluster.xdock(&format!("host {host} status")).await?;
        same(&format!("host status: {status:?}"), &status.stderr.contains(message), &true)?;
        let lines = cluster.sh(host, &format!("grep -cF '{message}' /var/log/xcat/xcat.log")).await?;
        same(&format!("lines of the fight in the log of {host}"), lines.trim(), "1")?;
        cluster.sh(host, "systemctl restart xdock-network-watch").await?;
        until(cluster, host, "ip link show br98 | grep -q 'state UP' && ! netd status | grep problem")
            .await?;
    }
    Ok(())
}

async fn a_stopped_service_restores_nothing(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        cluster.sh(host, "systemctl stop xdock-network-watch; ip link set br98 down").await?;
        stays_down(cluster, host).await?;
        let said = cluster.sh(host, "xdockhost status || true").await?;
        let message = "xdock-network-watch.service does not run: missing devices, addresses and routes are not restored";
        same(&format!("{host}: {said}"), &said.contains(message), &true)?;
        // a run restores the network, and leaves the service as it is
        step(cluster, host, "network").await?;
        cluster.sh(host, &format!("{BR98_IS_UP} && ! systemctl is-active xdock-network-watch")).await?;
        cluster.sh(host, "systemctl start xdock-network-watch").await?;
    }
    Ok(())
}

async fn a_masked_service_stays_off_over_updates_and_boots(cluster: &Cluster) -> Result<(), Failure> {
    let off = "[ $(systemctl is-enabled xdock-network-watch) = masked ] && ! systemctl is-active xdock-network-watch";
    for host in HOSTS {
        cluster.sh(host, "systemctl mask --now xdock-network-watch").await?;
        // as after an update of xdock
        cluster.sh(host, "rm /usr/local/lib/systemd/system/xdock-network-watch.service").await?;
        step(cluster, host, "network").await?;
        cluster.sh(host, off).await.map_err(|error| format!("{host} after an update: {error}"))?;
        cluster.lab.power(host, Power::Off).await?;
        cluster.lab.power(host, Power::On).await?;
        becomes_bridged(cluster, host).await?;
        cluster.sh(host, off).await.map_err(|error| format!("{host} after a boot: {error}"))?;
        cluster
            .sh(host, "systemctl unmask xdock-network-watch && systemctl start xdock-network-watch")
            .await?;
    }
    Ok(())
}

async fn a_killed_service_restores_the_network(cluster: &Cluster) -> Result<(), Failure> {
    let kill = "kill -9 $(systemctl show -P MainPID xdock-network-watch); ip link del mynet0";
    all_healed(cluster, &HOSTS, |_| kill.to_owned()).await?;
    for host in HOSTS {
        let memory = "grep -E 'VmRSS' /proc/$(systemctl show -P MainPID xdock-network-watch)/status";
        eprintln!("  {host}: {}", cluster.sh(host, memory).await?.trim());
    }
    Ok(())
}

async fn restarting_xdock_network_restores_the_whole_network(cluster: &Cluster) -> Result<(), Failure> {
    let spoil = "systemctl stop xdock-network-watch; ip link del br98; ip link del mynet0; systemctl restart xdock-network";
    all_healed(cluster, &HOSTS, |_| spoil.to_owned()).await?;
    for host in HOSTS {
        cluster.sh(host, &format!("{BR98_IS_UP} && systemctl start xdock-network-watch")).await?;
    }
    Ok(())
}

async fn a_power_cut_during_a_repair_leaves_a_host_that_boots(cluster: &Cluster) -> Result<(), Failure> {
    for (host, after) in HOSTS.into_iter().zip([650_u64, 750, 850, 1_000]) {
        let cut = async {
            tokio::time::sleep(Duration::from_millis(after)).await;
            cluster.lab.power(host, Power::Cut).await
        };
        // the command ends with the host
        let (_, cut) = tokio::join!(cluster.run(host, "ip link del mynet0; sleep 5"), cut);
        cut?;
        cluster.lab.power(host, Power::On).await?;
        becomes_bridged(cluster, host).await.map_err(|error| format!("{host}: {error}"))?;
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}
