//! Ports that are refused before the start of a container.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

acceptance::promises![
    a_second_container_with_a_port_is_refused_with_both_rows,
    a_port_that_a_process_of_the_host_has_is_refused,
    no_process_of_the_host_takes_a_published_port,
];

const BOTH: &str =
    "port 8080/tcp of host1 is published by web and second: change port= in vm.othersettings of one of them";

async fn a_second_container_with_a_port_is_refused_with_both_rows(cluster: &Cluster) -> Result<(), Failure> {
    let port = [("vmothersettings", "port=8080:81")];
    cluster.write_tables(&cluster.tables.clone().container("second", "host1", "10.99.1.3", &port)).await?;
    let check = cluster.xdock("check").await?;
    cluster.xdock_done("sync host1").await?;
    cluster.write_tables(&cluster.tables).await?;
    let found = format!("{}{}", check.stdout, check.stderr);
    let in_tables = BOTH.replace("web and second", "second and web");
    same("check", &found.contains(&in_tables), &true).map_err(|_| found)?;
    // also without xdock
    let run = "docker run --rm --network mynet0 --ip 10.99.1.3 -p 8080:81 busybox true";
    let ran = cluster.run("host1", run).await?;
    same("docker run", &ran.stderr.contains(BOTH), &true).map_err(|_| format!("{ran:?}").into())
}

async fn a_port_that_a_process_of_the_host_has_is_refused(cluster: &Cluster) -> Result<(), Failure> {
    let why = "port 22/tcp of host1, which ssh publishes, is in use by a process of the host (ss -nlp | grep :22): stop it, or change port= in vm.othersettings of ssh";
    let ran = cluster.xdock("mk ssh --start").await?;
    cluster.xdock_done("rm -f ssh").await?;
    same("mk", &ran.stderr.contains(why), &true).map_err(|_| format!("{ran:?}").into())
}

async fn no_process_of_the_host_takes_a_published_port(cluster: &Cluster) -> Result<(), Failure> {
    let bind = "perl -e 'use Socket; socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); print bind(S, pack_sockaddr_in(8080, INADDR_ANY)) ? 1 : 0'";
    same("bound", cluster.sh("host1", bind).await?.as_str(), "0")
}
