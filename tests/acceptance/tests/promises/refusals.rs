//! What is refused, and in which words. Nothing is changed by a refusal.

use std::time::{Duration, Instant};

use acceptance::{Cluster, Failure, Ran, Tables, tables};

use acceptance::soundness::{same, sound};

acceptance::promises![
    one_address_in_two_rows,
    an_address_of_another_hosts_container,
    an_address_of_no_row,
    an_address_outside_the_network,
    an_address_that_was_not_asked_for,
    a_mac_that_is_not_the_tables,
    a_network_that_the_tables_do_not_have,
    a_network_in_no_row,
    a_host_that_is_no_node,
    a_node_that_is_not_there,
    an_image_that_is_not_there,
    an_address_conflict,
    a_dead_host_costs_its_own_nodes_only,
];

/// The tables with more in them, for as long as something is tried.
async fn with_tables<T>(
    cluster: &Cluster,
    more: impl FnOnce(Tables) -> Tables,
    tried: impl AsyncFnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    cluster.write_tables(&more(tables::three_hosts_two_networks())).await?;
    let done = tried().await;
    cluster.write_tables(&tables::three_hosts_two_networks()).await?;
    done
}

/// Exit status, standard output and standard error together.
fn said(ran: &Ran, code: i32, stdout: &str, stderr: &str) -> Result<(), Failure> {
    let wanted = Ran { code, stdout: stdout.to_owned(), stderr: stderr.to_owned() };
    same("output", ran, &wanted)
}

/// What `docker run` with these words says behind `remote: `; it must fail and leave no container.
async fn refused_run(cluster: &Cluster, host: &str, words: &str) -> Result<String, Failure> {
    let before = cluster.sh(host, "docker ps -aq | wc -l").await?;
    let ran = cluster.run(host, &format!("docker run --rm {words} busybox true")).await?;
    same("containers after the refusal", &cluster.sh(host, "docker ps -aq | wc -l").await?, &before)?;
    let line = ran.stderr.lines().find_map(|line| line.split_once("remote: "));
    let (_, why) = line.ok_or_else(|| format!("docker run {words} said {ran:?}"))?;
    Ok(why.trim_end_matches('.').to_owned())
}

/// What xdock says of a node that its row makes unusable.
fn unusable(node: &str, why: &str) -> String {
    format!(
        "{node}: Error: {why}\nError: nothing was done: the tables have invalid values for 1 node\nhint: run \"xdock check\" to check all tables\n"
    )
}

/// Of the snapshot that host1 has.
async fn version(cluster: &Cluster) -> Result<u64, Failure> {
    let status: serde_json::Value = serde_json::from_str(&cluster.sh("host1", "netd status --json").await?)?;
    let version = status.pointer("/snapshot/version").and_then(serde_json::Value::as_u64);
    Ok(version.ok_or("netd status --json has no snapshot version")?)
}

async fn one_address_in_two_rows(cluster: &Cluster) -> Result<(), Failure> {
    let twin = |tables: Tables| tables.container("twin", "host1", "10.99.1.2", &[]);
    let clash =
        "10.99.1.2 is the address of host1c2 and twin: change hosts.ip of host1c2 or hosts.ip of twin";
    with_tables(cluster, twin, async || {
        let ran = cluster.xdock("check").await?;
        said(
            &ran,
            1,
            &format!("error: {clash}\n"),
            "62 nodes in file:/etc/xdock/cluster.stanza: 1 error, 0 warnings\n",
        )?;
        let ran = cluster.xdock("mk twin --start").await?;
        said(&ran, 2, "", &unusable("twin", clash))?;
        let found = cluster.sh("host1", "docker ps -a --filter name=twin --format '{{.Names}}'").await?;
        same("containers of the twin", &found, &String::new())
    })
    .await
}

async fn an_address_of_another_hosts_container(cluster: &Cluster) -> Result<(), Failure> {
    let why = refused_run(cluster, "host1", "--network mynet0 --ip 10.99.2.1").await?;
    same(
        "refusal",
        why.as_str(),
        "10.99.2.1 belongs to host2c1, and host2c1 lives on host2 (vm.host), not on host1",
    )
}

async fn an_address_of_no_row(cluster: &Cluster) -> Result<(), Failure> {
    let why = refused_run(cluster, "host1", "--network mynet0 --ip 10.99.7.7").await?;
    let version = version(cluster).await?;
    let wanted = format!(
        "10.99.7.7 is the address of no container node on mynet0 (snapshot {version}): define it with ip=10.99.7.7, then \"xdock sync host1\""
    );
    same("refusal", &why, &wanted)
}

async fn an_address_outside_the_network(cluster: &Cluster) -> Result<(), Failure> {
    let stray = |tables: Tables| tables.container("stray", "host1", "10.5.0.1", &[]);
    with_tables(cluster, stray, async || {
        let ran = cluster.xdock("mk stray").await?;
        let why =
            "no row of networks contains 10.5.0.1, the hosts.ip of stray; add the row or correct the address";
        said(&ran, 2, "", &unusable("stray", why))
    })
    .await
}

async fn an_address_that_was_not_asked_for(cluster: &Cluster) -> Result<(), Failure> {
    let why = refused_run(cluster, "host1", "--network mynet0").await?;
    let wanted = "an address is required on mynet0: this engine does not send the container's name; use \"xdock mk NODE\", or --ip ADDRESS";
    same("refusal", why.as_str(), wanted)
}

async fn a_mac_that_is_not_the_tables(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host1", "docker stop -t 1 host1c1").await?;
    let words = "--network mynet0 --ip 10.99.1.1 --mac-address 02:11:22:33:44:55";
    let why = refused_run(cluster, "host1", words).await?;
    cluster.sh("host1", "docker start host1c1").await?;
    let wanted =
        "MAC 02:11:22:33:44:55 was requested, but host1c1 has 02:42:0a:63:01:01 in the tables (mac.mac)";
    same("refusal", why.as_str(), wanted)
}

async fn a_network_that_the_tables_do_not_have(cluster: &Cluster) -> Result<(), Failure> {
    let make =
        "docker network create -d netd --ipam-driver netd -o netd.network=other --subnet 10.5.0.0/16 other";
    let ran = cluster.run("host1", make).await?;
    let why = ran.stderr.split_once("remote: ").map(|(_, why)| why.trim()).unwrap_or_default();
    same(
        "networks made",
        &cluster.sh("host1", "docker network ls -q --filter name=other").await?,
        &String::new(),
    )?;
    let known = "mynet0 (10.99.0.0/16), net98 (10.98.0.0/16 and fd00:98::/64)";
    let wanted = format!(
        "10.5.0.0/16 is not a network of this host: snapshot {} has {known}",
        version(cluster).await?
    );
    same("refusal", why, wanted.as_str())
}

async fn a_network_in_no_row(cluster: &Cluster) -> Result<(), Failure> {
    let lost = |tables: Tables| {
        tables.container(
            "lost",
            "host1",
            "10.99.1.77",
            &[("nicips.eth1", "10.5.0.1"), ("nicnetworks.eth1", "nonet")],
        )
    };
    with_tables(cluster, lost, async || {
        let ran = cluster.xdock("mk lost").await?;
        let why = "nicnetworks.eth1=nonet of lost: no row of networks has this netname";
        said(&ran, 2, "", &unusable("lost", why))
    })
    .await
}

async fn a_host_that_is_no_node(cluster: &Cluster) -> Result<(), Failure> {
    let lost = |tables: Tables| tables.container("lost", "host9", "10.99.1.77", &[]);
    with_tables(cluster, lost, async || {
        let ran = cluster.xdock("mk lost").await?;
        let why = "vm.host=host9 of lost: no node has this name; define it or correct the row";
        said(&ran, 2, "", &unusable("lost", why))
    })
    .await
}

async fn a_node_that_is_not_there(cluster: &Cluster) -> Result<(), Failure> {
    let ran = cluster.xdock("power host1c1,nosuch,host1c77 off").await?;
    said(&ran, 2, "", "Error: Invalid nodes and/or groups in noderange: nosuch,host1c77\n")?;
    let state = cluster.xdock_done("power host1c1 state").await?;
    same("state of the node that is there", state.as_str(), "host1c1: running\n")
}

async fn an_image_that_is_not_there(cluster: &Cluster) -> Result<(), Failure> {
    let bare =
        |tables: Tables| tables.container("bare", "host1", "10.99.1.77", &[("provmethod", "nosuch:1")]);
    with_tables(cluster, bare, async || {
        let ran = cluster.xdock("mk bare").await?;
        same(
            "exit status and output",
            &(ran.code, ran.stdout.as_str()),
            &(1, "bare: Pull image nosuch:1 start\n"),
        )?;
        // between the two stands what the engine said
        let (begin, end) = (
            "bare: Error: image nosuch:1 is not on host1, and its engine cannot pull it (",
            "); load it there (docker load) or make the registry reachable\n",
        );
        same("the error", &(ran.stderr.starts_with(begin), ran.stderr.ends_with(end)), &(true, true))
    })
    .await
}

async fn an_address_conflict(cluster: &Cluster) -> Result<(), Failure> {
    // a machine of its own in host3, on the wire but in no table
    let squat = "ip netns add squat && ip link add sq0 type veth peer name sq1 netns squat && ip link set sq0 master mynet0 up \
        && ip -n squat link set sq1 address 02:bb:bb:bb:bb:bb up && ip -n squat address add 10.99.1.4/16 dev sq1";
    cluster.sh("host1", "docker stop -t 1 host1c4").await?;
    // a restart within a minute is not probed: netd forgets what it released when it is restarted
    cluster.sh("host1", "systemctl restart netd").await?;
    cluster.sh("host3", squat).await?;
    let ran = cluster.xdock("power host1c4 on").await?;
    // the link first: a namespace's interfaces go some time after it
    cluster.sh("host3", "ip link del sq0 && ip netns del squat").await?;
    cluster.xdock_done("power host1c4 on").await?;
    same("exit status and output", &(ran.code, ran.stdout.as_str()), &(1, ""))?;
    // dockerd prepends the failed call, which depends on when the other machine answers
    let why = ran.stderr.split_once("remote: ").map(|(_, why)| why).unwrap_or(&ran.stderr);
    let wanted = "address 10.99.1.4 of host1c4 is in use on the wire by 02:bb:bb:bb:bb:bb (network mynet0): stop that machine, or change the address in the tables\n";
    same("refusal", why, wanted)?;
    sound(cluster).await
}

async fn a_dead_host_costs_its_own_nodes_only(cluster: &Cluster) -> Result<(), Failure> {
    cluster.lab.link("host2", "eth0", false).await?;
    let begun = Instant::now();
    let ran = cluster.xdock("--timeout 4 power host1c1,host2c1,host3c1 state").await?;
    let took = begun.elapsed();
    cluster.lab.link("host2", "eth0", true).await?;
    same(
        "exit status and output",
        &(ran.code, ran.stdout.as_str()),
        &(1, "host1c1: running\nhost3c1: running\n"),
    )?;
    // how the wire fails (no route, no answer) is the kernel's choice of the moment
    let message: Vec<&str> =
        ran.stderr.lines().map(|line| line.split_at_checked(16).unwrap_or_default().0).collect();
    same("the unreachable hosts", &message, &vec!["host2c1: Error: "])?;
    if took > Duration::from_secs(6) {
        return Err(format!("the dead host took {} s, its deadline is 4 s", took.as_secs_f32()).into());
    }
    sound(cluster).await
}
