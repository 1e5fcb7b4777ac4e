//! Published ports: two hosts, containers that publish, and clients everywhere.

mod clients;
mod failures;
mod refusals;
mod service;

use acceptance::{Cluster, Failure, Tables};
use tokio::runtime::Runtime;

/// The tables: `web` publishes on host1; `other` and `far` are clients; `lan` is on a network without host address; `ssh`
/// wants the port of sshd.
fn tables() -> Tables {
    let net97 = [("net", "10.97.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth1")];
    let br97 = [("nictypes.br97", "bridge"), ("nicdevices.br97", "eth1"), ("nicnetworks.br97", "net97")];
    let web = "restart=always;port=8080:80,127.0.0.1:8081:80,10.99.0.11:8082:80,7000-7002:7000-7002/udp,9000-9001:79-80";
    Tables::of_lab(2)
        .object("net97", "network", &net97)
        .object("dockerhosts", "group", &br97)
        .container("web", "host1", "10.99.1.1", &[("vmothersettings", web)])
        .container("other", "host1", "10.99.1.2", &[])
        .container("far", "host2", "10.99.2.1", &[])
        .container("ssh", "host1", "10.99.1.4", &[("vmothersettings", "port=22:22")])
        .container("lan", "host2", "10.97.2.1", &[("vmothersettings", "port=8080:80,8443:443")])
}

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("ports{}", std::process::id()).parse()?;
        let say = |line: &str| eprintln!("  {line}");
        let cluster = Cluster::provision(&name, 2, &tables(), &say).await?;
        let made = async {
            cluster.xdock_done("mk web,other,far --start").await?;
            service::start(&cluster).await
        };
        let made = made.await;
        Ok(cluster.unless_failed(made).await?.0)
    })
}

fn main() {
    let promises = [clients::promises(), refusals::promises(), failures::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
