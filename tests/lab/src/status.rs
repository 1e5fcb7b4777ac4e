//! What a lab is now, as a program outside it needs it.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::Serialize;

use crate::dirs::LabDir;
use crate::manager::Manager;
use crate::name::Member;
use crate::plan::Machine;
use crate::state::State;

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: Member,
    /// Of its `eth0`.
    pub address: Ipv4Addr,
    /// `running` or `off`.
    pub state: &'static str,
    /// Its PID 1 as the machine numbers it; none when it is off.
    pub leader: Option<i32>,
    /// Docker's socket there, as the machine sees it.
    pub docker_socket: Option<PathBuf>,
    /// Its root file system, as the machine sees it, also when it is off.
    pub root: PathBuf,
    /// What configures its network.
    pub manager: Manager,
    /// Its NICs.
    pub nics: Vec<NicStatus>,
}

/// One NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NicStatus {
    /// In the machine.
    pub name: String,
    /// Its address.
    pub mac: String,
    /// `up`, or `down` when its cable is pulled.
    pub link: &'static str,
}

impl Status {
    /// One line for a person.
    pub fn line(&self) -> String {
        let nic = |nic: &NicStatus| {
            let pulled = if nic.link == "down" { " (pulled)" } else { "" };
            format!("{} {}{pulled}", nic.name, nic.mac)
        };
        let nics: Vec<String> = self.nics.iter().map(nic).collect();
        let leader = self.leader.map_or("-".into(), |pid| pid.to_string());
        let Self { name, address, state, .. } = self;
        format!("{name:<8} {address:<14} {state:<8} {leader:<8} {}", nics.join(", "))
    }
}

/// All machines of a lab, the management node first.
pub fn of(state: &State, dir: &LabDir) -> Vec<Status> {
    state.spec.machines().iter().map(|machine| one(state, dir, machine)).collect()
}

fn one(state: &State, dir: &LabDir, machine: &Machine) -> Status {
    let leader = state.running(machine.member).map(|running| running.leader.pid);
    let pulled = |nic: &str| state.members.get(&machine.member).is_some_and(|m| m.pulled.contains(nic));
    let nics = machine.nics.iter().map(|nic| NicStatus {
        name: nic.name.clone(),
        mac: nic.mac.clone(),
        link: if pulled(&nic.name) { "down" } else { "up" },
    });
    Status {
        name: machine.member,
        address: machine.address,
        state: if leader.is_some() { "running" } else { "off" },
        leader,
        docker_socket: leader.map(|pid| format!("/proc/{pid}/root/run/docker.sock").into()),
        root: dir.member(machine.member).root(),
        manager: machine.manager,
        nics: nics.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dirs::Dirs;
    use crate::plan::Spec;

    #[test]
    fn a_machine_that_is_off_has_no_leader_and_no_socket() {
        let mut state = State::starting(Spec::new("lab".parse().unwrap(), 1));
        state.members.get_mut(&Member::Host(1)).unwrap().pulled.insert("eth1".into());
        let dirs = Dirs { labs: "/labs".into(), cache: "/cache".into() };
        let status = of(&state, &dirs.lab(&state.spec.name)).pop().unwrap();
        assert_eq!(
            serde_json::to_string(&status).unwrap(),
            r#"{"name":"host1","address":"10.99.0.11","state":"off","leader":null,"docker_socket":null,"root":"/labs/lab/host1/root","manager":"ifupdown","nics":[{"name":"eth0","mac":"02:78:64:00:00:01","link":"up"},{"name":"eth1","mac":"02:78:64:00:01:01","link":"down"}]}"#
        );
        assert_eq!(
            status.line(),
            "host1    10.99.0.11     off      -        eth0 02:78:64:00:00:01, eth1 02:78:64:00:01:01 (pulled)"
        );
    }
}
