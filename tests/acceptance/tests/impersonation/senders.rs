//! A container sends with its own MAC and addresses only.

use std::collections::BTreeSet;

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use crate::frames::{self, Frame};
use crate::stage::{FABRICS, container, dropped, frames_of_a1, heard, soon, with_tables};
use crate::tables;

acceptance::promises![
    nobody_hears_an_impostor_and_its_frames_are_counted,
    a_further_address_works_where_the_tables_name_it,
    antispoof_no_permits_everything_while_the_tables_say_so,
    nobody_hears_an_impostor_after_netd_is_restarted_or_killed,
    nobody_hears_an_impostor_after_its_filter_was_removed_by_hand,
    nobody_hears_an_impostor_after_ovs_vswitchd_is_restarted,
    nobody_hears_an_impostor_from_its_first_frame_on,
];

/// Permitted frames that a bridge may keep: multicast snooping forwards reports to routers only, and Docker's connection
/// tracking keeps fragments until it has all of a packet.
const KEPT: [&str; 4] =
    ["multicast listener report", "IPv4 later fragment", "IPv6 first fragment", "IPv6 later fragment"];

fn permitted(frames: &[Frame]) -> BTreeSet<String> {
    let permitted = frames.iter().filter(|frame| frame.permitted && !KEPT.contains(&frame.what));
    permitted.map(|frame| frame.what.to_owned()).collect()
}

async fn heard_without_kept(
    cluster: &Cluster,
    device: &str,
    frames: &[Frame],
) -> Result<[BTreeSet<String>; 2], Failure> {
    let heard = heard(cluster, device, frames).await?;
    Ok(heard.map(|names| names.into_iter().filter(|name| !KEPT.contains(&name.as_str())).collect()))
}

/// Both other containers hear what is a1's own, and nothing else.
async fn only_its_own(cluster: &Cluster) -> Result<(), Failure> {
    for (fabric, device) in FABRICS {
        let frames = frames_of_a1(cluster, device).await?;
        let [near, far] = heard_without_kept(cluster, device, &frames).await?;
        same(&format!("frames that b1 hears through the {fabric}"), &near, &permitted(&frames))?;
        same(&format!("frames that c2 hears through the {fabric}"), &far, &permitted(&frames))?;
    }
    Ok(())
}

async fn nobody_hears_an_impostor_and_its_frames_are_counted(cluster: &Cluster) -> Result<(), Failure> {
    let before = [dropped(cluster, FABRICS[0].1).await?, dropped(cluster, FABRICS[1].1).await?];
    only_its_own(cluster).await?;
    for ((fabric, device), before) in FABRICS.into_iter().zip(before) {
        let frames = frames_of_a1(cluster, device).await?;
        let refused = u64::try_from(frames.iter().filter(|frame| !frame.permitted).count())?;
        let counted = async || Ok(dropped(cluster, device).await? == before + refused);
        soon(&format!("{refused} frames of a1 are counted on the {fabric}"), counted).await?;
    }
    let status = cluster.sh("host1", "netd status").await?;
    if status.lines().any(|line| line.starts_with("a1: net98") && line.contains(" frames dropped")) {
        Ok(())
    } else {
        Err(format!("the count is not in {status}").into())
    }
}

async fn a_further_address_works_where_the_tables_name_it(cluster: &Cluster) -> Result<(), Failure> {
    let shared = ["10.98.7.7", "10.71.7.7"];
    let items = [("vmothersettings", "extraaddress=10.98.7.7,10.71.7.7")];
    let mut all = Vec::new();
    for ((_, device), address) in FABRICS.into_iter().zip(shared) {
        let own = container(cluster, "a1", device).await?.station;
        let (address, virtual_mac) = (address.parse()?, [0, 0, 0x5e, 0, 1, 51]);
        let list = [
            ("reply of the virtual MAC", frames::arp(virtual_mac, 2, virtual_mac, address, own.v4)),
            ("VRRP", frames::ipv4(virtual_mac, own.v4, 112, 0, &[0; 20])),
            (
                "packet from the further address",
                frames::ipv4(own.mac, address, 17, 0, &frames::udp(4000, 4000)),
            ),
        ];
        let frames: Vec<Frame> = list
            .into_iter()
            .map(|(what, mut bytes)| {
                frames::mark(&mut bytes, what);
                Frame { what, bytes, permitted: true }
            })
            .collect();
        same(
            "frames before the tables name it",
            &heard(cluster, device, &frames).await?,
            &Default::default(),
        )?;
        all.push((device, frames));
    }
    with_tables(cluster, &tables(&[], &items)).await?;
    for (device, frames) in &all {
        let both =
            async || Ok(heard(cluster, device, frames).await? == [permitted(frames), permitted(frames)]);
        soon("both hear the further address", both).await?;
    }
    with_tables(cluster, &cluster.tables).await?;
    for (device, frames) in &all {
        let none = async || Ok(heard(cluster, device, frames).await?.iter().all(BTreeSet::is_empty));
        soon("nobody hears it any more", none).await?;
    }
    only_its_own(cluster).await
}

async fn antispoof_no_permits_everything_while_the_tables_say_so(cluster: &Cluster) -> Result<(), Failure> {
    with_tables(cluster, &tables(&[], &[("vmothersettings", "antispoof=no")])).await?;
    for (_, device) in FABRICS {
        let frames = frames_of_a1(cluster, device).await?;
        let impostor = async || {
            let heard = heard(cluster, device, &frames).await?;
            Ok(heard.iter().all(|names| {
                ["router advertisement", "DHCP offer", "ARP reply for another's address"]
                    .iter()
                    .all(|name| names.contains(*name))
            }))
        };
        soon("both hear the impostor", impostor).await?;
    }
    let status = cluster.sh("host1", "netd status | grep '^a1:'").await?;
    same("lines that say so", &status.matches("may send with any address (antispoof=no)").count(), &2)?;
    with_tables(cluster, &cluster.tables).await?;
    soon("only its own again", async || Ok(only_its_own(cluster).await.is_ok())).await
}

async fn nobody_hears_an_impostor_after_netd_is_restarted_or_killed(
    cluster: &Cluster,
) -> Result<(), Failure> {
    for line in ["systemctl restart netd", "kill -9 $(systemctl show -P MainPID netd)"] {
        cluster.sh("host1", line).await?;
        only_its_own(cluster).await?;
    }
    cluster.sh("host1", "systemctl stop netd.socket netd").await?;
    let without_netd = only_its_own(cluster).await;
    cluster.sh("host1", "systemctl start netd.socket netd").await?;
    without_netd
}

async fn nobody_hears_an_impostor_after_its_filter_was_removed_by_hand(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let flush = "for port in $(ls /sys/class/net | grep ^xh); do tc qdisc del dev $port clsact 2>/dev/null || true; done; ovs-ofctl del-flows br1; ovs-ofctl add-flow br1 actions=NORMAL; nft flush ruleset || true";
    cluster.sh("host1", flush).await?;
    soon("only its own again", async || Ok(only_its_own(cluster).await.is_ok())).await
}

async fn nobody_hears_an_impostor_after_ovs_vswitchd_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    for line in ["systemctl restart ovs-vswitchd", "kill -9 $(systemctl show -P MainPID ovs-vswitchd)"] {
        cluster.sh("host1", line).await?;
        soon("only its own again", async || Ok(only_its_own(cluster).await.is_ok())).await?;
    }
    Ok(())
}

async fn nobody_hears_an_impostor_from_its_first_frame_on(cluster: &Cluster) -> Result<(), Failure> {
    for _ in 0..3 {
        cluster.xdock_done("power a1 restart").await?;
        only_its_own(cluster).await?;
    }
    Ok(())
}
