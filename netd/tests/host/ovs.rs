//! A host whose networks are on an Open vSwitch bridge: userspace datapath, VLAN 7.

use std::ops::{Deref, DerefMut};

use inventory::{Fabric, Snapshot};

use crate::support::{Host, snapshot};

#[path = "../../../crates/hostnet/tests/switch/mod.rs"]
mod daemons;

mod life;
mod moves;
mod repair;
mod vlans;

use daemons::Daemons;

/// A host with the bridge `mynet0` and the uplink `up0`.
pub(crate) struct OvsHost {
    // first, so that ovs-vswitchd ends before the namespace does
    pub(crate) switch: Daemons,
    host: Host,
}

impl Deref for OvsHost {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl DerefMut for OvsHost {
    fn deref_mut(&mut self) -> &mut Host {
        &mut self.host
    }
}

impl OvsHost {
    /// With the bridge; netd is not started.
    pub(crate) fn up() -> Self {
        let host = Self::without_bridge();
        host.add_bridge();
        host
    }

    pub(crate) fn without_bridge() -> Self {
        let host = Self::without_nic();
        host.ip("link add up0 type veth peer name far0");
        host.ip("link set up0 up");
        host.ip("link set far0 up");
        host
    }

    /// Two with bridges, whose uplinks are two ends of one wire.
    pub(crate) fn pair() -> [Self; 2] {
        let [first, second] = [Self::without_nic(), Self::without_nic()];
        first.ip(&format!("link add up0 type veth peer name up0 netns {}", second.name));
        [first, second].map(|host| {
            host.ip("link set up0 up");
            host.add_bridge();
            host
        })
    }

    fn without_nic() -> Self {
        let mut host = Host::bare();
        let switch = host.inside(Daemons::start);
        host.arguments.push(format!("--ovsdb={}", switch.remote()));
        host.write_snapshot(&on_ovs(&snapshot(7), Some(7)));
        Self { switch, host }
    }

    pub(crate) fn add_bridge(&self) {
        self.switch.vsctl(
            "add-br mynet0 -- set bridge mynet0 datapath_type=netdev -- set interface mynet0 mtu_request=1400 -- add-port mynet0 up0",
        );
        self.ip("link set mynet0 up");
    }

    /// Ports of the bridge without its uplink.
    pub(crate) fn ports(&self) -> Vec<String> {
        let all = self.switch.vsctl("list-ports mynet0");
        all.lines().filter(|port| *port != "up0").map(str::to_owned).collect()
    }

    pub(crate) fn restart_vswitchd(&mut self) {
        self.switch.kill_vswitchd();
        let Self { switch, host } = self;
        host.inside(|| switch.start_vswitchd());
    }

    pub(crate) fn start_server(&mut self) {
        let Self { switch, host } = self;
        host.inside(|| switch.start_server());
    }

    /// The port of the only endpoint.
    pub(crate) fn port(&self) -> String {
        self.status()["endpoints"][0]["port"].as_str().unwrap().to_owned()
    }
}

/// The same tables with their networks on an Open vSwitch bridge.
pub(crate) fn on_ovs(tables: &Snapshot, tag: Option<u16>) -> Snapshot {
    let mut networks = tables.networks.clone();
    for on in &mut networks {
        on.fabric = Fabric::Ovs;
        on.tag = tag;
    }
    Snapshot::seal(tables.host.clone(), tables.version, networks, tables.nodes.clone())
}
