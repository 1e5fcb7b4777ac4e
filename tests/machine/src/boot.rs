//! Starting qemu in the fabric's namespace and in a cgroup of the lab, so that `lab down` ends it too.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lab::fabric::namespace_path;
use lab::proc::Process;
use lab::{LabName, Member};
use thiserror::Error;
use tokio::process::Command;

/// How a machine did not come up.
#[derive(Debug, Error)]
pub enum BootError {
    /// qemu was not started.
    #[error("cannot start {member}: {operation}")]
    Start {
        /// Which.
        member: Member,
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// qemu ended.
    #[error("{member} ended while it booted; its last words:\n{said}")]
    Ended {
        /// Which.
        member: Member,
        /// The end of its console, and what qemu said.
        said: String,
    },
    /// Too slow.
    #[error("{member} does not answer after {} s; its last words:\n{said}", deadline.as_secs())]
    Deadline {
        /// Which.
        member: Member,
        /// How long it had.
        deadline: Duration,
        /// The end of its console, and what qemu said.
        said: String,
    },
}

/// Joins the cgroups named before `--`, then becomes the command after it, out of reach of our terminal's signals.
const LAUNCH: &str = r#"
while [ "$1" != -- ]; do
    echo $$ >"$1/cgroup.procs" || exit 125
    shift
done
shift
exec setsid "$@"
"#;

/// A machine that is to be started.
#[derive(Debug)]
pub struct Boot<'a> {
    /// Its lab.
    pub lab: &'a LabName,
    /// Which.
    pub member: Member,
    /// Its directory.
    pub directory: PathBuf,
    /// qemu and its words.
    pub argv: &'a [OsString],
}

impl Boot<'_> {
    /// Starts it; it goes on when we end.
    ///
    /// # Errors
    /// Not started.
    pub fn start(&self, cgroups: &[PathBuf]) -> Result<Process, BootError> {
        let log = File::create(qemu_log(&self.directory)).map_err(self.failed("write its log"))?;
        let errors = log.try_clone().map_err(self.failed("write its log"))?;
        let namespace = namespace_path(&self.lab.of("fabric"));
        let child = Command::new("sh")
            .args(["-c", LAUNCH, "launch"])
            .args(cgroups)
            .args(["--", "nsenter", &format!("--net={}", namespace.display())])
            .args(self.argv)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(self.failed("run qemu"))?;
        let process = child.id().and_then(|pid| Process::of(pid.try_into().ok()?));
        process.ok_or_else(|| self.ended())
    }

    /// It ended although it should not have.
    pub fn ended(&self) -> BootError {
        BootError::Ended { member: self.member, said: last_words(&self.directory) }
    }

    /// It does not answer.
    pub fn too_slow(&self, deadline: Duration) -> BootError {
        BootError::Deadline { member: self.member, deadline, said: last_words(&self.directory) }
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(io::Error) -> BootError + use<> {
        let member = self.member;
        move |source| BootError::Start { member, operation, source }
    }
}

/// Where the serial console is written.
pub fn console(directory: &Path) -> PathBuf {
    directory.join("console.log")
}

fn qemu_log(directory: &Path) -> PathBuf {
    directory.join("qemu.log")
}

/// The end of its console, and what qemu said.
pub fn last_words(directory: &Path) -> String {
    let end = |path: PathBuf| {
        let text = std::fs::read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).replace('\r', "");
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    };
    [console(directory), qemu_log(directory)].map(end).join("\n").trim().to_owned()
}
