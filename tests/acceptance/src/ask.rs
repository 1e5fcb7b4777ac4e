//! Requests for names from inside of containers.

use crate::cluster::Cluster;
use crate::container::inside;
use crate::engine::Failure;
use crate::soundness::same;

/// The client, on each host.
const SCRIPT: &str = include_str!("ask.pl");
/// Exists while requests are sent.
const ASKING: &str = "/run/asking";
/// Docker's resolver, which asks netd.
const DOCKER: &str = "127.0.0.11";
/// netd.
const NETD: &str = "127.0.0.12";

/// Copies the client to the hosts.
///
/// # Errors
/// Not written.
pub async fn install(cluster: &Cluster) -> Result<(), Failure> {
    cluster.each_host(|host| async move { cluster.write(&host, "/root/ask.pl", SCRIPT).await }).await
}

/// What Docker's resolver answers a container about `words`: type and name, and `tcp`.
///
/// # Errors
/// No answer.
pub async fn asked(cluster: &Cluster, host: &str, container: &str, words: &str) -> Result<String, Failure> {
    cluster.sh(host, &inside(container, &format!("perl /root/ask.pl ask {DOCKER} {words}"))).await
}

/// What netd answers directly. Docker's resolver of engine 20.10 answers nothing if no server of the container does.
///
/// # Errors
/// Another answer, or none.
pub async fn netd_answers(
    cluster: &Cluster,
    container: &str,
    words: &str,
    expected: &str,
) -> Result<(), Failure> {
    let answer =
        cluster.sh("host1", &inside(container, &format!("perl /root/ask.pl ask {NETD} {words}"))).await?;
    same(&format!("{container} asks netd {words}"), answer.as_str(), expected)
}

/// Checks an answer.
///
/// # Errors
/// Another answer, or none.
pub async fn answers(
    cluster: &Cluster,
    host: &str,
    container: &str,
    words: &str,
    expected: &str,
) -> Result<(), Failure> {
    let answer = asked(cluster, host, container, words).await?;
    same(&format!("{container} asks {words}"), answer.as_str(), expected)
}

/// Starts a name server on a host that answers everything with one address.
///
/// # Errors
/// It does not start.
pub async fn serve(cluster: &Cluster, host: &str, address: &str, record: &str) -> Result<(), Failure> {
    let unit = "systemctl stop name-server 2>/dev/null; systemd-run -q --unit name-server";
    let until = format!("until perl /root/ask.pl ask {address} A up >/dev/null 2>&1; do sleep 0.1; done");
    let line = format!("{unit} perl /root/ask.pl serve {address} {record}; {until}");
    cluster.sh(host, &line).await.map(drop)
}

/// Requests of a container, and how many of them were not answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Load {
    /// Sent.
    pub sent: u32,
    /// Not answered.
    pub lost: u32,
}

/// Asks for `db` from `web` of host1 all the time while `work` runs on host1.
///
/// # Errors
/// That of `work`, or the client failed.
pub async fn asked_while(
    cluster: &Cluster,
    rate: u32,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<Load, Failure> {
    let line = inside("web", &format!("perl /root/ask.pl load {NETD} db {rate} {ASKING}"));
    let asking = cluster.sh("host1", &line);
    let working = async {
        cluster
            .sh(
                "host1",
                &format!("for i in $(seq 100); do [ -e {ASKING} ] && exit 0; sleep 0.05; done; exit 1"),
            )
            .await?;
        let worked = work.await;
        // the last requests are asked after it
        cluster.sh("host1", &format!("sleep 0.5; rm {ASKING}")).await?;
        worked
    };
    let (asked, worked) = tokio::join!(asking, working);
    worked?;
    let text = asked?;
    let (sent, lost) = text.trim().split_once(' ').ok_or_else(|| text.clone())?;
    Ok(Load { sent: sent.parse()?, lost: lost.parse()? })
}
