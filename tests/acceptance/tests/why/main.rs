//! `xdock why` names the layer of each fault that is put in by hand, and nothing where nothing is wrong. Two hosts with
//! containers on a Linux bridge over `eth1` and in a VLAN of an Open vSwitch bridge over `eth2`, so that no fault cuts ssh, which
//! uses `eth0`.
//!
//! netd and the host repair many of these faults within seconds. [`fault::Fault`] keeps them from it meanwhile.

mod addresses;
mod bridges;
mod fault;
mod filters;
mod hosts;
mod ports;
mod switch;

use acceptance::{Cluster, Failure, Tables};
use lab::Spec;
use tokio::runtime::Runtime;

/// The hosts.
const HOSTS: [&str; 2] = ["host1", "host2"];

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("why{}", std::process::id()).parse()?;
        let spec = Spec { nics: 3, checksums: true, ..Spec::new(name, 2) };
        let say = |line: &str| eprintln!("  {line}");
        let cluster = Cluster::bare(&spec, &tables(), &say).await?;
        let made = make(&cluster).await;
        Ok(cluster.unless_failed(made).await?.0)
    })
}

async fn make(cluster: &Cluster) -> Result<(), Failure> {
    eprintln!("  updatenode -P xdock: two hosts");
    cluster.updatenode(&HOSTS, "xdock unsigned=yes").await?;
    cluster.each_host(|host| async move { Ok(cluster.lab.image(&host).await?) }).await?;
    cluster.xdock_done("mk containers --start").await.map(drop)
}

/// `net98` on the Linux bridge `br98`, `red` in VLAN 71 of the Open vSwitch bridge `br0`; a few containers of each on each host. `lone` is isolated.
pub(crate) fn tables() -> Tables {
    let mynet0 =
        [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0"), ("gateway", "10.99.0.1")];
    let net98 =
        [("net", "10.98.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "br98"), ("gateway", "10.98.0.254")];
    let red = [("net", "10.71.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "br0"), ("vlanid", "71")];
    let lone = [
        ("net", "10.72.0.0"),
        ("mask", "255.255.0.0"),
        ("mgtifname", "br0"),
        ("vlanid", "72"),
        ("isolate", "yes"),
    ];
    let devices = [
        ("nictypes.br98", "bridge"),
        ("nicdevices.br98", "eth1"),
        ("nicnetworks.br98", "net98"),
        ("nicips.br98", "|host(\\d+)|10.98.0.(10+$1)|"),
        ("nictypes.br0", "bridge_ovs"),
        ("nicdevices.br0", "eth2"),
        ("nicnetworks.br0", "red|lone"),
        ("nicextraparams.br0", "datapath_type=netdev"),
    ];
    let tables = Tables::of_lab_with(2, &mynet0)
        .object("net98", "network", &net98)
        .object("red", "network", &red)
        .object("lone", "network", &lone)
        .object("dockerhosts", "group", &devices);
    let web =
        [("provmethod", "busybox!httpd,-f,-p,80,-h,/"), ("vmothersettings", "restart=always;port=8080:80")];
    let tables = tables.container("host1w1", "host1", "10.98.1.80", &web).container(
        "host1l1",
        "host1",
        "10.72.1.1",
        &[("vmothersettings", "restart=always;link=host2l1:partner")],
    );
    let restart = [("vmothersettings", "restart=always")];
    [
        ("host1c1", "host1", "10.98.1.1"),
        ("host1c2", "host1", "10.98.1.2"),
        ("host2c1", "host2", "10.98.2.1"),
        ("host1r1", "host1", "10.71.1.1"),
        ("host2r1", "host2", "10.71.2.1"),
        ("host2l1", "host2", "10.72.2.1"),
        ("host2l2", "host2", "10.72.2.2"),
    ]
    .into_iter()
    .fold(tables, |tables, (name, host, ip)| tables.container(name, host, ip, &restart))
}

fn main() {
    let promises = [
        addresses::promises(),
        filters::promises(),
        bridges::promises(),
        switch::promises(),
        ports::promises(),
        hosts::promises(),
    ];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
