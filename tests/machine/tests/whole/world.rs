//! A management node, and a machine that xCAT has just deployed.

use std::time::{Duration, Instant};

use acceptance::container::inside;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use lab::cache::layers::Layers;
use lab::dirs::Dirs;
use lab::{Lab, Member, Spec};
use machine::{Machine, Order};

/// What the machine is called.
pub(crate) const NAME: Member = Member::Host(2);

/// For one line of shell: everything is emulated, and the host may be busy.
const LINE: Duration = Duration::from_secs(300);
/// Until containers are back after a boot that has ended.
const BACK: Duration = Duration::from_secs(300);

/// The lab, and the machine that is joined to it.
pub(crate) struct World {
    /// mn and host1.
    pub(crate) cluster: Cluster,
    /// host2.
    pub(crate) machine: Machine,
}

impl AsRef<Lab> for World {
    fn as_ref(&self) -> &Lab {
        &self.cluster.lab
    }
}

impl World {
    /// Boots a management node and a machine whose first boot runs `xdock`; gives its engine an image.
    pub(crate) async fn make() -> Result<Self, Failure> {
        let say = |line: &str| eprintln!("  {line}");
        let name: lab::LabName = format!("whole{}", std::process::id()).parse()?;
        let spec = Spec { checksums: true, ..Spec::new(name.clone(), 1) };
        let cluster = Cluster::bare(&spec, &tables(), &say).await?;
        let made = async {
            let order = Order { deployed: true, nics: 5, ..Order::new(name, NAME) };
            let start = Instant::now();
            let machine = Machine::up(&order, &say).await?;
            say(&format!("deployed after {:.0} s", start.elapsed().as_secs_f32()));
            give_image(&cluster, &machine, &spec).await?;
            make_peer(&cluster, &say).await?;
            Ok(machine)
        };
        let made = made.await;
        let (cluster, machine) = cluster.unless_failed(made).await?;
        Ok(Self { cluster, machine })
    }

    /// A line of shell on the machine that must succeed: what it wrote.
    pub(crate) async fn sh(&self, line: &str) -> Result<String, Failure> {
        Ok(self.machine.sh(line, LINE).await?.text())
    }

    /// All containers of the tables run and have their addresses, and the management node reaches them. Waits for it: Docker
    /// starts them in its own time.
    pub(crate) async fn containers_are_back(&self) -> Result<(), Failure> {
        let end = Instant::now() + BACK;
        loop {
            match self.containers_are_there().await {
                Err(_) if Instant::now() < end => tokio::time::sleep(Duration::from_secs(1)).await,
                ended => return ended,
            }
        }
    }

    async fn containers_are_there(&self) -> Result<(), Failure> {
        let names =
            self.sh("docker ps --filter status=running --format '{{.Names}}' | sort | paste -sd' '").await?;
        same("running containers", names.as_str(), &CONTAINERS.map(|container| container.name).join(" "))?;
        for Container { name, address, peer } in CONTAINERS {
            let addresses = self.sh(&inside(name, "ip -br -4 addr show eth0")).await?;
            let found = addresses.split_ascii_whitespace().nth(2).unwrap_or_default();
            same(&format!("address of {name}"), found, &format!("{address}/16"))?;
            let ping = format!("ping -n -c 1 -W 5 {address}");
            match peer {
                None => self.cluster.sh("mn", &ping).await?,
                Some(peer) => self.cluster.sh("host1", &inside(peer, &ping)).await?,
            };
        }
        Ok(())
    }
}

/// A container of the machine.
#[derive(Clone, Copy)]
struct Container {
    name: &'static str,
    address: &'static str,
    /// Who pings it: a container of host1 on the same network; without one, the management node.
    peer: Option<&'static str>,
}

/// On the install network; on a bridge over a VLAN over a bond; in a VLAN of Open vSwitch in the kernel.
const CONTAINERS: [Container; 3] = [
    Container { name: "host2c1", address: "10.99.2.1", peer: None },
    Container { name: "host2c2", address: "10.98.2.1", peer: Some("host1c2") },
    Container { name: "host2c3", address: "10.97.2.1", peer: Some("host1c3") },
];

/// The other ends, on host1.
const PEERS: [(&str, &str); 2] = [("host1c2", "10.98.1.1"), ("host1c3", "10.97.1.1")];

/// host1 has both VLANs tagged on `eth1`, by Open vSwitch without the kernel's help.
const PEER: [(&str, &str); 4] = [
    ("nictypes.br0", "bridge_ovs"),
    ("nicdevices.br0", "eth1"),
    ("nicnetworks.br0", "net98|net97"),
    ("nicextraparams.br0", "datapath_type=netdev"),
];

/// The machine has VLAN 98 on a bond of `eth1` and `eth2`, and VLAN 97 on `eth3`.
const MACHINE: [(&str, &str); 12] = [
    ("nictypes.bond0", "bond"),
    ("nicdevices.bond0", "eth1|eth2"),
    ("nicextraparams.bond0", "BONDING_OPTS=mode=1;miimon=100"),
    ("nictypes.bond0.98", "vlan"),
    ("nicdevices.bond0.98", "bond0"),
    ("nictypes.br98", "bridge"),
    ("nicdevices.br98", "bond0.98"),
    ("nicnetworks.br98", "net98"),
    ("nicips.br98", "10.98.0.12"),
    ("nictypes.br97", "bridge_ovs"),
    ("nicdevices.br97", "eth3"),
    ("nicnetworks.br97", "net97"),
];

/// `mynet0` over a bond that prefers `eth4`, which is on another Ethernet than the management node.
const WRONG_BOND: [(&str, &str); 6] = [
    ("nictypes.bond9", "bond"),
    ("nicdevices.bond9", "eth0|eth4"),
    ("nicextraparams.bond9", "BONDING_OPTS=mode=1;miimon=100;primary=eth4"),
    ("nictypes.mynet0", "bridge"),
    ("nicdevices.mynet0", "bond9"),
    ("nicnetworks.mynet0", "mynet0"),
];

fn tables() -> Tables {
    tables_with(&MACHINE)
}

/// The same with the wrong member of a bond on host2.
pub(crate) fn wrong_bond() -> Tables {
    tables_with(&[&MACHINE[..], &WRONG_BOND].concat())
}

fn tables_with(machine: &[(&str, &str)]) -> Tables {
    let vlan = |net: &'static str, id: &'static str| {
        [("net", net), ("mask", "255.255.0.0"), ("mgtifname", "eth1"), ("vlanid", id)]
    };
    let tables = Tables::of_lab(0)
        .object("net98", "network", &vlan("10.98.0.0", "98"))
        .object("net97", "network", &vlan("10.97.0.0", "97"))
        .object("dockerhosts", "group", &[("postbootscripts", "xdock unsigned=yes")])
        .object("host1", "node", &node("10.99.0.11", &PEER))
        .object("host2", "node", &node("10.99.0.12", machine));
    let restart = [("vmothersettings", "restart=always")];
    let tables = PEERS
        .iter()
        .fold(tables, |tables, (name, address)| tables.container(name, "host1", address, &restart));
    CONTAINERS.iter().fold(tables, |tables, container| {
        tables.container(container.name, "host2", container.address, &restart)
    })
}

fn node<'a>(ip: &'a str, nics: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("groups", "dockerhosts,all"),
        ("ip", ip),
        ("mgt", "ipmi"),
        ("os", "debian12"),
        ("arch", "x86_64"),
        ("profile", "compute"),
        ("xcatmaster", "10.99.0.1"),
    ];
    usual.iter().chain(nics).copied().collect()
}

async fn give_image(cluster: &Cluster, machine: &Machine, spec: &Spec) -> Result<(), Failure> {
    let image = Layers::get(&Dirs::from_environment(), spec, &|_| ()).await?.image;
    cluster.lab.put("mn", &image, "/install/busybox.tar").await?;
    let load = "wget -qO- http://10.99.0.1/install/busybox.tar | docker load --quiet";
    machine.sh(load, LINE).await.map(drop).map_err(Into::into)
}

async fn make_peer(cluster: &Cluster, say: acceptance::cluster::Say<'_>) -> Result<(), Failure> {
    say("updatenode: host1 becomes the other end of both VLANs");
    cluster.updatenode(&["host1"], "xdock unsigned=yes").await?;
    Ok(cluster.lab.image("host1").await?)
}
