//! Hosts of every kind, from xCAT's variables, with a directory instead of `/`.

#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod golden;

use std::fs;
use std::path::{Path, PathBuf};

use hostnet::Route;
use inventory::{DeviceKind, DevicePlan, HostPlan, IfName, Port};
use postscripts::environment::Environment;
use postscripts::files::DesiredFile;
use postscripts::render::Templates;
use postscripts::steps::network::manager::{FilesError, Manager, Nic, Nics, Tree, desired_files};
use postscripts::steps::network::resolved::{Device, Kind, ResolvedNetwork};

const INTERFACES: &str = "etc/network/interfaces";
const LOOPBACK: &str = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n";

pub(crate) const STAMP: &str = "20261122-134642";

/// All kinds of hosts.
pub(crate) const CASES: [&str; 12] = [
    "plain",
    "bond",
    "vlan",
    "bridge",
    "bridge-over-bond",
    "vlan-bond-bridge",
    "bridge-ovs",
    "bridge-ovs-bond",
    "ipv6",
    "mtu-9000",
    "two-networks",
    "dhcp",
];

/// The NIC* variables of each kind of host; its own network, 10.99.0.0/16, is on `eth0` where they do not say otherwise.
const NICS: [(&str, &[(&str, &str)]); 10] = [
    (
        "plain",
        &[
            ("NICTYPES", "eth1!ethernet"),
            ("NICIPS", "eth1!10.98.4.1|10.97.4.1"),
            ("NICNETWORKS", "eth1!net98|net97"),
        ],
    ),
    (
        "bond",
        &[
            ("NICTYPES", "bond0!bond"),
            ("NICIPS", "bond0!10.98.4.1"),
            ("NICNETWORKS", "bond0!net98"),
            ("NICDEVICES", "bond0!eth1|eth2"),
            ("NICEXTRAPARAMS", "bond0!mode=active-backup primary=eth1 primary_reselect=2"),
        ],
    ),
    (
        "vlan",
        &[
            ("NICTYPES", "eth1.50!vlan"),
            ("NICIPS", "eth1.50!10.98.4.1"),
            ("NICNETWORKS", "eth1.50!net98"),
            ("NICDEVICES", "eth1.50!eth1"),
        ],
    ),
    (
        "bridge-over-bond",
        &[
            ("NICTYPES", "mynet0!bridge,bond0!bond"),
            ("NICIPS", "mynet0!10.99.4.1"),
            ("NICNETWORKS", "mynet0!mynet0"),
            ("NICDEVICES", "mynet0!bond0,bond0!eth0|eth1"),
        ],
    ),
    (
        "vlan-bond-bridge",
        &[
            ("NICTYPES", "mynet0!bridge,bond0!bond,bond0.50!vlan"),
            ("NICIPS", "mynet0!10.99.4.1"),
            ("NICNETWORKS", "mynet0!mynet0"),
            ("NICDEVICES", "mynet0!bond0.50,bond0.50!bond0,bond0!eth0|eth1"),
            ("NICEXTRAPARAMS", "bond0!BONDING_OPTS=mode=4;lacp_rate=1;miimon=50"),
        ],
    ),
    (
        "bridge-ovs",
        &[
            ("NICTYPES", "br0!bridge_ovs,eth1.7!vlan,br1!bridge_ovs"),
            ("NICIPS", "br0!10.99.4.1,br1!10.98.4.1"),
            ("NICNETWORKS", "br0!mynet0,br1!net98"),
            ("NICDEVICES", "br0!eth0,eth1.7!eth1,br1!eth1.7"),
            ("NICEXTRAPARAMS", "br0!datapath_type=netdev"),
        ],
    ),
    (
        "bridge-ovs-bond",
        &[
            ("NICTYPES", "br0!bridge_ovs,bond0!bond"),
            ("NICIPS", "br0!10.99.4.1"),
            ("NICNETWORKS", "br0!mynet0|tagged"),
            ("NICDEVICES", "br0!bond0,bond0!eth0|eth1"),
        ],
    ),
    (
        "ipv6",
        &[
            ("NICTYPES", "eth0!ethernet"),
            ("NICIPS", "eth0!10.99.4.1|fd00:99::4:1"),
            ("NICNETWORKS", "eth0!mynet0|mynet6"),
        ],
    ),
    (
        "mtu-9000",
        &[
            ("NICTYPES", "mynet0!bridge,bond0!bond"),
            ("NICIPS", "mynet0!10.99.4.1"),
            ("NICNETWORKS", "mynet0!mynet0"),
            ("NICDEVICES", "mynet0!bond0,bond0!eth0|eth1"),
            ("NICEXTRAPARAMS", "mynet0!MTU=9000,bond0!MTU=9000"),
        ],
    ),
    (
        "two-networks",
        &[
            ("NICTYPES", "br98!bridge"),
            ("NICIPS", "br98!10.98.4.1"),
            ("NICNETWORKS", "br98!net98"),
            ("NICDEVICES", "br98!eth1"),
            ("NICEXTRAPARAMS", "br98!MTU=1400 ETHTOOL_OPTS=wol=g"),
        ],
    ),
];

fn nics(case: &str) -> &'static [(&'static str, &'static str)] {
    NICS.iter().find(|(known, _)| *known == case).map_or(&[], |(_, nics)| nics)
}

fn network_row(name: &str, net: &str, mask: &str, gateway: &str, vlan: &str) -> String {
    format!(
        "netname={name}||net={net}||mask={mask}||mgtifname=eth0||gateway={gateway}||vlanid={vlan}||mtu=||disable=||"
    )
}

/// The tables' plan for a kind of host.
pub(crate) fn plan(case: &str) -> HostPlan {
    // the host's own network is tagged on the trunk of the Open vSwitch bridge over a bond
    let vlan = if case == "bridge-ovs-bond" { "20" } else { "" };
    let lines = [
        network_row("mynet0", "10.99.0.0", "255.255.0.0", "10.99.0.1", vlan),
        network_row("net98", "10.98.0.0", "255.255.0.0", "", if case == "vlan" { "50" } else { "" }),
        network_row("net97", "10.97.0.0", "255.255.0.0", "", ""),
        network_row("mynet6", "fd00:99::", "/64", "fd00:99::1", ""),
        network_row("tagged", "10.96.0.0", "255.255.0.0", "", "30"),
    ];
    let common = [("NODE", "n1"), ("IPADDR", "10.99.4.1"), ("MASTER", "10.99.0.1"), ("NETWORKS_LINES", "5")];
    let mut variables: Vec<(String, String)> = common
        .iter()
        .chain(nics(case))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for (number, line) in lines.iter().enumerate() {
        variables.push((format!("NETWORKS_LINE{}", number + 1), line.clone()));
    }
    let environment: Environment = variables.into_iter().collect();
    HostPlan::compile(&environment.tables().unwrap()).unwrap()
}

/// The plan on a machine whose NICs are `eth0` to `eth2`, and whose own address is on `eth0`.
pub(crate) fn network(case: &str) -> ResolvedNetwork {
    let plan = plan(case);
    let mut network = ResolvedNetwork::default();
    for device in &plan.devices {
        if matches!(device.port(), Some(Port::Carrying(_))) {
            network.devices.push(Device::bare(IfName::eth0(), Kind::Ethernet));
        }
        network.devices.push(on_this_machine(device));
    }
    if case == "ipv6" {
        // found on the NIC when the plan was resolved
        network.devices.last_mut().unwrap().gateways.push("fd00:99::1".parse().unwrap());
    }
    if case == "bridge" {
        let words = [("10.0.0.0/8", Some("10.99.0.2"), None), ("192.0.2.0/24", Some("10.99.0.3"), Some(50))];
        let routes = words.into_iter().map(|(to, via, metric)| route(to, via, metric));
        network.devices.last_mut().unwrap().routes = routes.collect();
    }
    network
}

pub(crate) fn route(to: &str, via: Option<&str>, metric: Option<u32>) -> Route {
    Route { destination: to.parse().unwrap(), gateway: via.map(|via| via.parse().unwrap()), metric }
}

fn on_this_machine(device: &DevicePlan) -> Device {
    let named = |port: &Port| match port {
        Port::Named(name) => name.clone(),
        Port::Carrying(_) => IfName::eth0(),
    };
    let kind = match &device.kind {
        DeviceKind::Ethernet => Kind::Ethernet,
        DeviceKind::Bond { ports, options } => Kind::Bond { ports: ports.clone(), options: options.clone() },
        DeviceKind::Vlan { parent, id } => Kind::Vlan { parent: parent.clone(), id: *id },
        DeviceKind::Bridge { port } => Kind::Bridge { port: named(port) },
        DeviceKind::OvsBridge { port, datapath } => {
            Kind::OvsBridge { port: named(port), datapath: *datapath, tag: device.tag }
        }
    };
    let has_mac = device.port().is_some() || matches!(kind, Kind::Bond { .. });
    Device {
        mac: has_mac.then(|| "02:78:64:00:00:02".parse().unwrap()),
        addresses: device.addresses.clone(),
        gateways: device.gateways.clone(),
        mtu: device.mtu,
        networks: device.networks.iter().map(|on| on.network.name.clone()).collect(),
        params: device.params.clone(),
        ..Device::bare(device.name.clone(), kind)
    }
}

/// A machine's `/`, in a directory of its own.
pub(crate) struct Etc {
    root: tempfile::TempDir,
    manager: Manager,
    nics: Nics,
}

/// A NIC of hardware at a PCI slot.
pub(crate) fn nic(name: &str, mac: &str) -> Nic {
    let mac = Some(mac.parse().unwrap());
    let properties = [("ID_PATH", "pci-0000:00:03.0"), ("ID_NET_NAME_PATH", "enp0s3")];
    Nic {
        mac,
        permanent_mac: mac,
        driver: Some("virtio_net".to_owned()),
        properties: properties.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        ..Nic::named(name.parse().unwrap())
    }
}

impl Etc {
    /// With these files, and nothing of the manager's programs.
    pub(crate) fn new(manager: Manager, files: &[(&str, &str)]) -> Self {
        let etc = Self { root: tempfile::tempdir().unwrap(), manager, nics: Nics::default() };
        for (path, text) in files {
            let path = etc.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        etc
    }

    /// As a distribution installs the manager.
    pub(crate) fn bare(manager: Manager) -> Self {
        match manager {
            Manager::Ifupdown => Self::new(manager, &[(INTERFACES, LOOPBACK)]),
            Manager::Networkd => {
                Self::new(manager, &[("usr/lib/systemd/systemd-networkd", ""), ("usr/bin/udevadm", "")])
            }
            Manager::NetworkManager => Self::new(manager, &[("usr/sbin/NetworkManager", "")]),
            _ => Self::new(manager, &[]),
        }
    }

    /// With `eth0` by DHCP and name servers, as an installer or an administrator writes it.
    pub(crate) fn with_dhcp(manager: Manager) -> Self {
        let (path, text) = match manager {
            Manager::Ifupdown => (
                INTERFACES,
                "auto lo\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet dhcp\n    dns-nameservers 10.99.0.1\n",
            ),
            Manager::Networkd => (
                "etc/systemd/network/10-eth0.network",
                "[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\nDNS=10.99.0.1\nNTP=10.99.0.1\n",
            ),
            Manager::NetworkManager => (
                "etc/NetworkManager/system-connections/eth0.nmconnection",
                "[connection]\nid=eth0\nuuid=78646f63-6b00-4000-8000-000000000001\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\ndns=10.99.0.1;\nmethod=auto\n\n[ipv6]\nmethod=auto\n",
            ),
            Manager::Netplan => (
                "etc/netplan/50-cloud-init.yaml",
                "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n      match:\n        macaddress: \"02:78:64:00:00:02\"\n      set-name: eth0\n      nameservers:\n        addresses: [10.99.0.1]\n    eth7:\n      dhcp4: true\n",
            ),
            Manager::Ifcfg => (
                "etc/sysconfig/network-scripts/ifcfg-eth0",
                "TYPE=Ethernet\nDEVICE=eth0\nONBOOT=yes\nBOOTPROTO=dhcp\nDNS1=10.99.0.1\nDOMAIN=\"cluster.test\"\n",
            ),
            Manager::Wicked => ("etc/sysconfig/network/ifcfg-eth0", "STARTMODE='auto'\nBOOTPROTO='dhcp'\n"),
        };
        Self::new(manager, &[(path, text)])
    }

    /// The same with these NICs.
    pub(crate) fn with_nics(self, nics: &[Nic]) -> Self {
        Self { nics: Nics::new(nics.to_vec()), ..self }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::read(self.root(), self.manager, &self.nics).unwrap()
    }

    /// What the network wants.
    pub(crate) fn wanted(&self, network: &ResolvedNetwork) -> Result<Vec<DesiredFile>, FilesError> {
        let templates = Templates::new(Path::new("/nonexistent"));
        desired_files(&self.tree(), network, &templates, STAMP)
    }

    /// What the network cannot have.
    pub(crate) fn refusal(&self, network: &ResolvedNetwork) -> String {
        let refused = self.wanted(network).unwrap_err().to_string();
        refused.replace(&format!("{}/", self.root().display()), "/")
    }

    /// Writes what the network wants; the files that changed, in their order, without the root.
    pub(crate) fn apply(&self, network: &ResolvedNetwork) -> Vec<PathBuf> {
        let files = self.wanted(network).unwrap();
        let changed: Vec<PathBuf> = files
            .iter()
            .filter(|file| file.differs().unwrap())
            .map(|file| file.path.strip_prefix(self.root()).unwrap().to_owned())
            .collect();
        for file in &files {
            file.write().unwrap();
        }
        changed
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_default()
    }
}
