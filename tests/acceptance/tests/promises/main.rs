//! The promises of xdock: three booted hosts, twelve containers, two networks. A failing line says which promise broke.
//!
//! One cluster for all trials; see `acceptance::promise`.

mod addresses;
mod deliveries;
mod messages;
mod postscripts;
mod refusals;
mod repairs;
mod restarts;

use acceptance::{Cluster, Failure, tables};
use tokio::runtime::Runtime;

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("accept{}", std::process::id()).parse()?;
        let say = |line: &str| eprintln!("  {line}");
        let cluster = Cluster::provision(&name, 3, &tables::three_hosts_two_networks(), &say).await?;
        eprintln!("  xdock mk: twelve containers and twenty on host2");
        cluster.xdock_done("mk containers --start").await?;
        Ok(cluster)
    })
}

fn main() {
    let promises = [
        addresses::promises(),
        deliveries::promises(),
        messages::promises(),
        refusals::promises(),
        repairs::promises(),
        postscripts::promises(),
        restarts::promises(),
    ];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
