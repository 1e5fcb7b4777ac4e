//! Two containers and what `netd inspect` reports about them.

use inspection::{
    Endpoint, FdbEntry, Filter, Filtered, Inspection, Link, Neighbour, Probe, Resolved, SnapshotId, Stack,
    Switch, SwitchBridge, SwitchPort,
};
use inventory::{Fabric, IfName, Inventory, MacAddr, NodeName};
use ipnet::IpNet;

use crate::why::end::End;
use crate::why::facts::{EndFacts, HostFacts, fabric_of};
use crate::why::path::{Path, paths};
use crate::why::report::Report;

const TABLES: &str = "# <xCAT data object stanza file>

mynet0:
    objtype=network
    net=10.99.0.0
    mask=255.255.0.0
    gateway=10.99.0.1

red:
    objtype=network
    net=10.71.0.0
    mask=255.255.0.0
    vlanid=71
    mgtifname=br0

lone:
    objtype=network
    net=10.72.0.0
    mask=255.255.0.0
    vlanid=72
    mgtifname=br0
    isolate=yes

dockerhosts:
    objtype=group
    nictypes.br0=bridge_ovs
    nicdevices.br0=eth1
    nicnetworks.br0=red|lone
";

pub(super) const A: &str = "02:00:00:00:00:0a";
pub(super) const B: &str = "02:00:00:00:00:0b";
pub(super) const SQUATTER: &str = "02:00:00:00:00:0c";

pub(super) fn tables() -> Inventory {
    let host = |number: u8| {
        format!(
            "\nhost{number}:\n    objtype=node\n    groups=dockerhosts\n    mgt=ipmi\n    ip=10.99.0.1{number}\n"
        )
    };
    let container = |name: &str, host: u8, ip: &str, mac: &str| {
        format!(
            "\n{name}:\n    objtype=node\n    mgt=docker\n    vmhost=host{host}\n    ip={ip}\n    mac={mac}\n"
        )
    };
    let nodes = [
        host(1),
        host(2),
        container("c1", 1, "10.99.1.1", A),
        container("c2", 2, "10.99.2.1", B),
        container("near", 1, "10.99.1.2", "02:00:00:00:00:0d"),
        container("r1", 1, "10.71.1.1", "02:00:00:00:00:1a"),
        container("l1", 1, "10.72.1.1", "02:00:00:00:00:2a")
            + "    vmothersettings=link=l2:partner;port=8080:80\n",
        container("l2", 2, "10.72.2.1", "02:00:00:00:00:2b"),
        container("l3", 2, "10.72.2.2", "02:00:00:00:00:2c"),
        container("r2", 2, "10.71.2.1", "02:00:00:00:00:1b"),
    ];
    Inventory::from_stanzas(&format!("{TABLES}{}", nodes.concat())).unwrap()
}

pub(super) fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

fn link(name: &str, master: Option<&str>, address: Option<&str>) -> Link {
    Link {
        name: name.parse().unwrap(),
        kind: if master.is_none() && name != "eth0" { "bridge".into() } else { "veth".into() },
        mac: None,
        mtu: 1500,
        up: true,
        carrier: true,
        master: master.map(|name| name.parse().unwrap()),
        addresses: address.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// Two containers, each on its host, as `netd inspect` reports them.
pub(super) struct Pair {
    pub(super) from: EndFacts,
    pub(super) to: EndFacts,
}

impl Pair {
    /// Containers on the Linux bridges of two hosts.
    pub(super) fn flat() -> Self {
        Self::of("c1", "c2")
    }

    /// Containers in VLAN 71 on the Open vSwitch bridges of two hosts.
    pub(super) fn switched() -> Self {
        Self::of("r1", "r2")
    }

    /// Two ends of one network.
    pub(super) fn of(from: &str, to: &str) -> Self {
        let tables = tables();
        let (from, to) = {
            let cluster = tables.cluster().unwrap();
            let end = |word: &str| End::parse(word, &cluster, &tables).unwrap();
            let (from, to) = (end(from), end(to));
            (facts(&tables, from.clone(), &to), facts(&tables, to, &from))
        };
        Self { from, to }
    }

    /// Changes the facts of the first host.
    pub(super) fn here(mut self, change: impl FnOnce(&mut Inspection)) -> Self {
        change(self.from.host.as_mut().unwrap().inspection.as_mut().unwrap());
        self
    }

    /// Changes the facts of the second host.
    pub(super) fn there(mut self, change: impl FnOnce(&mut Inspection)) -> Self {
        change(self.to.host.as_mut().unwrap().inspection.as_mut().unwrap());
        self
    }

    /// Loses all packets in both directions.
    pub(super) fn lost(self) -> Self {
        let none = |facts: &mut Inspection| {
            facts.probes.truncate(1);
            facts.probes.iter_mut().for_each(|probe| probe.received = 0);
        };
        self.here(none).there(none)
    }

    /// Loses long packets in both directions.
    pub(super) fn long_lost(self) -> Self {
        let none = |facts: &mut Inspection| facts.probes[1].received = 0;
        self.here(none).there(none)
    }

    pub(super) fn report(&self) -> Report {
        let paths: Vec<Path> = paths(&self.from.end, &self.to.end);
        Report::new(&paths, &self.from, &self.to)
    }

    pub(super) fn says(&self) -> Vec<String> {
        self.report().verdicts()
    }
}

/// The facts of an end, as `netd inspect` reports them if all is well.
fn facts(tables: &Inventory, end: End, peer: &End) -> EndFacts {
    let name: NodeName = end.host.clone().unwrap();
    let cluster = tables.cluster().unwrap();
    let plan = cluster.host_plan(&name).unwrap();
    let stamp = cluster.snapshot(&name, 7).unwrap().stamp();
    let path = paths(&end, peer).remove(0);
    let (device, on) = plan.bridge_of(path.network.as_ref().unwrap()).unwrap();
    let seen = Seen {
        fabric: fabric_of(device),
        bridge: device.name.clone(),
        tag: on.tag,
        is_near: end.host == peer.host,
        peer: peer.name.clone(),
        path,
    };
    let snapshot = SnapshotId { version: 7, digest: stamp.digest.clone(), withheld: vec![] };
    let inspection = Inspection { snapshot: Some(snapshot), ..seen.inspection() };
    let host = HostFacts {
        name,
        plan: Ok(plan),
        desired: Ok(stamp),
        withheld: None,
        container: Some(Ok("running".into())),
        inspection: Ok(inspection),
        publisher: None,
        witness: None,
    };
    EndFacts { end, host: Some(host) }
}

/// A container on a host, as seen there.
struct Seen {
    path: Path,
    /// Name of the other end.
    peer: String,
    bridge: IfName,
    fabric: Fabric,
    tag: Option<u16>,
    /// Whether the other end is on the same host.
    is_near: bool,
}

impl Seen {
    fn inspection(&self) -> Inspection {
        let is_flat = self.fabric == Fabric::Flat;
        let filter = |program: &str| Filter {
            program: program.to_owned(),
            sees_bridged: true,
            bridges: vec![Filtered { bridge: self.bridge.clone(), accepted: true, drops: vec![] }],
        };
        Inspection {
            host: self.host(),
            container: Some(self.container()),
            endpoints: vec![self.endpoint()],
            fdb: if is_flat { self.fdb() } else { vec![] },
            filters: vec![filter("iptables"), filter("ip6tables")],
            switch: (!is_flat).then(|| self.switch()),
            probes: vec![self.probe(64), self.probe(1500)],
            names: vec![Resolved {
                name: self.peer.clone(),
                addresses: vec![self.path.to.address],
                error: None,
            }],
            ..Inspection::default()
        }
    }

    fn uplink(&self) -> &'static str {
        if self.fabric == Fabric::Flat { "eth0" } else { "eth1" }
    }

    fn host(&self) -> Stack {
        let master = (self.fabric == Fabric::Flat).then_some(self.bridge.as_str());
        let bridge = Link { kind: "bridge".into(), ..link(self.bridge.as_str(), None, None) };
        Stack {
            links: vec![bridge, link(self.uplink(), master, None), link("xh1", master, None)],
            ..Stack::default()
        }
    }

    fn address(&self) -> IpNet {
        format!("{}/16", self.path.from.address).parse().unwrap()
    }

    fn container(&self) -> Stack {
        let neighbour = Neighbour {
            address: self.path.to.address,
            mac: self.path.to.mac,
            device: "eth0".parse().unwrap(),
            permanent: false,
            failed: false,
        };
        Stack {
            namespace: Some("/run/docker/netns/1".into()),
            links: vec![Link {
                mac: self.path.from.mac,
                ..link("eth0", None, Some(&self.address().to_string()))
            }],
            routes: vec![],
            neighbours: vec![neighbour],
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            network: self.path.network.clone().unwrap(),
            port: "xh1".parse().unwrap(),
            mac: self.path.from.mac.unwrap(),
            addresses: vec![self.address()],
            bridge: self.bridge.clone(),
            fabric: self.fabric,
            tag: self.tag,
            phase: "joined".into(),
            inside: Some("eth0".parse().unwrap()),
            dropped: Some(3),
            dropped_by_probe: Some(0),
        }
    }

    fn fdb(&self) -> Vec<FdbEntry> {
        let known = |mac: Option<MacAddr>, port: &str| FdbEntry {
            bridge: self.bridge.clone(),
            mac: mac.unwrap(),
            port: port.parse().unwrap(),
            vlan: self.tag,
            fixed: false,
            age_ms: Some(10),
        };
        let theirs = if self.is_near { "xh1" } else { self.uplink() };
        vec![known(self.path.from.mac, "xh1"), known(self.path.to.mac, theirs)]
    }

    fn switch(&self) -> Switch {
        let port = |name: &str, tag: Option<u16>| SwitchPort {
            name: name.to_owned(),
            tag,
            trunks: vec![],
            error: None,
            interfaces: vec![name.to_owned()],
        };
        let ports = vec![port("br0", None), port("eth1", None), port("xh1", self.tag)];
        let bridge = SwitchBridge { name: self.bridge.clone(), ports };
        Switch { error: None, bridges: vec![bridge], fdb: self.fdb() }
    }

    fn probe(&self, length: usize) -> Probe {
        Probe {
            to: self.path.to.address,
            port: None,
            length,
            sent: 5,
            received: 5,
            micros: Some(200),
            error: None,
            claimed_by: vec![],
        }
    }
}

pub(super) fn set(facts: &mut Inspection, name: &str, change: impl FnOnce(&mut Link)) {
    change(facts.host.links.iter_mut().find(|link| link.name.as_str() == name).unwrap());
}

pub(super) fn inside(facts: &mut Inspection) -> &mut Stack {
    facts.container.as_mut().unwrap()
}
