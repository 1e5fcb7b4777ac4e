//! The cables: a namespace with one bridge per Ethernet, and a veth pair per NIC from there into the machine's
//! namespace. The fabric has no interface of its own beside those, so there is no way out.
//!
//! Planned as the lines of `ip -batch` (one process for all of them), executed by `ip` itself.

mod inside;
mod router;

use std::path::Path;
use std::time::{Duration, Instant};

use process::{Command, ExecuteError};
use thiserror::Error;

use inside::set;
pub use inside::{compute_checksums, has_address};

use crate::name::LabName;
use crate::plan::{Fabric, Machine, Nic, Spec};

/// How laying cables failed.
#[derive(Debug, Error)]
pub enum FabricError {
    /// `ip` refused.
    #[error("cannot lay the cables of {what}")]
    Ip {
        /// Of what.
        what: String,
        /// What it said.
        #[source]
        source: ExecuteError,
    },
    /// A kernel setting of a namespace.
    #[error("cannot set {setting} in namespace {namespace}")]
    Setting {
        /// The file under /proc/sys.
        setting: String,
        /// Where.
        namespace: String,
        /// Why.
        #[source]
        source: Box<ExecuteError>,
    },
    /// The fabric has an interface that leads elsewhere.
    #[error("the lab has a way out: {0} in the fabric; run `lab down` and tell us how it came there")]
    WayOut(String),
    /// Not asked for at `up`.
    #[error("{member} has no NIC {nic}: it has {has}")]
    NoSuchNic {
        /// The machine.
        member: String,
        /// The name that was asked for.
        nic: String,
        /// Those there are.
        has: String,
    },
}

const DEADLINE: Duration = Duration::from_secs(20);

/// Makes the fabric's namespace with its bridges, and the router where there is one.
///
/// # Errors
/// What `ip` said.
pub async fn build(spec: &Spec) -> Result<(), FabricError> {
    let fabric = spec.name.of("fabric");
    ip("the fabric", &[], &format!("netns add {fabric}\n")).await?;
    ip("the fabric", &["-n", &fabric], &bridges(spec)).await?;
    if spec.fabric == Fabric::L3 {
        router::build(&spec.name).await?;
    }
    Ok(())
}

/// Makes a machine's namespace with its NICs: fresh at every boot, as memory is after a power cut.
///
/// # Errors
/// What `ip` said.
pub async fn plug(
    lab: &LabName,
    machine: &Machine,
    pulled: impl Fn(&str) -> bool,
) -> Result<(), FabricError> {
    let what = machine.member.to_string();
    let namespace = lab.of(machine.member);
    ip(&what, &[], &cables(lab, machine)).await?;
    ip(&what, &["-n", &lab.of("fabric")], &ports(machine, pulled)).await?;
    // the kernel copies the machine's own setting into a new namespace; a fresh host does not forward
    set(&namespace, "net/ipv4/ip_forward", "0").await
}

/// Removes a machine's cables and namespace.
///
/// # Errors
/// What `ip` said.
pub async fn unplug(lab: &LabName, machine: &Machine) -> Result<(), FabricError> {
    // The kernel destroys a namespace in its own time, and the cables with it; the next boot lays cables of the
    // same names at once. Those that are gone already are no error: hence `-force`, and only `plug` judges.
    let lines: String = machine.nics.iter().map(|nic| format!("link del {}\n", nic.port)).collect();
    let _ = ip("the old cables", &["-n", &lab.of("fabric"), "-force"], &lines).await;
    remove(&lab.of(machine.member)).await
}

/// Removes a namespace; none is fine. An `up` that was killed leaves an `ip` behind which may just be mounting it
/// (`Device or resource busy`): that one ends in a moment, so a refusal counts only when it stays.
///
/// # Errors
/// What `ip` said at last.
pub async fn remove(namespace: &str) -> Result<(), FabricError> {
    let end = Instant::now() + DEADLINE;
    while namespace_path(namespace).exists() {
        match ip(namespace, &[], &format!("netns del {namespace}\n")).await {
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Removes or attaches a cable at the fabric's side: the host's carrier changes.
///
/// # Errors
/// No such NIC, or what `ip` said.
pub async fn link(
    lab: &LabName,
    machine: &Machine,
    nic: &str,
    up: bool,
    running: bool,
) -> Result<(), FabricError> {
    let found = machine.nics.iter().find(|has| has.name == nic).ok_or_else(|| no_such_nic(machine, nic))?;
    if !running {
        // its cables are laid when it boots
        return Ok(());
    }
    let line = format!("link set {} {}\n", found.port, if up { "up" } else { "down" });
    ip(&machine.member.to_string(), &["-n", &lab.of("fabric")], &line).await
}

/// Asserts that nothing but the lab's own cables is in the fabric.
///
/// # Errors
/// Names what is.
pub async fn assert_closed(spec: &Spec) -> Result<(), FabricError> {
    let fabric = spec.name.of("fabric");
    let command = Command::new("ip", DEADLINE).args(["-n", &fabric, "-o", "link", "show"]);
    let shown = command.execute().await.map_err(failed("the fabric"))?;
    match strangers(spec, &shown.text()).as_slice() {
        [] => Ok(()),
        strangers => Err(FabricError::WayOut(strangers.join(", "))),
    }
}

fn strangers(spec: &Spec, shown: &str) -> Vec<String> {
    let ports = spec.machines().into_iter().flat_map(|m| m.nics).map(|nic| nic.port);
    let known: Vec<String> =
        ports.chain(spec.bridges()).chain(["lo", "router-a", "router-b"].map(str::to_owned)).collect();
    let names = shown.lines().filter_map(|line| line.split(": ").nth(1));
    let names = names.map(|name| name.split('@').next().unwrap_or(name).to_owned());
    names.filter(|name| !known.contains(name)).collect()
}

/// Where `ip netns` keeps a namespace.
pub fn namespace_path(namespace: &str) -> std::path::PathBuf {
    Path::new("/run/netns").join(namespace)
}

fn bridges(spec: &Spec) -> String {
    let bridge = |name: String| {
        // a cable, not a switch with opinions: no spanning tree, no delay, every multicast frame goes everywhere
        format!(
            "link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nlink set {name} up\n"
        )
    };
    "link set lo up\n".to_owned() + &spec.bridges().into_iter().map(bridge).collect::<String>()
}

fn cables(lab: &LabName, machine: &Machine) -> String {
    let (namespace, fabric) = (lab.of(machine.member), lab.of("fabric"));
    let cable = |nic: &Nic| {
        format!(
            "link add {} address {} netns {namespace} type veth peer name {} netns {fabric}\n",
            nic.name, nic.mac, nic.port
        )
    };
    format!("netns add {namespace}\n") + &machine.nics.iter().map(cable).collect::<String>()
}

fn ports(machine: &Machine, pulled: impl Fn(&str) -> bool) -> String {
    let port = |nic: &Nic| {
        let state = if pulled(&nic.name) { "down" } else { "up" };
        format!("link set {} master {} {state}\n", nic.port, nic.bridge)
    };
    machine.nics.iter().map(port).collect()
}

async fn ip(what: &str, options: &[&str], lines: &str) -> Result<(), FabricError> {
    let command = Command::new("ip", DEADLINE).args(options).args(["-batch", "-"]).stdin(lines);
    command.execute().await.map(drop).map_err(failed(what))
}

fn failed(what: &str) -> impl FnOnce(ExecuteError) -> FabricError + '_ {
    move |source| FabricError::Ip { what: what.to_owned(), source }
}

fn no_such_nic(machine: &Machine, nic: &str) -> FabricError {
    let has: Vec<&str> = machine.nics.iter().map(|nic| nic.name.as_str()).collect();
    FabricError::NoSuchNic { member: machine.member.to_string(), nic: nic.to_owned(), has: has.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Member;

    #[test]
    fn cables_carry_the_planned_names_and_addresses() {
        let spec = Spec::new("lab".parse().unwrap(), 1);
        let machine = spec.machine(Member::Host(1));
        assert_eq!(
            cables(&spec.name, &machine),
            "netns add xdock-lab-host1\n\
             link add eth0 address 02:78:64:00:00:01 netns xdock-lab-host1 type veth peer name host1-eth0 netns xdock-lab-fabric\n\
             link add eth1 address 02:78:64:00:01:01 netns xdock-lab-host1 type veth peer name host1-eth1 netns xdock-lab-fabric\n"
        );
        assert_eq!(
            ports(&machine, |nic| nic == "eth1"),
            "link set host1-eth0 master net0 up\nlink set host1-eth1 master net1 down\n"
        );
    }

    #[test]
    fn a_stranger_in_the_fabric_is_a_way_out() {
        let spec = Spec::new("lab".parse().unwrap(), 1);
        let shown = "1: lo: <LOOPBACK>\n2: net0: <UP>\n5: host1-eth0@if2: <UP>\n7: uplink@if3: <UP>";
        assert_eq!(strangers(&spec, shown), ["uplink"]);
    }

    #[test]
    fn a_nic_that_is_not_there_is_told_with_those_that_are() {
        let spec = Spec::new("lab".parse().unwrap(), 1);
        let error = no_such_nic(&spec.machine(Member::Host(1)), "eth7");
        assert_eq!(error.to_string(), "host1 has no NIC eth7: it has eth0, eth1");
    }
}
