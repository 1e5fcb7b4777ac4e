//! Booting a machine: systemd-nspawn in the machine's namespace and cgroups, waited for by what it tells
//! (sd_notify: first the machine's PID 1, then that its boot has ended), never by the clock alone.

use std::fs::File;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net as unix;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use crate::dirs::MemberDir;
use crate::fabric::namespace_path;
use crate::name::{LabName, Member};
use crate::proc::Process;
use crate::state::Running;

/// How a machine did not come up.
#[derive(Debug, Error)]
pub enum BootError {
    /// Something to start it with.
    #[error("cannot start {member}: {operation}")]
    Start {
        /// Which.
        member: Member,
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// systemd-nspawn ended.
    #[error("{member} ended while it booted ({status}); its last words:\n{console}")]
    Ended {
        /// Which.
        member: Member,
        /// How.
        status: ExitStatus,
        /// The end of its console.
        console: String,
    },
    /// Too slow.
    #[error("{member} has not booted within {} s; its last words:\n{console}", deadline.as_secs())]
    Deadline {
        /// Which.
        member: Member,
        /// How long it had.
        deadline: Duration,
        /// The end of its console.
        console: String,
    },
}

const LAUNCH: &str = include_str!("../../files/launch");

/// Plain directories of a machine, for data that cannot be on an overlay.
const PLAIN: [&str; 2] = ["/var/lib/docker", "/var/lib/containerd"];

/// Devices that a host has and that systemd-nspawn leaves out, where the machine has them.
const DEVICES: [&str; 3] = ["/dev/net/tun", "/dev/fuse", "/dev/loop-control"];

/// A machine that is to boot.
#[derive(Debug)]
pub struct Boot<'a> {
    /// Its lab.
    pub lab: &'a LabName,
    /// Which.
    pub member: Member,
    /// Its directory, with the root mounted.
    pub dir: &'a MemberDir,
    /// Its cgroups, made.
    pub cgroups: &'a [PathBuf],
}

impl Boot<'_> {
    /// Boots it and waits until its boot has ended.
    ///
    /// # Errors
    /// It ended, or was too slow; with the end of its console.
    pub async fn run(&self, deadline: Duration) -> Result<Running, BootError> {
        let (socket, address) = self.notify_socket()?;
        let mut child = self.spawn(&address)?;
        match self.wait(&socket, &mut child, deadline).await {
            Ok(running) => Ok(running),
            Err(error) => {
                // what did not come up must not go on in the background; `down` ends the rest by its cgroup
                let _ = child.start_kill();
                Err(error)
            }
        }
    }

    /// An abstract socket: nothing stays of it, and no directory is too long for its address (unix(7): 108 bytes).
    fn notify_socket(&self) -> Result<(UnixDatagram, String), BootError> {
        let name = format!("{}/{}", self.lab.of(self.member), std::process::id());
        let bound = unix::SocketAddr::from_abstract_name(&name)
            .and_then(|address| unix::UnixDatagram::bind_addr(&address))
            .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
            .and_then(UnixDatagram::from_std);
        Ok((bound.map_err(self.failed("listen to it"))?, format!("@{name}")))
    }

    fn spawn(&self, notify: &str) -> Result<Child, BootError> {
        for path in PLAIN {
            std::fs::create_dir_all(self.dir.plain(path)).map_err(self.failed("make its directories"))?;
        }
        let console = File::create(self.dir.console()).map_err(self.failed("write its console"))?;
        let errors = console.try_clone().map_err(self.failed("write its console"))?;
        Command::new("sh")
            .args(["-c", LAUNCH, "launch"])
            .args(self.cgroups)
            .arg("--")
            .args(self.argv())
            .env("NOTIFY_SOCKET", notify)
            // a host writes sysctls of its own namespace; the rest of /proc/sys is the machine's
            .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network")
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(errors)
            .spawn()
            .map_err(self.failed("run systemd-nspawn"))
    }

    fn argv(&self) -> Vec<String> {
        let name = self.lab.of(self.member);
        let mut words = vec![
            "systemd-nspawn".into(),
            format!("--directory={}", self.dir.root().display()),
            format!("--machine={name}"),
            format!("--hostname={}", self.member),
            format!("--network-namespace-path={}", namespace_path(&name).display()),
        ];
        words.extend(ALWAYS.map(str::to_owned));
        words.extend(PLAIN.map(|path| format!("--bind={}:{path}", self.dir.plain(path).display())));
        let devices = DEVICES.iter().filter(|device| std::path::Path::new(device).exists());
        words.extend(devices.map(|device| format!("--bind={device}")));
        words
    }

    async fn wait(
        &self,
        socket: &UnixDatagram,
        child: &mut Child,
        deadline: Duration,
    ) -> Result<Running, BootError> {
        let end = Instant::now() + deadline;
        let supervisor = child.id().and_then(|pid| Process::of(pid.try_into().ok()?));
        let mut leader = None;
        let mut buffer = [0; 4096];
        loop {
            let received = tokio::select! {
                received = timeout_at(end, socket.recv(&mut buffer)) => received,
                ended = child.wait() => return Err(self.ended(ended.map_err(self.failed("wait for it"))?)),
            };
            let length =
                received.map_err(|_| self.too_slow(deadline))?.map_err(self.failed("listen to it"))?;
            let message = Told::parse(buffer.get(..length).unwrap_or_default());
            leader = message.leader.and_then(Process::of).or(leader);
            if let (true, Some(supervisor), Some(leader)) = (message.ready, supervisor, leader) {
                return Ok(Running { supervisor, leader });
            }
        }
    }

    fn ended(&self, status: ExitStatus) -> BootError {
        BootError::Ended { member: self.member, status, console: self.last_words() }
    }

    fn too_slow(&self, deadline: Duration) -> BootError {
        BootError::Deadline { member: self.member, deadline, console: self.last_words() }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read(self.dir.console()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(std::io::Error) -> BootError + use<> {
        let member = self.member;
        move |source| BootError::Start { member, operation, source }
    }
}

/// What every machine is started with. Tried on cgroup version 1 and 2, with and without systemd on the machine.
const ALWAYS: [&str; 11] = [
    "--boot",
    // no systemd-machined and no unit around it: the machine may not have them
    "--register=no",
    "--keep-unit",
    // dockerd makes namespaces, mounts, bridges and device cgroups, as on a machine of its own
    "--capability=all",
    "--system-call-filter=@keyring bpf",
    "--console=read-only",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    "--notify-ready=yes",
    "--quiet",
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    leader: Option<i32>,
    ready: bool,
}

impl Told {
    /// sd_notify(3): one assignment a line; systemd-nspawn adds `X_NSPAWN_LEADER_PID`.
    fn parse(datagram: &[u8]) -> Self {
        let text = String::from_utf8_lossy(datagram);
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))
                .map(|pair| pair.1)
        };
        Self {
            leader: value("X_NSPAWN_LEADER_PID").and_then(|pid| pid.parse().ok()),
            ready: value("READY") == Some("1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_say_the_leader_and_the_end_of_the_boot() {
        let message = Told::parse(b"STATUS=Container running.\nX_NSPAWN_LEADER_PID=23507");
        assert_eq!(message, Told { leader: Some(23507), ready: false });
        assert_eq!(Told::parse(b"READY=1\n"), Told { leader: None, ready: true });
        assert_eq!(Told::parse(b"\xff\x00=="), Told::default());
    }
}
