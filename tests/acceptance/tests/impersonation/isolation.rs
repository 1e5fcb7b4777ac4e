//! Containers of an isolated network reach their links only.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use acceptance::{Cluster, Failure};

use crate::stage::{container, soon, with_tables};
use crate::tables;

acceptance::promises![isolated_containers_reach_their_links_and_hosts_only];

/// Who opens a connection to whom, and whether it is answered. `host` is an address of host2 that is no container.
const WITH_LINKS: [(&str, &str, bool); 8] = [
    // a1 links to c2, on the other host
    ("a1", "c2", true),
    ("c2", "a1", false),
    ("a1", "b1", false),
    ("b1", "a1", false),
    ("b1", "c2", false),
    ("c2", "b1", false),
    ("a1", "host", true),
    ("b1", "host", true),
];

/// Whether somebody answers a connection to a port where nobody listens.
async fn answers(cluster: &Cluster, from: &str, to: &str, device: &str, v6: bool) -> Result<bool, Failure> {
    let source = container(cluster, from, device).await?;
    let address = match (to, device, v6) {
        ("host", "eth0", false) => "10.98.0.99".parse()?,
        ("host", "eth0", true) => "fd00:98::99".parse()?,
        ("host", _, false) => "10.71.0.99".parse()?,
        ("host", _, true) => "fd00:71::99".parse()?,
        (node, _, v6) => {
            let station = container(cluster, node, device).await?.station;
            if v6 { station.v6.into() } else { station.v4.into() }
        }
    };
    let target = SocketAddr::new(address, 9);
    let connect = || TcpStream::connect_timeout(&target, Duration::from_millis(1500));
    match source.namespace.run(connect)? {
        Ok(_) => Ok(true),
        Err(error) => Ok(error.kind() == ErrorKind::ConnectionRefused),
    }
}

/// Those that are not as expected.
async fn wrong(cluster: &Cluster, expected: impl Fn(bool) -> bool) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    for device in ["eth0", "eth1-0"] {
        for (from, to, linked) in WITH_LINKS {
            for v6 in [false, true] {
                if answers(cluster, from, to, device, v6).await? != expected(linked) {
                    wrong.push(format!("{from} to {to} through {device}, IPv6 {v6}"));
                }
            }
        }
    }
    Ok(wrong)
}

async fn isolated_containers_reach_their_links_and_hosts_only(cluster: &Cluster) -> Result<(), Failure> {
    let host = "ip addr add 10.98.0.99/16 dev br98; ip addr add fd00:98::99/64 dev br98 nodad; ovs-vsctl add-port br1 gw71 tag=71 -- set interface gw71 type=internal; ip link set gw71 up; ip addr add 10.71.0.99/16 dev gw71; ip addr add fd00:71::99/64 dev gw71 nodad";
    cluster.sh("host2", host).await?;
    let tried = async {
        let all = async || Ok(wrong(cluster, |_| true).await?.is_empty());
        soon("without isolation all reach each other", all).await?;
        let links = [("vmothersettings", "link=c2:db")];
        with_tables(cluster, &tables(&[("isolate", "yes")], &links)).await?;
        let isolated = async || Ok(wrong(cluster, |linked| linked).await?.is_empty());
        let held = soon("only links and hosts are reached", isolated).await;
        if held.is_err() {
            return Err(format!("not as the links say: {:?}", wrong(cluster, |linked| linked).await?).into());
        }
        // the filters stay over a restart of netd, and come back where they were removed
        cluster.sh("host1", "kill -9 $(systemctl show -P MainPID netd); ovs-ofctl del-flows br1; ovs-ofctl add-flow br1 actions=NORMAL").await?;
        soon("only links and hosts are reached after that", isolated).await?;
        with_tables(cluster, &cluster.tables).await?;
        soon("all reach each other again", all).await
    };
    let tried = tried.await;
    with_tables(cluster, &cluster.tables).await?;
    cluster.sh("host2", "ip addr del 10.98.0.99/16 dev br98; ip addr del fd00:98::99/64 dev br98; ovs-vsctl del-port br1 gw71").await?;
    tried
}
