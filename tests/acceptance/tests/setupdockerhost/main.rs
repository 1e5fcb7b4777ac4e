//! The call of xCAT's former postscript, in tables that xcatconfig has written. A failing line says which promise broke.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use lab::Spec;
use tokio::runtime::Runtime;

/// xcatconfig names the row of each network of the management node after its subnet (xCAT `xcatconfig`, `tabutils::makenetworks`).
const XCATCONFIG: &str = "10_99_0_0-255_255_0_0";

/// The bridge of a network whose name is too long for an interface: `br` and the subnet's address in hexadecimal.
const BRIDGE: &str = "br0a630000";

/// `unsigned=yes`: nobody signed the packages of the lab.
const CALL: &str = "setupdockerhost unsigned=yes mynet0=10.99.0.0/16@10.99.0.11:eth0";

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let spec = Spec::new(format!("former{}", std::process::id()).parse()?, 1);
        let row = [("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0")];
        let tables =
            Tables::of_lab_named(1, XCATCONFIG, &row).container("host1c1", "host1", "10.99.1.1", &[]);
        Cluster::bare(&spec, &tables, &|line| eprintln!("  {line}")).await
    })
}

acceptance::promises![
    a_network_with_a_row_of_xcatconfig_gets_one_bridge,
    a_second_call_has_nothing_to_do,
    a_container_reaches_the_management_node,
];

/// Two bridges with one address would be the network of the call beside that of the row.
async fn a_network_with_a_row_of_xcatconfig_gets_one_bridge(cluster: &Cluster) -> Result<(), Failure> {
    cluster.updatenode(&["host1"], CALL).await?;
    let bridges =
        cluster.sh("host1", "ip -br link show type bridge | grep -v docker0 | cut -d' ' -f1").await?;
    same("bridges", &bridges.trim(), &BRIDGE)?;
    let address = cluster.sh("host1", "ip -4 -br addr show to 10.99.0.11 | awk '{print $1, $3}'").await?;
    same("interface of the address", &address.trim(), &format!("{BRIDGE} 10.99.0.11/16").as_str())
}

async fn a_second_call_has_nothing_to_do(cluster: &Cluster) -> Result<(), Failure> {
    let printed = cluster.updatenode(&["host1"], CALL).await?;
    match printed.contains("xdock: network: nothing to do") {
        true => Ok(()),
        false => Err(format!("the second call printed: {printed}").into()),
    }
}

async fn a_container_reaches_the_management_node(cluster: &Cluster) -> Result<(), Failure> {
    cluster.lab.image("host1").await?;
    cluster.xdock_done("mk host1c1 --start").await?;
    cluster.sh("host1", "docker exec host1c1 ping -c 3 -W 2 10.99.0.1").await.map(drop)
}

fn main() {
    acceptance::promise::run(promises(), provision);
}
