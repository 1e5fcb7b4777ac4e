//! Names and links: containers of three hosts, two of them with links, and a target that moves.

mod answers;
mod links;
mod restarts;

use acceptance::{Cluster, Failure, Tables};
use tokio::runtime::Runtime;

/// The node to which `mover` of `web` leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) host: &'static str,
    pub(crate) ip: &'static str,
}

/// Where it is at first.
pub(crate) const TARGET: Target = Target { name: "roam", host: "host2", ip: "10.99.2.3" };

/// Nodes that share an alias: their addresses are longer than an answer by UDP.
const FARM: u8 = 40;

/// `web` and `app` of host1 have the alias `db` for different targets on host2. `plain` has its own name server.
pub(crate) fn tables(linked: &str, target: Option<Target>) -> Tables {
    let net98 = [("net", "10.98.0.0,fd00:98::"), ("mask", "255.255.0.0,64"), ("mgtifname", "eth1")];
    let br98 = [("nictypes.br98", "bridge"), ("nicdevices.br98", "eth1"), ("nicnetworks.br98", "net98")];
    let links = format!("link=data:db,{linked}:mover;env=MY=1");
    let second = |ips| [("nicips.eth1", ips), ("nicnetworks.eth1", "net98")];
    let [ips, networks] = second("10.98.1.1|fd00:98::1:1");
    let web = [ips, networks, ("vmothersettings", links.as_str())];
    let [ips, networks] = second("10.98.2.1|fd00:98::2:1");
    let data = [ips, networks, ("vmothersettings", "port=15432:5432;env=SECRET=x")];
    let tables = Tables::of_lab(3)
        .object("net98", "network", &net98)
        .object("dockerhosts", "group", &br98)
        .container("web", "host1", "10.99.1.1", &web)
        .container("app", "host1", "10.99.1.2", &[("vmothersettings", "link=store:db")])
        .container("plain", "host1", "10.99.1.3", &[("vmothersettings", "dns=10.99.0.12")])
        .container("data", "host2", "10.99.2.1", &data)
        .container("store", "host2", "10.99.2.2", &[]);
    let tables = (1..=FARM).fold(tables, |tables, number| {
        let address = format!("10.99.9.{number}");
        let node = [("groups", "all"), ("ip", address.as_str()), ("hostnames", "farm")];
        tables.object(&format!("farm{number}"), "node", &node)
    });
    match target {
        Some(target) => tables.container(target.name, target.host, target.ip, &[]),
        None => tables,
    }
}

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("names{}", std::process::id()).parse()?;
        let say = |line: &str| eprintln!("  {line}");
        let cluster = Cluster::provision(&name, 3, &tables(TARGET.name, Some(TARGET)), &say).await?;
        let made = async {
            cluster.xdock_done("mk containers --start").await?;
            acceptance::ask::install(&cluster).await
        };
        let made = made.await;
        Ok(cluster.unless_failed(made).await?.0)
    })
}

fn main() {
    let promises = [answers::promises(), links::promises(), restarts::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
