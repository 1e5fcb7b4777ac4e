//! Installs this program and its boot units on the host before the network is changed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use durable::{Change, FileError};
use process::{Command, ExecuteError};
use thiserror::Error;

use super::state_dir::StateDir;
use crate::files::DesiredFile;
use crate::render::{RenderError, Templates};

/// Directory of the administrator's units and ours.
pub const UNITS: &str = "/etc/systemd/system";
const TEMPLATES: &str = "etc/systemd/system";
/// A unit, and the unit or target that starts it. Links instead of `systemctl enable`, because systemd need
/// not run (chroot).
const STARTED_BY: [(&str, &str); 3] = [
    ("xdock-network-recover.service", "sysinit.target"),
    ("xdock-network-confirm.service", "multi-user.target"),
    ("xdock-network.service", "ovs-vswitchd.service"),
];
const RELOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The installation failed. The network was not changed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// This program cannot be read.
    #[error("cannot read this program")]
    Program(#[source] io::Error),
    /// A template cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// systemd cannot be reloaded.
    #[error(transparent)]
    Reload(#[from] ExecuteError),
}

/// Installs the host's own copy of this program and the units, if they differ.
///
/// # Errors
/// Such as a full disk.
pub async fn install(
    state_dir: &StateDir,
    templates: &Templates,
    units: &Path,
) -> Result<Change, InstallError> {
    let mut done = keep(state_dir)?;
    let mut read = Vec::new();
    for (unit, starter) in STARTED_BY {
        let nothing = std::collections::BTreeMap::<String, String>::new();
        let text = templates.render(&format!("{TEMPLATES}/{unit}"), &nothing)?;
        let started = units.join(format!("{starter}.wants")).join(unit);
        read.push(DesiredFile::text(units.join(unit), text).write()?);
        read.push(durable::link(&started, &Path::new("..").join(unit))?);
    }
    if read.contains(&Change::Written) && state_dir.systemd {
        Command::new("systemctl", RELOAD_TIMEOUT).args(["daemon-reload"]).execute().await?;
    }
    done.extend(read);
    Ok(if done.contains(&Change::Written) { Change::Written } else { Change::None })
}

/// Installs the host's own copy of this program and its link in the PATH.
///
/// # Errors
/// Such as a full disk.
#[allow(clippy::disallowed_methods, reason = "this program itself")]
pub fn keep(state_dir: &StateDir) -> Result<Vec<Change>, InstallError> {
    // the kernel's link: the running file may have been replaced under its name
    let program = fs::read("/proc/self/exe").map_err(InstallError::Program)?;
    let mut done = vec![durable::replace(&state_dir.program, &program, 0o755)?];
    if let Some(link) = &state_dir.link {
        done.push(durable::link(link, &state_dir.program)?);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn program_units_and_links_are_put_once() {
        let root = tempfile::tempdir().unwrap();
        let state_dir = StateDir {
            link: Some(root.path().join("path/xdockhost")),
            ..StateDir::custom(&root.path().join("state"), &root.path().join("bin/xdockhost"))
        };
        let (templates, units) = (Templates::new(Path::new("/nonexistent")), root.path().join("units"));
        assert_eq!(install(&state_dir, &templates, &units).await.unwrap(), Change::Written);
        let made = fs::metadata(units.join("xdock-network-recover.service")).unwrap().modified().unwrap();
        assert_eq!(install(&state_dir, &templates, &units).await.unwrap(), Change::None);
        let now = fs::metadata(units.join("xdock-network-recover.service")).unwrap().modified().unwrap();
        assert_eq!(made, now);
        assert_eq!(fs::read(state_dir.link.as_ref().unwrap()).unwrap(), fs::read("/proc/self/exe").unwrap());
        for (unit, starter) in STARTED_BY {
            let text = fs::read_to_string(units.join(format!("{starter}.wants")).join(unit)).unwrap();
            assert!(text.contains("ExecStart=/opt/xdock/bin/xdockhost "), "{unit}: {text}");
        }
    }
}
