//! How the tables reach a host whose snapshot is of the future, of another management node, or broken.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Ran, Tables, tables};

acceptance::promises![
    a_snapshot_of_the_future_is_reported_by_mk_and_replaced_by_sync,
    two_management_nodes_report_each_other,
    a_damaged_snapshot_is_served_from_its_copy_and_replaced_by_sync,
];

const SNAPSHOT: &str = "/var/lib/xdock/snapshot.json";
const VERSION: &str = "sed -n 's/^\"version\": \\([0-9]*\\),$/\\1/p' /var/lib/xdock/snapshot.json";

/// Gives the tables one more container of host3, for as long as something is tried, and removes it.
async fn with_a_new_row<T>(
    cluster: &Cluster,
    name: &str,
    address: &str,
    tried: impl AsyncFnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let more: Tables = tables::three_hosts_two_networks().container(name, "host3", address, &[]);
    cluster.write_tables(&more).await?;
    let done = tried().await;
    cluster.xdock_done(&format!("rm -f {name}")).await?;
    cluster.write_tables(&tables::three_hosts_two_networks()).await?;
    cluster.xdock_done("sync host3").await?;
    done
}

/// What the one line of a command says, with the digits of times taken out.
fn words(ran: &Ran) -> (i32, String) {
    let text = format!("{}{}", ran.stdout, ran.stderr);
    let kept = text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c });
    // version and time have fixed widths; the names of hosts and nodes have digits too, and are put back
    let text: String = kept.collect();
    (ran.code, text.replace("host#", "host3").replace("mn#", "mn2").replace("late#", "late1"))
}

async fn a_snapshot_of_the_future_is_reported_by_mk_and_replaced_by_sync(
    cluster: &Cluster,
) -> Result<(), Failure> {
    // three hours and a bit: the clock of a lab is one
    let shift = format!(
        "v=$({VERSION}); sed -i \"s/^\\\"version\\\": $v,/\\\"version\\\": $(( $(date +%s) * 1000 + 10830000 )),/\" {SNAPSHOT}; cp {SNAPSHOT} /root/future.json; systemctl restart netd"
    );
    cluster.sh("host3", &shift).await?;
    with_a_new_row(cluster, "late1", "10.99.3.91", async || {
        let message = "late1: Error: the tables on host3 are of ####-##-## ##:##:## UTC, # hours in the future of this management node's clock (made by mn); check the clock, then run \"xdock sync host3\"\n";
        let made = words(&cluster.xdock("mk late1").await?);
        same("what mk says", &made, &(1, message.to_owned()))?;
        let synced = words(&cluster.xdock("sync host3").await?);
        let message = "host3: snapshot ############# delivered; it replaces the snapshot of ####-##-## ##:##:## UTC by mn\n";
        same("what sync says", &synced, &(0, message.to_owned()))?;
        cluster.xdock_done("mk late1 --start").await?;
        let replayed = cluster.run("host3", "netd snapshot load /root/future.json").await?;
        same("exit status of a replay", &replayed.code, &1)?;
        same("what a replay says", &replayed.stderr.contains("is older than"), &true)
    })
    .await
}

async fn two_management_nodes_report_each_other(cluster: &Cluster) -> Result<(), Failure> {
    let second = |words: &str| format!("unshare --uts sh -c 'hostname mn2; xdock {words}'");
    let message = |new: &str, old: &str| {
        format!(
            "host3: snapshot ############# of {new} delivered; it replaces tables of management node {old}, of ####-##-## ##:##:## UTC: both deliver tables to this host\n"
        )
    };
    with_a_new_row(cluster, "late1", "10.99.3.92", async || {
        let made = words(&cluster.run("mn", &second("mk late1")).await?);
        let refused = "late1: Error: host3 has the tables of management node mn (of ####-##-## ##:##:## UTC), not those of mn2; to replace them run \"xdock sync host3\"\n";
        same("what mk of the second says", &made, &(1, refused.to_owned()))?;
        let synced = words(&cluster.run("mn", &second("sync host3")).await?);
        same("what sync of the second says", &synced, &(0, message("mn2", "mn")))?;
        let synced = words(&cluster.xdock("sync host3").await?);
        same("what sync of the first says", &synced, &(0, message("mn", "mn2")))?;
        cluster.xdock_done("mk late1").await.map(drop)
    })
    .await
}

async fn a_damaged_snapshot_is_served_from_its_copy_and_replaced_by_sync(
    cluster: &Cluster,
) -> Result<(), Failure> {
    let spoil = format!("rm {SNAPSHOT} && mkdir {SNAPSHOT} && systemctl restart netd");
    cluster.sh("host3", &spoil).await?;
    cluster.xdock_done("power host3c1 restart").await?;
    let status = cluster.xdock("host host3 status").await?;
    let message = format!("netd: snapshot {SNAPSHOT} is broken; netd serves the last good one, of ");
    same("host status reports it", &(status.code, status.stderr.contains(&message)), &(1, true))?;
    let journal =
        cluster.sh("host3", "journalctl -u netd --no-pager -o cat | grep -c 'serves the last good'");
    same("lines in the journal", &(journal.await? != "0"), &true)?;
    cluster.xdock_done("sync host3").await?;
    same("exit status of host status", &cluster.xdock("host host3 status").await?.code, &0)?;
    cluster
        .sh("host3", &format!("cmp {SNAPSHOT} {SNAPSHOT}.last && rm -r {SNAPSHOT}.broken-*"))
        .await
        .map(drop)
}
