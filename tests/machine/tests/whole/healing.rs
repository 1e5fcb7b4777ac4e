//! What needs Debian's own kernel: VLANs, bonds and Open vSwitch in the kernel are restored by the host itself.

use acceptance::Failure;
use acceptance::container::inside;

use crate::world::World;

acceptance::promises![
    on World:
    a_deleted_vlan_is_restored,
    a_bond_member_taken_out_is_restored,
    a_deleted_bond_is_restored,
    a_deleted_switch_of_the_kernel_is_restored,
    a_deleted_bridge_of_a_whole_machine_is_restored,
    nothing_is_to_be_done_after_the_repairs,
];

/// In milliseconds. The machine is emulated and many times slower than a real one: that a repair takes at most 5 s is tested in
/// the lab (suites `healing` and `switch`).
const LIMIT: u64 = 60_000;

/// Runs a line on the machine, and measures there until devices and containers are as before.
async fn restored(world: &World, spoil: &str) -> Result<(), Failure> {
    let good = format!(
        "[ \"$(ls /sys/class/net/br98/brif | grep bond)\" = bond0.98 ] && ip -br link show bond0.98 | grep -q UP && \
         [ \"$(xargs -n 1 < /sys/class/net/bond0/bonding/slaves | sort | xargs)\" = 'eth1 eth2' ] && \
         ip -br addr show br98 | grep -q 10.98.0.12/16 && [ \"$(ovs-vsctl port-to-br eth3)\" = br97 ] && \
         ls /sys/class/net/mynet0/brif | grep -q eth0 && ip -br addr show mynet0 | grep -q 10.99.0.12/16 && \
         {} && {} && ping -q -c 1 -W 1 10.99.0.1",
        inside("host2c2", "ping -q -c 1 -W 1 10.98.1.1"),
        inside("host2c3", "ping -q -c 1 -W 1 10.97.1.1"),
    );
    let line = format!(
        "for i in $(seq 100); do {{ {good}; }} >/dev/null 2>&1 && break; sleep 0.2; done; \
         begin=$(date +%s%N); {spoil}; \
         for i in $(seq 1000); do if {{ {good}; }} >/dev/null 2>&1; then echo $((($(date +%s%N) - begin) / 1000000)); exit 0; fi; sleep 0.05; done; \
         ip -br addr; ovs-vsctl show; cat /run/xdock/network/watch.json; tail -n 3 /var/log/xcat/xcat.log"
    );
    // without ssh through the network that is spoilt
    let script = format!(
        "cat > /root/heal.sh <<'END'\n{line}\nEND\nrm -f /root/healed; systemd-run -q --collect sh -c 'sh /root/heal.sh > /root/healing 2>&1; mv /root/healing /root/healed'; for i in $(seq 600); do [ -e /root/healed ] && break; sleep 0.2; done; cat /root/healed"
    );
    let found = world.sh(&script).await?;
    match found.trim().parse::<u64>() {
        Ok(time) if time <= LIMIT => {
            eprintln!("  restored after {time} ms: {spoil}");
            Ok(())
        }
        _ => Err(format!("after {spoil}: {found}").into()),
    }
}

async fn a_deleted_vlan_is_restored(world: &World) -> Result<(), Failure> {
    restored(world, "ip link del bond0.98").await
}

async fn a_bond_member_taken_out_is_restored(world: &World) -> Result<(), Failure> {
    restored(world, "ip link set eth1 nomaster").await
}

async fn a_deleted_bond_is_restored(world: &World) -> Result<(), Failure> {
    restored(world, "ip link del bond0").await
}

async fn a_deleted_switch_of_the_kernel_is_restored(world: &World) -> Result<(), Failure> {
    restored(world, "ovs-vsctl del-br br97").await
}

async fn a_deleted_bridge_of_a_whole_machine_is_restored(world: &World) -> Result<(), Failure> {
    restored(world, "ip link del mynet0").await
}

async fn nothing_is_to_be_done_after_the_repairs(world: &World) -> Result<(), Failure> {
    let run = world.machine.updatenode("xdock network").await?;
    match run.output.contains("xdock: network: nothing to do") {
        true => world.containers_are_back().await,
        false => Err(format!("the next run did something: {run:?}").into()),
    }
}
