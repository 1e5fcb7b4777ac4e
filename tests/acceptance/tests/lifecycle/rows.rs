//! A wrong row concerns its own node: others are made, and what runs goes on.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};

acceptance::promises![
    items_of_docker_run_are_in_force,
    a_wrong_row_stops_its_own_node_only,
    one_that_runs_keeps_its_address_when_its_row_becomes_wrong,
    two_rows_with_one_address_are_both_refused_and_others_made,
    names_are_sorted_with_their_numbers_and_listed_once,
];

/// Containers of host1 and host2, which nobody else uses.
pub(crate) fn rows(tables: Tables) -> Tables {
    let items = [("vmothersettings", acceptance::items::SETTINGS), ("vmstorage", acceptance::items::STORAGE)];
    let tables = tables.container("items1", "host1", "10.99.1.90", &items);
    [1, 2, 10].into_iter().fold(tables, |tables, number| {
        tables.container(&format!("row{number}"), "host1", &format!("10.99.1.{}", 90 + number), &[])
    })
}

async fn items_of_docker_run_are_in_force(cluster: &Cluster) -> Result<(), Failure> {
    acceptance::items::are_in_force(cluster, "host1", "items1").await
}

/// The tables as they were, and no container.
async fn cleared(cluster: &Cluster) -> Result<(), Failure> {
    cluster.write_tables(&cluster.tables).await?;
    // some may not be there
    cluster.xdock("rm -f row1,row2,row10").await?;
    cluster.xdock_done("sync host1").await.map(drop)
}

const WRONG: &str = "hosts.ip=10.99.1.256 of row2: an IP address is needed";

async fn says(cluster: &Cluster, words: &str, wanted: (i32, &str, &str)) -> Result<(), Failure> {
    let ran = cluster.xdock(words).await?;
    same(words, &(ran.code, ran.stdout.as_str(), ran.stderr.as_str()), &wanted)
}

async fn a_wrong_row_stops_its_own_node_only(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("def row2 ip=10.99.1.256").await?;
    let left_out = format!("hint: left out: {WRONG}\n");
    // nobody asked for it
    says(cluster, "mk row1 --start", (0, "row1: success\n", &left_out)).await?;
    let refused = format!("row2: Error: {WRONG}\nhint: run \"xdock check\" to check all tables\n");
    says(cluster, "mk row1,row2,row10 --start", (1, "row1: already created\nrow10: success\n", &refused))
        .await?;
    let synced = cluster.xdock_done("sync host1").await?;
    same("sync", &synced.starts_with(&format!("host1: left out: {WRONG}\nhost1: snapshot ")), &true)?;
    let status = cluster.sh("host1", "netd status").await?;
    same(&status, &status.contains("; rows that cannot be used: row2 (xdock check)"), &true)?;
    // a container without a host
    cluster.xdock_done("def row2 ip=10.99.1.92 vmhost=").await?;
    let why = "vm.host of row2 is empty; set it to the node name of its docker host";
    let refused = format!("row2: Error: {why}\nhint: run \"xdock check\" to check all tables\n");
    says(cluster, "power row1,row2,row10 state", (1, "row1: running\nrow10: running\n", &refused)).await?;
    cleared(cluster).await
}

/// Its address, as its own kernel has it.
const HAS_ADDRESS: &str = "docker exec row2 ip -o -4 addr show eth0 | grep -o 10.99.1.92";

async fn one_that_runs_keeps_its_address_when_its_row_becomes_wrong(
    cluster: &Cluster,
) -> Result<(), Failure> {
    cleared(cluster).await?;
    cluster.xdock_done("mk row2 --start").await?;
    let started = cluster.sh("host1", "docker inspect -f '{{.State.StartedAt}}' row2").await?;
    cluster.xdock_done("def row2 ip=10.99.1.256").await?;
    cluster.xdock_done("sync host1").await?;
    cluster.sh("host1", "netd reconcile").await?;
    cluster.sh("host1", &format!("{HAS_ADDRESS} && ping -c1 -W2 10.99.1.92")).await?;
    let same_start = cluster.sh("host1", "docker inspect -f '{{.State.StartedAt}}' row2").await?;
    same("undisturbed", &same_start, &started)?;
    // a restart, a new netd, an order of the administrator
    cluster.sh("host1", &format!("docker restart -t 1 row2 && {HAS_ADDRESS}")).await?;
    cluster.sh("host1", "systemctl restart netd.service && netd status").await?;
    cluster.xdock_done("power row2 reset").await?;
    cluster.sh("host1", HAS_ADDRESS).await?;
    nobody_else_gets_it(cluster).await?;
    // the row is right again, and says something else
    cluster.write_tables(&cluster.tables).await?;
    cluster.xdock_done("def row2 ip=10.99.1.93").await?;
    cluster.xdock_done("sync host1").await?;
    let refused = cluster.run("host1", "docker restart -t 1 row2").await?;
    let message = refused.stderr.contains("10.99.1.92 is the address of no container node on mynet0");
    same(&refused.stderr, &message, &true)?;
    cleared(cluster).await
}

/// Neither by hand, nor by a row that claims it too, nor by one that takes it over while the container runs.
async fn nobody_else_gets_it(cluster: &Cluster) -> Result<(), Failure> {
    let by_hand =
        cluster.run("host1", "docker run --rm --network mynet0 --ip 10.99.1.92 busybox true").await?;
    same(&by_hand.stderr, &by_hand.stderr.contains("row2 is on mynet0 already"), &true)?;
    cluster.xdock_done("def row10 ip=10.99.1.92").await?;
    let ran = cluster.xdock("mk row10 --start").await?;
    let in_use = ran.stderr.contains("address 10.99.1.92 of row10 is in use on the wire by");
    same(&ran.stderr, &(ran.code, in_use), &(1, true))?;
    cluster.xdock_done("def row10 ip=10.99.1.100").await?;
    cluster.sh("host1", HAS_ADDRESS).await.map(drop)
}

async fn two_rows_with_one_address_are_both_refused_and_others_made(
    cluster: &Cluster,
) -> Result<(), Failure> {
    cleared(cluster).await?;
    cluster.xdock_done("mk row2 --start").await?;
    cluster.xdock_done("def row1 ip=10.99.1.92").await?;
    let clash = "10.99.1.92 is the address of row1 and row2: change hosts.ip of row1 or hosts.ip of row2";
    let refused = format!(
        "row1: Error: {clash}\nrow2: Error: {clash}\nhint: run \"xdock check\" to check all tables\n"
    );
    says(cluster, "mk row1,row2,row10 --start", (1, "row10: success\n", &refused)).await?;
    // the one that had it goes on
    cluster.sh("host1", &format!("docker restart -t 1 row2 && {HAS_ADDRESS}")).await?;
    cleared(cluster).await
}

async fn names_are_sorted_with_their_numbers_and_listed_once(cluster: &Cluster) -> Result<(), Failure> {
    cleared(cluster).await?;
    cluster.xdock_done("mk row1,row2,row10").await?;
    let first = |text: String| {
        text.lines()
            .map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    let nodes = first(cluster.xdock_done("ls row10,row2,row1").await?);
    same(
        "nodes",
        &nodes,
        &["row1: created 10.99.1.91", "row2: created 10.99.1.92", "row10: created 10.99.1.100"]
            .map(str::to_owned)
            .to_vec(),
    )?;
    let all = cluster.xdock_done("ls host1,row10,row2,row1").await?;
    let times = ["10.99.1.91", "10.99.1.92", "10.99.1.100"]
        .map(|address| all.matches(&format!(" {address} ")).count());
    same(&all, &times, &[1, 1, 1])?;
    let on_host = cluster.xdock_done("ls host1").await?;
    let places = ["row1 ", "row2 ", "row10 "].map(|name| on_host.find(name));
    same(&on_host, &(places.is_sorted() && places.iter().all(Option::is_some)), &true)?;
    let json = cluster.xdock_done("ls host1,row1 --json").await?;
    same(&json, &json.matches("\"node\":\"row1\"").count(), &1)?;
    cleared(cluster).await
}
