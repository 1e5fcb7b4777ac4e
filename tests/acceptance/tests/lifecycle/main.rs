//! What an administrator does with containers all day. A failing line says which promise broke.

mod attachments;
mod consoles;
mod containers;
mod engines;
mod rows;
mod strangers;
mod xcat;

use acceptance::{Cluster, Failure, Tables};
use lab::Spec;
use tokio::runtime::Runtime;

/// Two docker hosts, and three that are none; each promise makes the containers that it needs, out of the rows here.
fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let spec = Spec::new(format!("life{}", std::process::id()).parse()?, 5);
        let tables =
            rows::rows(xcat::rows(engines::rows(containers::rows(consoles::rows(Tables::of_lab(5))))));
        let cluster = Cluster::bare(&spec, &tables, &|line| eprintln!("  {line}")).await?;
        let made = make_docker_hosts(&cluster).await;
        Ok(cluster.unless_failed(made).await?.0)
    })
}

async fn make_docker_hosts(cluster: &Cluster) -> Result<(), Failure> {
    let hosts = ["host1", "host2"];
    eprintln!("  updatenode -P xdock: Docker, bridge and netd on {}", hosts.join(" and "));
    cluster.updatenode(&hosts, "xdock unsigned=yes").await?;
    for host in hosts {
        cluster.lab.image(host).await?;
    }
    Ok(())
}

fn main() {
    let promises = [
        attachments::promises(),
        consoles::promises(),
        containers::promises(),
        rows::promises(),
        strangers::promises(),
        engines::promises(),
        xcat::promises(),
    ];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
