//! A VLAN on the NIC of the host's own network, which the lab's hosts cannot have: their kernel may lack 8021q. The machine has netplan,
//! with an id that is not the NIC's name and finds it by its permanent Ethernet address (canonical/cloud-init #5574), and a lease of
//! DHCP.

use std::time::Duration;

use acceptance::network::install_line;
use acceptance::soundness::same;
use acceptance::{Cluster, Failure, Tables};
use lab::{Assignment, Lab, Member, Spec};
use machine::{Machine, Order};

const NAME: Member = Member::Host(2);
/// For one line of shell: everything is emulated, and the host may be busy.
const LINE: Duration = Duration::from_secs(300);

/// The VLAN stands on the id, which is another than the NIC's name.
const NETPLAN: &str = "network:
  version: 2
  renderer: networkd
  ethernets:
    lan0:
      match: {macaddress: \"MAC\"}
      set-name: eth0
      dhcp4: true
      addresses: [\"fd00:99::12/64\"]
  vlans:
    storage:
      id: 55
      link: lan0
      addresses: [10.55.0.12/16]
";

struct World {
    cluster: Cluster,
    machine: Machine,
}

impl AsRef<Lab> for World {
    fn as_ref(&self) -> &Lab {
        &self.cluster.lab
    }
}

impl World {
    async fn make() -> Result<Self, Failure> {
        let say = |line: &str| eprintln!("  {line}");
        let name: lab::LabName = format!("vlan{}", std::process::id()).parse()?;
        let mut spec = Spec { checksums: true, assignment: Assignment::Dhcp, ..Spec::new(name.clone(), 1) };
        spec.packages.push("netplan.io".to_owned());
        let cluster = Cluster::bare(&spec, &Tables::of_lab(2), &say).await?;
        let made = async {
            let machine = Machine::up(&Order { nics: 1, ..Order::new(name, NAME) }, &say).await?;
            give_netplan(&cluster, &machine).await?;
            Ok(machine)
        };
        let made = made.await;
        let (cluster, machine) = cluster.unless_failed(made).await?;
        Ok(Self { cluster, machine })
    }

    async fn sh(&self, line: &str) -> Result<String, Failure> {
        Ok(self.machine.sh(line, LINE).await?.text())
    }

    /// The bridge has the host's addresses, and the VLAN its own on the NIC.
    async fn has_both(&self) -> Result<(), Failure> {
        let look = "ls /sys/class/net/mynet0/brif; ip -br addr show mynet0 | tr ' ' '\\n' | grep -E '^(10[.]|fd00)' | sort; \
                    ip -br -4 addr show storage | awk '{print $1, $3}'; awk '/VID/ {print $3}' /proc/net/vlan/storage; \
                    ping -c 1 -W 5 10.99.0.1 >/dev/null && echo reached";
        let wanted = "eth0\n10.99.0.12/16\nfd00:99::12/64\nstorage@eth0 10.55.0.12/16\n55\nreached";
        let end = std::time::Instant::now() + LINE;
        loop {
            let found = self.sh(look).await.unwrap_or_default();
            match found == wanted {
                true => return Ok(()),
                false if std::time::Instant::now() > end => {
                    return same("the network", found.as_str(), wanted);
                }
                false => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }
}

/// In the place of ifupdown, from the next boot on.
async fn give_netplan(cluster: &Cluster, machine: &Machine) -> Result<(), Failure> {
    let mac = machine.sh("cat /sys/class/net/eth0/address", LINE).await?.text();
    let lease =
        format!("echo dhcp-host={},10.99.0.12 >>/etc/lab-dhcp.conf; systemctl restart lab-dhcp", mac.trim());
    cluster.sh("mn", &lease).await?;
    machine.sh(&install_line("netplan.io"), LINE).await?;
    let write = format!(
        "cat >/etc/netplan/50-own.yaml <<'END' && sed -i \"s/MAC/$(cat /sys/class/net/eth0/address)/\" /etc/netplan/50-own.yaml && \
         chmod 600 /etc/netplan/* && printf 'auto lo\\niface lo inet loopback\\n' >/etc/network/interfaces && \
         systemctl enable systemd-networkd\n{NETPLAN}END"
    );
    machine.sh(&write, LINE).await?;
    Ok(machine.reboot().await?)
}

acceptance::promises![
    on World:
    a_vlan_on_the_id_of_the_nic_stays_when_the_nic_becomes_a_port,
    a_second_run_has_nothing_to_do,
    the_vlan_is_there_after_a_reboot,
];

async fn a_vlan_on_the_id_of_the_nic_stays_when_the_nic_becomes_a_port(world: &World) -> Result<(), Failure> {
    let before = world.sh("ip -br -4 addr show storage | awk '{print $1, $3}'").await?;
    same("the VLAN before", before.as_str(), "storage@eth0 10.55.0.12/16")?;
    let run = world.machine.updatenode("xdock network").await?;
    if run.status != 0 {
        return Err(format!("the step failed: {run:?}").into());
    }
    world.has_both().await
}

async fn a_second_run_has_nothing_to_do(world: &World) -> Result<(), Failure> {
    let run = world.machine.updatenode("xdock network").await?;
    match run.output.contains("xdock: network: nothing to do") {
        true => Ok(()),
        false => Err(format!("the step did something again: {run:?}").into()),
    }
}

async fn the_vlan_is_there_after_a_reboot(world: &World) -> Result<(), Failure> {
    world.machine.reboot().await?;
    world.has_both().await
}

fn main() {
    acceptance::promise::run(promises(), |runtime| runtime.block_on(World::make()));
}
