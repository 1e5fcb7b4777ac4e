//! What the first boot of a deployed machine has made.

use acceptance::Failure;
use acceptance::soundness::same;

use crate::world::{World, wrong_bond};

acceptance::promises![
    on World:
    the_kernel_has_the_modules_of_open_vswitch_vlans_and_bonds,
    the_first_boot_makes_a_docker_host,
    a_bridge_is_over_a_vlan_over_a_bond,
    open_vswitch_switches_in_the_kernel,
    a_second_run_has_nothing_to_do,
    containers_have_the_addresses_of_the_tables,
    a_wrong_bond_member_is_rolled_back,
];

async fn the_kernel_has_the_modules_of_open_vswitch_vlans_and_bonds(world: &World) -> Result<(), Failure> {
    let loaded =
        "for m in openvswitch 8021q bonding; do modprobe $m && grep -o \"^$m \" /proc/modules; done | xargs";
    same("modules", world.sh(loaded).await?.as_str(), "openvswitch 8021q bonding")
}

async fn the_first_boot_makes_a_docker_host(world: &World) -> Result<(), Failure> {
    let ended = world.sh("grep -o '[^:]* return with [0-9]*' /var/log/xcat/xcat.log").await?;
    same("postscripts of the first boot", ended.as_str(), "xdock return with 0")?;
    let units = world.sh("systemctl is-active xcatpostinit1 docker netd.socket | xargs").await?;
    same("units", units.as_str(), "active active active")?;
    let bridge =
        world.sh("ip -br -4 addr show mynet0 | awk '{print $3}'; ls /sys/class/net/mynet0/brif").await?;
    same("address and ports of mynet0", bridge.as_str(), "10.99.0.12/16\neth0")
}

async fn a_bridge_is_over_a_vlan_over_a_bond(world: &World) -> Result<(), Failure> {
    let ports = world.sh("ls /sys/class/net/br98/brif; tail -n 1 /proc/net/vlan/config | tr -d ' '").await?;
    same("port of br98, and its VLAN", ports.as_str(), "bond0.98\nbond0.98|98|bond0")?;
    let bond = world.sh("cat /sys/class/net/bond0/bonding/slaves /sys/class/net/bond0/bonding/mode").await?;
    same("bond0", bond.as_str(), "eth1 eth2\nactive-backup 1")?;
    let address = world.sh("ip -br -4 addr show br98 | awk '{print $3}'").await?;
    same("address of br98", address.as_str(), "10.98.0.12/16")
}

async fn open_vswitch_switches_in_the_kernel(world: &World) -> Result<(), Failure> {
    let said = world.sh("ovs-vsctl port-to-br eth3; ovs-appctl dpctl/dump-dps").await?;
    same("bridge of eth3, and its datapath", said.as_str(), "br97\nsystem@ovs-system")
}

async fn a_second_run_has_nothing_to_do(world: &World) -> Result<(), Failure> {
    let run = world.machine.updatenode("xdock unsigned=yes").await?;
    let missing = ["docker", "network"]
        .into_iter()
        .filter(|step| !run.output.contains(&format!("xdock: {step}: nothing to do")));
    same(&format!("steps that did something again in\n{}", run.output), &missing.collect::<Vec<_>>(), &vec![])
}

async fn containers_have_the_addresses_of_the_tables(world: &World) -> Result<(), Failure> {
    // an emulated host on a busy machine takes its time for the first answer
    world.cluster.xdock_done("mk containers --start --timeout 120").await?;
    world.containers_are_back().await
}

/// The bond that takes the install NIC's place prefers a NIC whose cable ends elsewhere: it has a carrier, so bonding itself sees
/// nothing wrong.
async fn a_wrong_bond_member_is_rolled_back(world: &World) -> Result<(), Failure> {
    let network = "ip -br addr show scope global; ip route; ls /sys/class/net/mynet0/brif | xargs -n 1";
    let before = world.sh(network).await?;
    world.cluster.write_tables(&wrong_bond()).await?;
    let run = world.machine.updatenode("xdock network confirm=10").await;
    world.cluster.write_tables(&world.cluster.tables).await?;
    let run = run?;
    if run.status == 0 || !run.output.contains("rolled back to the previous network") {
        return Err(format!("the wrong bond was not rolled back: {run:?}").into());
    }
    same("network", world.sh(network).await?.as_str(), &before)?;
    same("bond9", world.sh("ls -d /sys/class/net/bond9 2>/dev/null || echo gone").await?.as_str(), "gone")?;
    world.containers_are_back().await
}
