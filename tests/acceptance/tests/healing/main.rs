//! Running hosts restore their own network, each under another network manager: `host1` ifupdown, `host2` systemd-networkd,
//! `host3` NetworkManager, `host4` netplan. Nothing but the host itself takes part.

mod faults;
mod measure;
mod restraint;

use acceptance::{Cluster, Failure, Tables};
use lab::{Manager, Spec};
use tokio::runtime::Runtime;

/// The hosts, by manager.
pub(crate) const HOSTS: [&str; 4] = ["host1", "host2", "host3", "host4"];

/// A container on each host, on the bridge with the host's address; a second bridge without an address.
pub(crate) fn tables() -> Tables {
    let mynet0 =
        [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("gateway", "10.99.0.1")];
    let net98 = [("net", "10.98.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "br98")];
    let br98 = [("nictypes.br98", "bridge"), ("nicdevices.br98", "eth1"), ("nicnetworks.br98", "net98")];
    let tables = Tables::of_lab_with(4, &mynet0);
    let tables = tables.object("net98", "network", &net98).object("dockerhosts", "group", &br98);
    (1..=4).fold(tables, |tables, host| {
        let (name, on, ip) = (format!("host{host}c1"), format!("host{host}"), format!("10.99.{host}.1"));
        tables.container(&name, &on, &ip, &[("vmothersettings", "restart=always")])
    })
}

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("healing{}", std::process::id()).parse()?;
        let managers = vec![Manager::Ifupdown, Manager::Networkd, Manager::NetworkManager, Manager::Netplan];
        let spec = Spec { managers, ..Spec::new(name, 4) };
        let cluster = Cluster::provision_as(&spec, &tables(), &|line| eprintln!("  {line}")).await?;
        let made = cluster.xdock_done("mk containers --start").await;
        Ok(cluster.unless_failed(made).await?.0)
    })
}

fn main() {
    let promises = [faults::promises(), restraint::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
