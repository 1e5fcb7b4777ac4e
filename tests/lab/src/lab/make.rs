//! Up and down.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::{Lab, LabError, address};
use crate::cache::entry::lock;
use crate::cache::layers::Layers;
use crate::cgroup;
use crate::dirs::Dirs;
use crate::disk;
use crate::exec::Target;
use crate::fabric;
use crate::host::boot::Boot;
use crate::host::files::files;
use crate::host::keys::Keys;
use crate::manager::Assignment;
use crate::mounts;
use crate::name::{LabName, Member};
use crate::plan::{Fabric, Machine, Spec};
use crate::setup;
use crate::state::{MemberState, Phase, Running, State};
use crate::sweep::sweep;

/// Receives progress, one line at a time.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

const BOOT: Duration = Duration::from_secs(120);
const ADDRESS: Duration = Duration::from_secs(60);

impl Lab {
    /// Installs what a lab needs on the machine, and builds what is cached, so that [`Lab::up`] only boots.
    ///
    /// # Errors
    /// What could not be installed or built.
    pub async fn prepare(spec: &Spec, say: Say<'_>) -> Result<(), LabError> {
        setup::setup(say).await?;
        Layers::get(&Dirs::from_environment(), spec, say).await?;
        Ok(())
    }

    /// Makes a lab. What it needs on the machine is installed, what it can keep is cached.
    ///
    /// # Errors
    /// What did not work; nothing of the lab stays then.
    pub async fn up(spec: &Spec) -> Result<Self, LabError> {
        Self::up_telling(spec, &|_| (), std::future::pending()).await
    }

    /// As [`Lab::up`], reports progress, and gives up when `interrupted` ends.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub async fn up_telling(
        spec: &Spec,
        say: Say<'_>,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Self, LabError> {
        check(spec)?;
        setup::setup(say).await?;
        let lab = Self { dirs: Dirs::from_environment(), name: spec.name.clone() };
        let locked = lock(&lab.dirs.lock(&lab.name)).await.map_err(LabError::Lock)?;
        if lab.is_up() {
            return Err(LabError::AlreadyUp(lab.name));
        }
        // what a killed `up` left behind
        sweep(&lab.dirs, &lab.name).await?;
        let made = tokio::select! {
            made = lab.make(spec, say) => made,
            () = interrupted => Err(LabError::Interrupted),
        };
        if made.is_err() {
            // the first error is the one to tell
            let _ = sweep(&lab.dirs, &lab.name).await;
        }
        drop(locked);
        made.map(|()| lab)
    }

    /// Removes the lab.
    ///
    /// # Errors
    /// Names what stays.
    pub async fn down(&self) -> Result<(), LabError> {
        Self::remove(&self.name).await
    }

    /// Removes a lab, or what is left of one; none is fine.
    ///
    /// # Errors
    /// Names what stays.
    pub async fn remove(name: &LabName) -> Result<(), LabError> {
        setup::require_root()?;
        let dirs = Dirs::from_environment();
        let locked = lock(&dirs.lock(name)).await.map_err(LabError::Lock)?;
        sweep(&dirs, name).await?;
        // a process that waits for the lock sees that the file was removed and creates it again
        let _ = std::fs::remove_file(dirs.lock(name));
        drop(locked);
        Ok(())
    }

    fn is_up(&self) -> bool {
        let up = |state: State| {
            state.phase == Phase::Up && state.spec.members().any(|member| state.running(member).is_some())
        };
        self.state().is_ok_and(up)
    }

    async fn make(&self, spec: &Spec, say: Say<'_>) -> Result<(), LabError> {
        let layers = Layers::get(&self.dirs, spec, say).await?;
        let mut state = State::starting(spec.clone());
        state.save(&self.dir().state())?;
        let keys = Keys::generate(spec).await?;
        fabric::build(spec).await?;
        say(&format!("booting mn and {} hosts", spec.hosts));
        let machines = spec.machines();
        // a client gets its address at once if the server was started first
        let first = if spec.assignment == Assignment::Dhcp { 1 } else { machines.len() };
        let (first, rest) = machines.split_at(first);
        for together in [first, rest] {
            let boots = together.iter().map(|machine| self.first_boot(spec, machine, &keys, &layers));
            for (machine, running) in together.iter().zip(try_join_all(boots).await?) {
                let booted = MemberState { running: Some(running), ..Default::default() };
                state.members.insert(machine.member, booted);
            }
        }
        fabric::assert_closed(spec).await?;
        state.phase = Phase::Up;
        Ok(state.save(&self.dir().state())?)
    }

    async fn first_boot(
        &self,
        spec: &Spec,
        machine: &Machine,
        keys: &Keys,
        layers: &Layers,
    ) -> Result<Running, LabError> {
        let member = machine.member;
        let dir = self.dir().member(member);
        self.disk(spec, member).await?;
        mounts::mount_root(&dir, &layers.of(machine))?;
        for file in files(spec, machine, keys) {
            let path = dir.root().join(file.path);
            durable::replace(&path, file.content.as_bytes(), file.mode)
                .map_err(|source| LabError::Files { member, source })?;
        }
        let running = self.boot(machine, |_| false).await?;
        if !address::wait(&self.name, machine, ADDRESS).await? {
            let (manager, address) = (machine.manager, machine.address);
            return Err(LabError::NoAddress { member, manager, address, deadline: ADDRESS });
        }
        healthy(Target { member, leader: running.leader }).await.map(|()| running)
    }

    pub(super) async fn disk(&self, spec: &Spec, member: Member) -> Result<(), LabError> {
        match (spec.disk, member) {
            (Some(size), Member::Host(_)) => Ok(disk::mount(&self.dir().member(member), size).await?),
            _ => Ok(()),
        }
    }

    pub(super) async fn boot(
        &self,
        machine: &Machine,
        pulled: impl Fn(&str) -> bool,
    ) -> Result<Running, LabError> {
        let member = machine.member;
        fabric::plug(&self.name, machine, pulled).await?;
        if machine.checksums {
            fabric::compute_checksums(&self.name, machine).await?;
        }
        let cgroups = cgroup::make(&self.name, &member.to_string())?;
        let dir = self.dir().member(member);
        let boot = Boot { lab: &self.name, member, dir: &dir, cgroups: &cgroups };
        Ok(boot.run(BOOT).await?)
    }
}

fn check(spec: &Spec) -> Result<(), LabError> {
    if !(1..=crate::name::MOST_HOSTS).contains(&spec.hosts) {
        return Err(LabError::HostCount(spec.hosts));
    }
    if !(1..=8).contains(&spec.nics) {
        return Err(LabError::NicCount(spec.nics));
    }
    if spec.bonded && spec.nics < 2 {
        return Err(LabError::BondOfOne);
    }
    if spec.fabric == Fabric::L3 && spec.assignment == Assignment::Dhcp {
        return Err(LabError::DhcpRouted);
    }
    Ok(())
}

/// A fresh machine has no failed unit; later ones are the matter of who made them fail.
async fn healthy(target: Target) -> Result<(), LabError> {
    let failed = ["systemctl", "--failed", "--plain", "--no-legend"].map(Into::into);
    let said = target.run(&failed, Vec::new(), Duration::from_secs(20)).await?.text();
    let units: Vec<&str> = said.lines().filter_map(|line| line.split_ascii_whitespace().next()).collect();
    if units.is_empty() {
        return Ok(());
    }
    Err(LabError::Degraded { member: target.member, units: units.join(", ") })
}
