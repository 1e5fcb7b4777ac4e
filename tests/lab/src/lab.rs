//! A lab: up, used, down.

use std::time::Duration;

use futures_util::future::try_join_all;
use process::Output;
use thiserror::Error;

use crate::cache::entry::{EntryError, lock};
use crate::cache::layers::{Layers, LayersError};
use crate::cgroup::{self, CgroupError};
use crate::dirs::{Dirs, LabDir};
use crate::exec::{ExecError, Target};
use crate::fabric::{self, FabricError};
use crate::host::boot::{Boot, BootError};
use crate::host::files::files;
use crate::host::keys::{KeyError, Keys};
use crate::mounts::{self, MountError};
use crate::name::{LabName, Member, NameError};
use crate::plan::{Machine, Spec};
use crate::power::{self, Power, PowerError};
use crate::setup::{self, SetupError};
use crate::state::{MemberState, Phase, Running, State, StateError};
use crate::status::{self, Status};
use crate::sweep::{SweepError, sweep};
use crate::updatenode::UpdateError;

/// How something with a lab failed.
#[derive(Debug, Error)]
pub enum LabError {
    /// A name of a lab or machine.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The machine.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A second `up`.
    #[error("lab {0} is up already: `lab down` ends it, another --name makes another")]
    AlreadyUp(LabName),
    /// A command before `up`.
    #[error("there is no lab {0}: `lab up N` makes one")]
    NoLab(LabName),
    /// A machine that the lab does not have.
    #[error("lab {lab} has no {member}: it has mn and {hosts} hosts")]
    NoSuchMember {
        /// The lab.
        lab: LabName,
        /// What was asked for.
        member: Member,
        /// How many there are.
        hosts: u8,
    },
    /// More hosts than addresses.
    #[error("{0} hosts are too many or too few: 1 to 200")]
    HostCount(u8),
    /// No NIC, or more than the fabric's names allow.
    #[error("{0} NICs are too many or too few: 1 to 8")]
    NicCount(u8),
    /// By a signal.
    #[error("interrupted; nothing of the lab stays")]
    Interrupted,
    /// The lock.
    #[error("cannot lock the lab")]
    Lock(#[source] EntryError),
    /// What is built once.
    #[error(transparent)]
    Layers(#[from] LayersError),
    /// The image's file.
    #[error("cannot read {}", path.display())]
    Image {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What is remembered.
    #[error(transparent)]
    State(#[from] StateError),
    /// Cables.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// ssh keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The overlay.
    #[error(transparent)]
    Mounts(#[from] MountError),
    /// A file of a machine.
    #[error("cannot prepare the files of {member}")]
    Files {
        /// Which.
        member: Member,
        /// Why.
        #[source]
        source: durable::FileError,
    },
    /// Cgroups.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The boot.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// A machine that booted with failed units.
    #[error("{member} booted, but these units failed: {units}")]
    Degraded {
        /// Which.
        member: Member,
        /// Which units.
        units: String,
    },
    /// Running something there.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Power.
    #[error(transparent)]
    Power(#[from] PowerError),
    /// Postscripts.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// Taking it down.
    #[error("cannot remove all of the lab")]
    Sweep(#[from] SweepError),
}

/// Where progress is told, a line at a time.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

const BOOT: Duration = Duration::from_secs(120);

/// A lab that is up.
#[derive(Debug, Clone)]
pub struct Lab {
    dirs: Dirs,
    name: LabName,
}

impl Lab {
    /// Makes a lab. What it needs on the machine is installed, what it can keep is cached.
    ///
    /// # Errors
    /// What did not work; nothing of the lab stays then.
    pub async fn up(spec: &Spec) -> Result<Self, LabError> {
        Self::up_telling(spec, &|_| (), std::future::pending()).await
    }

    /// As [`Lab::up`], tells what takes long, and gives up when `interrupted` ends.
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

    /// A lab that is already up.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn open(name: &LabName) -> Result<Self, LabError> {
        let lab = Self { dirs: Dirs::from_environment(), name: name.clone() };
        lab.state().map(|_| lab)
    }

    /// The machines, the management node first.
    ///
    /// # Errors
    /// The lab's record is gone or spoilt.
    pub fn status(&self) -> Result<Vec<Status>, LabError> {
        Ok(status::of(&self.state()?, &self.dir()))
    }

    /// One machine.
    ///
    /// # Errors
    /// The lab has none of that name.
    pub fn host(&self, name: &str) -> Result<Status, LabError> {
        let member = self.member(name)?;
        let found = self.status()?.into_iter().find(|status| status.name == member);
        found.ok_or_else(|| LabError::NoLab(self.name.clone()))
    }

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
    pub async fn put(&self, host: &str, from: &std::path::Path, to: &str) -> Result<(), LabError> {
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
        drop(locked);
        // another `up` may already wait for the lock: then it makes the file again
        let _ = std::fs::remove_file(dirs.lock(name));
        Ok(())
    }

    fn dir(&self) -> LabDir {
        self.dirs.lab(&self.name)
    }

    fn state(&self) -> Result<State, LabError> {
        State::load(&self.dir().state())?.ok_or_else(|| LabError::NoLab(self.name.clone()))
    }

    fn is_up(&self) -> bool {
        let up = |state: State| {
            state.phase == Phase::Up && state.spec.members().any(|member| state.running(member).is_some())
        };
        self.state().is_ok_and(up)
    }

    fn member(&self, name: &str) -> Result<Member, LabError> {
        let member: Member = name.parse()?;
        let hosts = self.state()?.spec.hosts;
        if member.number() <= hosts {
            Ok(member)
        } else {
            Err(LabError::NoSuchMember { lab: self.name.clone(), member, hosts })
        }
    }

    async fn make(&self, spec: &Spec, say: Say<'_>) -> Result<(), LabError> {
        let layers = Layers::get(&self.dirs, spec, say).await?;
        let mut state = State::starting(spec.clone());
        state.save(&self.dir().state())?;
        let keys = Keys::generate(spec).await?;
        fabric::build(spec).await?;
        say(&format!("booting mn and {} hosts", spec.hosts));
        let machines = spec.machines();
        let boots = machines.iter().map(|machine| self.first_boot(spec, machine, &keys, &layers));
        for (machine, running) in machines.iter().zip(try_join_all(boots).await?) {
            state
                .members
                .insert(machine.member, MemberState { running: Some(running), ..Default::default() });
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
        mounts::mount_root(&dir, &layers.of(member))?;
        for file in files(spec, machine, keys) {
            let path = dir.root().join(file.path);
            durable::replace(&path, file.content.as_bytes(), file.mode)
                .map_err(|source| LabError::Files { member, source })?;
        }
        let running = self.boot(machine, |_| false).await?;
        healthy(Target { member, leader: running.leader }).await.map(|()| running)
    }

    async fn boot_again(&self, state: &State, machine: &Machine) -> Result<Running, LabError> {
        let member = machine.member;
        // of a machine that ended by itself
        power::clear(&self.name, machine).await?;
        let layers = Layers::get(&self.dirs, &state.spec, &|_| ()).await?;
        mounts::mount_root(&self.dir().member(member), &layers.of(member))?;
        let pulled = state.members.get(&member).map(|member| member.pulled.clone()).unwrap_or_default();
        self.boot(machine, |nic| pulled.contains(nic)).await
    }

    async fn boot(&self, machine: &Machine, pulled: impl Fn(&str) -> bool) -> Result<Running, LabError> {
        let member = machine.member;
        fabric::plug(&self.name, machine, pulled).await?;
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
