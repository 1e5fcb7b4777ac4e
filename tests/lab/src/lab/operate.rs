//! What is done with a lab that is up.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use process::Output;

use super::{Lab, LabError, address};
use crate::cache::entry::lock;
use crate::cache::layers::Layers;
use crate::disk::{self, Disk};
use crate::exec::{ExecError, Target};
use crate::fabric;
use crate::mounts;
use crate::name::Member;
use crate::plan::Machine;
use crate::power::{self, Power};
use crate::state::{Running, State};
use crate::watch::Watch;

/// How long a boot is lengthened at most by a host that does not get its address.
const ADDRESS_AGAIN: Duration = Duration::from_secs(10);

impl Lab {
    /// Runs a program on a machine to its end, with nothing to read.
    ///
    /// # Errors
    /// The machine is off; the program failed, or was too slow and has been ended.
    pub async fn exec(&self, host: &str, argv: &[&str], deadline: Duration) -> Result<Output, LabError> {
        self.exec_with(host, argv, Vec::new(), deadline).await
    }

    /// As [`Lab::exec`], with something to read.
    ///
    /// # Errors
    /// As [`Lab::exec`].
    pub async fn exec_with(
        &self,
        host: &str,
        argv: &[&str],
        stdin: Vec<u8>,
        deadline: Duration,
    ) -> Result<Output, LabError> {
        let words: Vec<_> = argv.iter().map(Into::into).collect();
        Ok(self.target(host)?.run(&words, stdin, deadline).await?)
    }

    /// Copies into a machine: a file to `to` (or into it where that is a directory), or what is in a directory into
    /// the directory `to`.
    ///
    /// # Errors
    /// Nothing to copy, or not written.
    pub async fn put(&self, host: &str, from: &Path, to: &str) -> Result<(), LabError> {
        Ok(self.target(host)?.put(from, to).await?)
    }

    /// Loads the image `busybox:latest` into a host's engine.
    ///
    /// # Errors
    /// The host is off, or its engine refuses.
    pub async fn image(&self, host: &str) -> Result<(), LabError> {
        let layers = Layers::get(&self.dirs, &self.state()?.spec, &|_| ()).await?;
        let tar = std::fs::read(&layers.image)
            .map_err(|source| LabError::Image { path: layers.image.clone(), source })?;
        self.exec_with(host, &["docker", "load", "--quiet"], tar, Duration::from_secs(60)).await.map(drop)
    }

    /// A machine that runs, to run something in.
    ///
    /// # Errors
    /// It is off, or the lab has none of that name.
    pub fn target(&self, host: &str) -> Result<Target, LabError> {
        let member = self.member(host)?;
        let leader = self.state()?.running(member).map(|running| running.leader);
        Ok(leader.map(|leader| Target { member, leader }).ok_or(ExecError::Off { member })?)
    }

    /// Switches a machine. What is so already is done.
    ///
    /// # Errors
    /// It hangs, or does not boot.
    pub async fn power(&self, host: &str, power: Power) -> Result<(), LabError> {
        let member = self.member(host)?;
        let locked = lock(&self.dirs.lock(&self.name)).await.map_err(LabError::Lock)?;
        let mut state = self.state()?;
        let machine = state.spec.machine(member);
        let running = match (power, state.running(member).cloned()) {
            (Power::On, Some(running)) => Some(running),
            (Power::On, None) => Some(self.boot_again(&state, &machine).await?),
            (Power::Off, Some(running)) => {
                power::shut_down(&self.name, &machine, &running).await.map(|()| None)?
            }
            (Power::Cut, Some(running)) => power::cut(&self.name, &machine, &running).await.map(|()| None)?,
            (Power::Off | Power::Cut, None) => None,
        };
        state.members.entry(member).or_default().running = running;
        state.save(&self.dir().state())?;
        drop(locked);
        Ok(())
    }

    /// Pulls a cable or plugs it in again; it stays so over the machine's boots.
    ///
    /// # Errors
    /// The machine has no such NIC.
    pub async fn link(&self, host: &str, nic: &str, up: bool) -> Result<(), LabError> {
        let member = self.member(host)?;
        let locked = lock(&self.dirs.lock(&self.name)).await.map_err(LabError::Lock)?;
        let mut state = self.state()?;
        let running = state.running(member).is_some();
        fabric::link(&self.name, &state.spec.machine(member), nic, up, running).await?;
        let pulled = &mut state.members.entry(member).or_default().pulled;
        if up {
            pulled.remove(nic)
        } else {
            pulled.insert(nic.to_owned())
        };
        state.save(&self.dir().state())?;
        drop(locked);
        Ok(())
    }

    /// Fills a host's disk, or frees it again; also while it is off.
    ///
    /// # Errors
    /// It has no disk of its own.
    pub async fn disk_to(&self, host: &str, to: Disk) -> Result<(), LabError> {
        let member = self.member(host)?;
        let locked = lock(&self.dirs.lock(&self.name)).await.map_err(LabError::Lock)?;
        disk::turn(&self.dir().member(member), member, to)?;
        drop(locked);
        Ok(())
    }

    /// Pings a host's address from the management node's network, until the watch is stopped. It may be started while
    /// the host is off.
    ///
    /// # Errors
    /// The lab has no such host, or `ping` cannot be run.
    pub fn watch_ping(&self, host: &str, interval: Duration) -> Result<Watch, LabError> {
        let machine = self.state()?.spec.machine(self.member(host)?);
        self.watch_address(machine.address, interval)
    }

    /// The same for any address, such as a container's.
    ///
    /// # Errors
    /// `ping` cannot be run.
    pub fn watch_address(&self, address: Ipv4Addr, interval: Duration) -> Result<Watch, LabError> {
        let namespace = fabric::namespace_path(&self.name.of(Member::Mn));
        Ok(Watch::start(&namespace, address, interval)?)
    }

    async fn boot_again(&self, state: &State, machine: &Machine) -> Result<Running, LabError> {
        let member = machine.member;
        // of a machine that ended by itself
        power::clear(&self.name, machine).await?;
        let layers = Layers::get(&self.dirs, &state.spec, &|_| ()).await?;
        self.disk(&state.spec, member).await?;
        mounts::mount_root(&self.dir().member(member), &layers.of(machine))?;
        let pulled = state.members.get(&member).map(|member| member.pulled.clone()).unwrap_or_default();
        let running = self.boot(machine, |nic| pulled.contains(nic)).await?;
        // a host whose network is spoilt has booted as well: that is for the caller to see
        address::wait(&self.name, machine, ADDRESS_AGAIN).await?;
        Ok(running)
    }
}
