//! What the commands are made of.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lab::cache::apt::Apt;
use lab::cache::root::{self, RootError};
use lab::dirs::Dirs;
use lab::plan::Spec;
use lab::state::State;
use lab::{LabError, cgroup};

use super::{Machine, QUICK};
use crate::boot::{self, Boot, BootError};
use crate::deploy::Occasion;
use crate::disk::Disk;
use crate::error::MachineError;
use crate::plan::{Files, Order, qemu};
use crate::program::Program;
use crate::record::Record;
use crate::seed::Seed;
use crate::{cables, deploy};

/// What is built once: qemu and the disk, over the hosts' bare Debian.
pub(super) async fn kept(dirs: &Dirs, say: lab::lab::Say<'_>) -> Result<(Program, Disk), MachineError> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(MachineError::Architecture);
    }
    let apt = Apt::new(&dirs.cache, SUITE);
    let build = |half: PathBuf| async move {
        say("making a Debian (once; a minute)");
        root::build(SUITE, &half).await
    };
    let root = root::entry(&dirs.cache, SUITE).get::<RootError, _, _>(build).await?;
    let program = Program::get(&apt, &root, say).await?;
    Ok((program, Disk::get(&apt, &root, say).await?))
}

const SUITE: &str = "bookworm";

impl Machine {
    pub(super) fn directory(&self) -> PathBuf {
        self.dirs.lab(&self.name).member(self.host.member).path().to_owned()
    }

    fn record_path(&self) -> PathBuf {
        self.directory().join("machine.json")
    }

    pub(super) fn record(&self) -> Result<Option<Record>, MachineError> {
        Ok(Record::load(&self.record_path())?)
    }

    pub(super) fn known(&self) -> Result<Record, MachineError> {
        self.record()?.ok_or(MachineError::NoMachine(self.host.member))
    }

    pub(super) fn runs(&self) -> Result<bool, MachineError> {
        Ok(self.known()?.running.is_some_and(lab::proc::Process::is_alive))
    }

    pub(super) fn remember(&self, running: Option<lab::proc::Process>) -> Result<(), MachineError> {
        let nics = u8::try_from(self.host.nics.len()).unwrap_or(u8::MAX);
        Ok(Record { nics, running }.save(&self.record_path())?)
    }

    /// A lab has one machine of each name.
    pub(super) fn check_name(&self) -> Result<(), MachineError> {
        let (lab, member) = (self.name.clone(), self.host.member);
        let state = State::load(&self.dirs.lab(&lab).state())?;
        let hosts = state.ok_or_else(|| LabError::NoLab(lab.clone()))?.spec.hosts;
        if member.number() <= hosts { Err(MachineError::Taken { lab, member, hosts }) } else { Ok(()) }
    }

    /// Its disk, its own files, its cables; and mn learns of it.
    pub(super) async fn furnish(&self, order: &Order, spec: &Spec, disk: &Disk) -> Result<(), MachineError> {
        let directory = self.directory();
        std::fs::create_dir_all(&directory)
            .map_err(|source| MachineError::Directory(self.host.member, source))?;
        disk.copy(&directory.join(DISK)).await?;
        let root_key = self.lab.exec("mn", &["cat", "/root/.ssh/id_ed25519.pub"], QUICK).await?.text();
        let mut seed = Seed::new(spec, &self.host, &root_key).await?;
        if order.deployed {
            let mn = self.lab.host("mn")?.address;
            deploy::deliver(&self.lab, self.host.member, mn, Occasion::Deployment).await?;
            seed.deployed_by(mn);
        }
        seed.pack(&directory.join(SEED)).await?;
        cables::lay(&self.name, &self.host).await?;
        self.introduce(&seed.host_key).await
    }

    async fn introduce(&self, host_key: &str) -> Result<(), MachineError> {
        let (member, address) = (self.host.member, self.host.address);
        let key: Vec<&str> = host_key.split_ascii_whitespace().take(2).collect();
        let line = format!(
            "echo '{address} {member} {member}.cluster.test' >>/etc/hosts; \
             echo '{member},{address} {}' >>/root/.ssh/known_hosts",
            key.join(" ")
        );
        Ok(self.lab.exec("mn", &["sh", "-ec", &line], QUICK).await.map(drop)?)
    }

    pub(super) async fn start(
        &self,
        program: &Program,
        disk: &Disk,
        first: bool,
    ) -> Result<(), MachineError> {
        let directory = self.directory();
        let seed = directory.join(SEED);
        let files = Files {
            kernel: &disk.kernel(),
            initrd: &disk.initrd(),
            disk: &directory.join(DISK),
            seed: first.then_some(&*seed),
            console: &boot::console(&directory),
        };
        let mut argv = program.words();
        argv.extend(qemu(&self.host, &files));
        let cgroups = cgroup::make(&self.name, &self.host.member.to_string())?;
        let process = self.boot(&argv).start(&cgroups)?;
        self.remember(Some(process))
    }

    fn boot<'a>(&'a self, argv: &'a [std::ffi::OsString]) -> Boot<'a> {
        Boot { lab: &self.name, member: self.host.member, directory: self.directory(), argv }
    }

    /// Waits until its boot has ended, and ended well.
    pub(super) async fn wait(&self, deadline: Duration) -> Result<(), MachineError> {
        let end = Instant::now() + deadline;
        let state = loop {
            // the connection may be lost while the machine changes its own network: then it is asked again
            let left = end.saturating_duration_since(Instant::now()).max(QUICK);
            match self.sh("systemctl is-system-running --wait || true", left).await {
                Ok(said) => break said.text(),
                Err(_) => self.still_boots(end, deadline)?,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        if state == "running" {
            return Ok(());
        }
        let failed = "systemctl --failed --plain --no-legend | cut -d' ' -f1 | paste -sd' '";
        let units = self.sh(failed, QUICK).await?.text();
        let said = boot::last_words(&self.directory());
        Err(MachineError::Degraded { member: self.host.member, units, said })
    }

    fn still_boots(&self, end: Instant, deadline: Duration) -> Result<(), BootError> {
        let boot = self.boot(&[]);
        if !self.runs().unwrap_or(false) {
            return Err(boot.ended());
        }
        if Instant::now() > end { Err(boot.too_slow(deadline)) } else { Ok(()) }
    }

    /// A new one for each boot (random(4)).
    pub(super) async fn boot_id(&self) -> Result<String, MachineError> {
        Ok(self.sh("cat /proc/sys/kernel/random/boot_id", QUICK).await?.text())
    }
}

/// The file names in the machine's directory.
const DISK: &str = "disk.img";
const SEED: &str = "seed.tar";
