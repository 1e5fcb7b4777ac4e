//! A bare Debian becomes a docker host, whatever manages its network, and is the same after a reboot.

use acceptance::network::{becomes_bridged, is_bridged, nothing_to_do, seen};
use acceptance::reach::moves_within_reach;
use acceptance::{Cluster, Failure};
use lab::Power;

use crate::network::HOSTS;

acceptance::promises![
    at_most_three_of_ten_pings_a_second_are_lost_while_the_install_nic_moves_into_a_bridge,
    a_bare_debian_becomes_a_docker_host_under_each_manager,
    a_second_run_has_nothing_to_do_under_each_manager,
    the_network_is_the_same_after_a_reboot_under_each_manager,
    nothing_is_to_be_done_after_a_reboot,
    status_reports_whether_a_host_drifted,
];

async fn at_most_three_of_ten_pings_a_second_are_lost_while_the_install_nic_moves_into_a_bridge(
    cluster: &Cluster,
) -> Result<(), Failure> {
    moves_within_reach(cluster, &HOSTS, is_bridged).await
}

async fn a_bare_debian_becomes_a_docker_host_under_each_manager(cluster: &Cluster) -> Result<(), Failure> {
    cluster.updatenode(&HOSTS, "xdock unsigned=yes").await?;
    for host in HOSTS {
        is_bridged(cluster, host).await?;
        cluster.sh(host, "systemctl is-active docker netd.socket netd.service && docker version").await?;
    }
    Ok(())
}

async fn a_second_run_has_nothing_to_do_under_each_manager(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        for step in ["docker unsigned=yes", "network", "netd"] {
            nothing_to_do(cluster, host, step).await?;
        }
    }
    Ok(())
}

async fn the_network_is_the_same_after_a_reboot_under_each_manager(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let before = seen(cluster, host).await?;
        cluster.lab.power(host, Power::Off).await?;
        cluster.lab.power(host, Power::On).await?;
        becomes_bridged(cluster, host).await?;
        let after = seen(cluster, host).await?;
        if before != after {
            return Err(format!("{host} before the reboot:\n{before}\nand after it:\n{after}").into());
        }
    }
    Ok(())
}

async fn nothing_is_to_be_done_after_a_reboot(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        nothing_to_do(cluster, host, "network").await?;
    }
    Ok(())
}

async fn status_reports_whether_a_host_drifted(cluster: &Cluster) -> Result<(), Failure> {
    let ask = "/opt/xdock/bin/xdockhost status";
    let said = cluster.sh("host1", ask).await?;
    for line in ["xdock: docker: engine ", "xdock: network: as planned", "xdock: netd: as planned"] {
        if !said.contains(line) {
            return Err(format!("status lacks {line:?}: {said}").into());
        }
    }
    cluster.sh("host1", "mv /etc/network/interfaces.d/xdock /root/").await?;
    let drifted = cluster.run("host1", ask).await?;
    let json = cluster.run("host1", &format!("{ask} --json")).await?;
    cluster.sh("host1", "mv /root/xdock /etc/network/interfaces.d/").await?;
    if drifted.code != 1 || !drifted.stdout.contains("xdock: network: drifted: ") {
        return Err(format!("status of a host that drifted: {drifted:?}").into());
    }
    let message: serde_json::Value = serde_json::from_str(&json.stdout)?;
    match message.pointer("/network/drift/0").is_some() {
        true => Ok(()),
        false => Err(format!("no /network/drift/0 in {message}").into()),
    }
}
