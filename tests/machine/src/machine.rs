//! A machine: up, used, cut, on.

mod steps;

use std::time::{Duration, Instant};

use lab::cache::entry::lock;
use lab::dirs::Dirs;
use lab::plan::{Machine as Host, Spec};
use lab::{Lab, LabError, LabName, Member, NodeRun, cgroup};
use process::{Output, shell_words};

use crate::boot;
use crate::deploy;
use crate::error::MachineError;
use crate::plan::{Order, as_host};
use steps::kept;

/// Emulated, on a busy machine.
const BOOT: Duration = Duration::from_secs(900);
/// A first boot that installs packages.
const DEPLOYMENT: Duration = Duration::from_secs(1800);
const QUICK: Duration = Duration::from_secs(20);
/// From the order to boot again until the old boot is gone.
const SHUTDOWN: Duration = Duration::from_secs(120);
/// A machine without an address does not refuse, it is silent; one that lost its power does not say so.
const SSH: [&str; 9] = [
    "ssh",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=5",
    "-o",
    "ServerAliveInterval=5",
    "-o",
    "ServerAliveCountMax=6",
];

/// A machine that was made, with or without power.
#[derive(Debug, Clone)]
pub struct Machine {
    dirs: Dirs,
    name: LabName,
    lab: Lab,
    host: Host,
}

impl Machine {
    /// Fetches and builds what is kept, so that [`Machine::up`] only boots.
    ///
    /// # Errors
    /// What could not be fetched or built.
    pub async fn prepare(say: lab::lab::Say<'_>) -> Result<(), MachineError> {
        lab::setup::setup(say).await.map_err(LabError::from)?;
        kept(&Dirs::from_environment(), say).await.map(drop)
    }

    /// Makes a machine, joined to a lab, which is made with one host where there is none, and boots it.
    ///
    /// # Errors
    /// What did not work. A machine that was started stays for a look at it.
    pub async fn up(order: &Order, say: lab::lab::Say<'_>) -> Result<Self, MachineError> {
        if !(1..=8).contains(&order.nics) {
            return Err(MachineError::NicCount(order.nics));
        }
        let lab = match Lab::open(&order.lab) {
            Ok(lab) => lab,
            Err(_) => Lab::up_telling(&Spec::new(order.lab.clone(), 1), say, std::future::pending()).await?,
        };
        let (spec, host) = as_host(&order.lab, order.name, order.nics);
        let machine = Self { dirs: Dirs::from_environment(), name: order.lab.clone(), lab, host };
        machine.check_name()?;
        let locked = lock(&machine.dirs.lock(&machine.name)).await.map_err(MachineError::Lock)?;
        if machine.record()?.is_some() {
            return Err(MachineError::AlreadyUp(order.name));
        }
        let (program, disk) = kept(&machine.dirs, say).await?;
        machine.furnish(order, &spec, &disk).await?;
        say(&format!("booting {}", order.name));
        machine.start(&program, &disk, true).await?;
        drop(locked);
        machine.wait(if order.deployed { DEPLOYMENT } else { BOOT }).await?;
        Ok(machine)
    }

    /// A machine that was made.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn open(lab: &LabName, name: Member) -> Result<Self, MachineError> {
        let (_, host) = as_host(lab, name, 1);
        let dirs = Dirs::from_environment();
        let machine = Self { dirs, name: lab.clone(), lab: Lab::open(lab)?, host };
        let record = machine.record()?.ok_or(MachineError::NoMachine(name))?;
        let (_, host) = as_host(lab, name, record.nics);
        Ok(Self { host, ..machine })
    }

    /// Its lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Its plan: address, NICs.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Runs a line of shell on it as root, by ssh from the management node.
    ///
    /// # Errors
    /// It does not answer; the line failed or was too slow.
    pub async fn sh(&self, line: &str, deadline: Duration) -> Result<Output, MachineError> {
        let name = self.host.member.to_string();
        let mut words = SSH.to_vec();
        words.extend([name.as_str(), line]);
        Ok(self.lab.exec("mn", &words, deadline).await?)
    }

    /// Runs postscripts (`"script args,script2 args"`) on it, as xCAT's updatenode does.
    ///
    /// # Errors
    /// Tables are missing, or it does not answer. A script that fails is no error but a status.
    pub async fn updatenode(&self, scripts: &str) -> Result<NodeRun, MachineError> {
        let mn = self.lab.host("mn")?.address;
        Ok(deploy::updatenode(&self.lab, self.host.member, mn, scripts).await?)
    }

    /// Becomes a program on it, with our terminal or pipes.
    pub fn become_program(&self, argv: &[String]) -> MachineError {
        if !self.runs().unwrap_or(false) {
            return MachineError::Off(self.host.member);
        }
        let target = match self.lab.target("mn") {
            Ok(target) => target,
            Err(error) => return error.into(),
        };
        let terminal = if std::io::IsTerminal::is_terminal(&std::io::stdin()) { "-t" } else { "-T" };
        let member = self.host.member.to_string();
        let words = SSH.into_iter().chain([terminal, &member]).map(Into::into);
        // one word is a line of shell, as with ssh itself
        let line = if let [line] = argv { line.clone() } else { shell_words(argv) };
        let words: Vec<_> = words.chain([line.into()]).collect();
        LabError::from(target.become_program(&words)).into()
    }

    /// Takes its power away.
    ///
    /// # Errors
    /// It does not end.
    pub async fn cut(&self) -> Result<(), MachineError> {
        let locked = lock(&self.dirs.lock(&self.name)).await.map_err(MachineError::Lock)?;
        let part = self.host.member.to_string();
        cgroup::kill_all(&self.name, Some(&part)).await?;
        if let Some(process) = self.known()?.running
            && !process.gone(QUICK).await
        {
            return Err(MachineError::Survives(self.host.member));
        }
        self.remember(None)?;
        drop(locked);
        Ok(())
    }

    /// Gives it power, and waits until its boot has ended; one that runs is left alone.
    ///
    /// # Errors
    /// It does not boot.
    pub async fn on(&self) -> Result<(), MachineError> {
        let locked = lock(&self.dirs.lock(&self.name)).await.map_err(MachineError::Lock)?;
        if !self.runs()? {
            let (program, disk) = kept(&self.dirs, &|_| ()).await?;
            self.start(&program, &disk, false).await?;
        }
        drop(locked);
        self.wait(BOOT).await
    }

    /// Lets it shut down and boot again by itself, and waits until that boot has ended.
    ///
    /// # Errors
    /// It hangs.
    pub async fn reboot(&self) -> Result<(), MachineError> {
        let before = self.boot_id().await?;
        // the connection may be cut before the answer
        let _ = self.sh("systemctl reboot", QUICK).await;
        let end = Instant::now() + SHUTDOWN;
        while self.boot_id().await.is_ok_and(|now| now == before) {
            if Instant::now() > end {
                return Err(MachineError::NoReboot { member: self.host.member, deadline: SHUTDOWN });
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.wait(BOOT).await
    }

    /// What it wrote to its serial console, over all its boots.
    pub fn console(&self) -> Vec<u8> {
        std::fs::read(boot::console(&self.directory())).unwrap_or_default()
    }
}
