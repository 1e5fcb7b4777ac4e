//! Published ports: two hosts, containers that publish, and clients everywhere, on a Linux bridge and on Open vSwitch.

mod clients;
mod failures;
mod refusals;
mod service;
mod switched;

use acceptance::{Cluster, Failure, Tables};
use lab::Spec;
use tokio::runtime::Runtime;

/// The tables: `web` publishes on host1; `other` and `far` are clients; `lan` is on a network without host address; `ssh`
/// wants the port of sshd. `sw` publishes on host1, and `swc` is a client: both on `net96`, VLAN 96 of an Open vSwitch bridge
/// with the host's address. host2 is the gateway of `mynet0`.
fn tables() -> Tables {
    let mynet0 =
        [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("gateway", "10.99.0.12")];
    let net96 = [("net", "10.96.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "br1"), ("vlanid", "96")];
    let br1 = [
        ("nictypes.br1", "bridge_ovs"),
        ("nicdevices.br1", "eth2"),
        ("nicnetworks.br1", "net96"),
        ("nicextraparams.br1", "datapath_type=netdev"),
        ("nicips.br1", "|host(\\d+)|10.96.0.(10+$1)|"),
    ];
    let sw = "restart=always;port=8090:80,8092-8093:79-80,7011:7001/udp";
    let net97 = [("net", "10.97.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth1")];
    let br97 = [("nictypes.br97", "bridge"), ("nicdevices.br97", "eth1"), ("nicnetworks.br97", "net97")];
    let web = "restart=always;port=8080:80,127.0.0.1:8081:80,10.99.0.11:8082:80,7000-7002:7000-7002/udp,9000-9001:79-80";
    Tables::of_lab_with(2, &mynet0)
        .object("net97", "network", &net97)
        .object("net96", "network", &net96)
        .object("dockerhosts", "group", &[&br97[..], &br1].concat())
        .container("sw", "host1", "10.96.1.1", &[("vmothersettings", sw)])
        .container("swc", "host1", "10.96.1.2", &[])
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
        // a switch in user space passes on what has its checksums, as frames of a real card do
        let spec = Spec { nics: 3, checksums: true, ..Spec::new(name, 2) };
        let cluster = Cluster::provision_as(&spec, &tables(), &say).await?;
        let made = async {
            cluster.xdock_done("mk web,other,far,sw,swc --start").await?;
            service::start(&cluster).await
        };
        let made = made.await;
        Ok(cluster.unless_failed(made).await?.0)
    })
}

fn main() {
    let promises = [clients::promises(), switched::promises(), refusals::promises(), failures::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
