//! Four hosts, each under another network manager, become docker hosts, stay so, and are never lost: `host1` ifupdown,
//! `host2` systemd-networkd, `host3` NetworkManager, `host4` netplan. A failing line says which promise broke.

mod deploy;
mod drift;
mod firewalls;
mod given;
mod lockout;
mod network;
mod removed_devices;

use acceptance::{Cluster, Failure};
use lab::{Manager, Spec};
use tokio::runtime::Runtime;

/// Bare Debians: making docker hosts of them is the first promise.
fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("hosts{}", std::process::id()).parse()?;
        let managers = vec![Manager::Ifupdown, Manager::Networkd, Manager::NetworkManager, Manager::Netplan];
        let spec = Spec { managers, disk: Some("3G".parse()?), ..Spec::new(name, 4) };
        let cluster = Cluster::bare(&spec, &network::tables(), &|line| eprintln!("  {line}")).await?;
        let written = given::write(&cluster).await;
        Ok(cluster.unless_failed(written).await?.0)
    })
}

fn main() {
    // on hosts whose NIC is no port yet
    let promises = [
        firewalls::promises(),
        deploy::promises(),
        given::promises(),
        drift::promises(),
        removed_devices::promises(),
        lockout::promises(),
    ];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
