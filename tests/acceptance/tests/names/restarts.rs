//! Names are asked all the while.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use acceptance::ask::{answers, asked_while};

acceptance::promises![
    no_request_is_lost_while_netd_is_restarted,
    no_request_is_lost_while_netd_is_upgraded,
    requests_of_a_second_at_most_are_lost_when_netd_is_killed,
    sockets_of_a_killed_container_are_closed,
    names_are_answered_after_dockerd_is_killed,
];

const RATE: u32 = 400;
const NETD: &str = "/opt/xdock/bin/netd";

async fn lost(cluster: &Cluster, work: impl Future<Output = Result<(), Failure>>) -> Result<u32, Failure> {
    let load = asked_while(cluster, RATE, work).await?;
    eprintln!("  {load:?}");
    Ok(load.lost)
}

async fn no_request_is_lost_while_netd_is_restarted(cluster: &Cluster) -> Result<(), Failure> {
    let restart = async { cluster.sh("host1", "systemctl restart netd").await.map(drop) };
    same("lost", &lost(cluster, restart).await?, &0)
}

async fn no_request_is_lost_while_netd_is_upgraded(cluster: &Cluster) -> Result<(), Failure> {
    // another file of the same release: what is installed is not what the manifest says
    let other = format!("cp {NETD} {NETD}.old && echo >> {NETD}.old && mv {NETD}.old {NETD}");
    cluster.sh("host1", &other).await?;
    let upgrade = async {
        let said = cluster.updatenode(&["host1"], "xdock netd").await?;
        same("updatenode", &said.contains("xdock: netd: installed netd"), &true).map_err(|_| said.into())
    };
    same("lost", &lost(cluster, upgrade).await?, &0)
}

async fn requests_of_a_second_at_most_are_lost_when_netd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    let kill = "systemctl kill -s KILL netd; until netd status >/dev/null 2>&1; do sleep 0.1; done";
    let kill = async { cluster.sh("host1", kill).await.map(drop) };
    let lost = lost(cluster, kill).await?;
    same(&format!("{lost} lost"), &(lost <= RATE), &true)
}

/// The sockets that systemd keeps for netd, two of each container.
async fn kept(cluster: &Cluster) -> Result<String, Failure> {
    cluster.sh("host1", "systemctl show -P NFileDescriptorStore netd").await
}

async fn until_kept(cluster: &Cluster, wanted: &str) -> Result<(), Failure> {
    let line = format!(
        "for i in $(seq 100); do [ \"$(systemctl show -P NFileDescriptorStore netd)\" = {wanted} ] && exit 0; sleep 0.1; done; netd status; exit 1"
    );
    cluster.sh("host1", &line).await.map(drop)
}

/// dockerd removes the sandbox when it starts, without a call.
async fn sockets_of_a_killed_container_are_closed(cluster: &Cluster) -> Result<(), Failure> {
    same("kept at first", kept(cluster).await?.as_str(), "6")?;
    let kill = "pid=$(docker inspect -f '{{.State.Pid}}' app); systemctl stop docker.socket docker; kill -9 $pid; systemctl start docker";
    cluster.sh("host1", kill).await?;
    until_kept(cluster, "4").await?;
    cluster.xdock_done("power app on").await?;
    answers(cluster, "host1", "app", "A db", "NOERROR 10.99.2.2").await?;
    same("kept at the end", kept(cluster).await?.as_str(), "6")
}

async fn names_are_answered_after_dockerd_is_killed(cluster: &Cluster) -> Result<(), Failure> {
    let kill = "systemctl kill -s KILL docker; until docker ps >/dev/null 2>&1; do sleep 0.1; done";
    let kill = async { cluster.sh("host1", kill).await.map(drop) };
    same("lost", &lost(cluster, kill).await?, &0)?;
    answers(cluster, "host1", "web", "A db", "NOERROR 10.99.2.1").await?;
    same("kept", kept(cluster).await?.as_str(), "6")
}
