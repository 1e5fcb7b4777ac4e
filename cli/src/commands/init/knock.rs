//! Installs the knock helper, which checks for hosts whether ssh of the management node reaches them: a systemd
//! socket, and a copy of this program that an unprivileged user can run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::{Change, FileError};
use process::{Command, ExecuteError};
use thiserror::Error;

/// Mark of our units.
const MARK: &str = "Laid here by xdock init";
const UNITS: [(&str, &str); 2] = [
    (SOCKET, include_str!("../../../../templates/etc/systemd/system/xdock-knock.socket")),
    ("xdock-knock@.service", include_str!("../../../../templates/etc/systemd/system/xdock-knock@.service")),
];
const SOCKET: &str = "xdock-knock.socket";
/// A pattern of systemctl(1).
const INSTANCES: &str = "xdock-knock@*.service";
const DIRECTORY: &str = "etc/systemd/system";
/// Link that starts the socket at boot. It replaces `systemctl enable`, because systemd may not be running (in a
/// chroot).
const WANTED: &str = "etc/systemd/system/sockets.target.wants";
const PROGRAM: &str = "opt/xdock/bin/xdock";
const SYSTEMCTL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the helper was not installed or removed.
#[derive(Debug, Error)]
pub(crate) enum KnockError {
    /// This program cannot be read.
    #[error("cannot read this program")]
    Program(#[source] io::Error),
    /// A unit with this name was not created by xdock.
    #[error("{} was not created by xdock; move it away, or run xdock init --no-knock", .0.display())]
    Foreign(PathBuf),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// systemctl failed.
    #[error("cannot start xdock-knock.socket, which listens on TCP port {}", knock::PORT)]
    Start(#[source] ExecuteError),
    /// systemctl failed.
    #[error("cannot stop xdock-knock.socket")]
    Stop(#[source] ExecuteError),
}

/// Installation root of a machine.
pub(super) struct Helper {
    root: PathBuf,
    /// Whether systemd is running.
    systemd: bool,
}

impl Helper {
    /// This machine.
    pub(super) fn here() -> Self {
        Self { root: PathBuf::from("/"), systemd: Path::new("/run/systemd/system").is_dir() }
    }

    /// Installs and starts the helper. The files are returned even if it did not start.
    pub(super) async fn install(&self) -> (Vec<(PathBuf, Change)>, Result<(), KnockError>) {
        let mut changes = Vec::new();
        let installed = self.install_files(&mut changes);
        if installed.is_err() || !self.systemd {
            return (changes, installed);
        }
        let changed = changes.iter().any(|(_, change)| *change == Change::Written);
        let started = match changed {
            true => match systemctl(&["daemon-reload"]).await {
                Ok(()) => systemctl(&["restart", SOCKET]).await,
                failed => failed,
            },
            false => systemctl(&["start", SOCKET]).await,
        };
        (changes, started.map_err(KnockError::Start))
    }

    #[allow(clippy::disallowed_methods, reason = "this program itself")]
    fn install_files(&self, changes: &mut Vec<(PathBuf, Change)>) -> Result<(), KnockError> {
        for path in self.units() {
            refuse_foreign(&path)?;
        }
        // /proc/self/exe also works when the file was replaced
        let program = fs::read("/proc/self/exe").map_err(KnockError::Program)?;
        let path = self.root.join(PROGRAM);
        changes.push((path.clone(), durable::replace(&path, &program, 0o755)?));
        for (path, (_, text)) in self.units().zip(UNITS) {
            changes.push((path.clone(), durable::replace(&path, text.as_bytes(), 0o644)?));
        }
        let wanted = self.root.join(WANTED).join(SOCKET);
        changes.push((wanted.clone(), durable::link(&wanted, &Path::new("..").join(SOCKET))?));
        Ok(())
    }

    /// Stops and removes the helper. Returns the removed files.
    pub(super) async fn uninstall(&self) -> Result<Vec<PathBuf>, KnockError> {
        for path in self.units() {
            refuse_foreign(&path)?;
        }
        let installed = self.units().any(|path| path.exists());
        if installed && self.systemd {
            // an instance is a connection that is answered now; without its file it would stay failed when it ends
            systemctl(&["stop", SOCKET, INSTANCES]).await.map_err(KnockError::Stop)?;
        }
        let wanted = self.root.join(WANTED).join(SOCKET);
        let program = self.root.join(PROGRAM);
        let mut removed = Vec::new();
        for path in [wanted].into_iter().chain(self.units()).chain([program]) {
            if durable::remove(&path)? == Change::Written {
                removed.push(path);
            }
        }
        // empty directories only
        for directory in [WANTED, "opt/xdock/bin", "opt/xdock"] {
            let _ = fs::remove_dir(self.root.join(directory));
        }
        if installed && self.systemd {
            systemctl(&["daemon-reload"]).await.map_err(KnockError::Stop)?;
        }
        Ok(removed)
    }

    fn units(&self) -> impl Iterator<Item = PathBuf> + use<'_> {
        UNITS.iter().map(|(name, _)| self.root.join(DIRECTORY).join(name))
    }
}

fn refuse_foreign(path: &Path) -> Result<(), KnockError> {
    match durable::read(path)? {
        Some(bytes) if !String::from_utf8_lossy(&bytes).contains(MARK) => {
            Err(KnockError::Foreign(path.to_owned()))
        }
        _ => Ok(()),
    }
}

async fn systemctl(words: &[&str]) -> Result<(), ExecuteError> {
    Command::new("systemctl", SYSTEMCTL_TIMEOUT).args(words).execute().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(root: &Path) -> Vec<PathBuf> {
        let mut found = vec![root.to_owned()];
        let mut next = 0;
        while let Some(directory) = found.get(next).cloned() {
            next += 1;
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            found.extend(entries.map(|entry| entry.path()));
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn the_helper_is_laid_once_and_undo_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let helper = Helper { root: root.path().to_owned(), systemd: false };
        fs::create_dir_all(root.path().join(DIRECTORY)).unwrap();
        fs::create_dir(root.path().join("opt")).unwrap();
        let before = files(root.path());
        let (first, installed) = helper.install().await;
        installed.unwrap();
        assert_eq!(first.len(), 4);
        assert!(first.iter().all(|(_, change)| *change == Change::Written));
        let (second, _) = helper.install().await;
        assert!(second.iter().all(|(_, change)| *change == Change::None));
        let wanted = root.path().join(WANTED).join(SOCKET);
        assert_eq!(fs::read_to_string(wanted).unwrap(), UNITS[0].1);
        assert_eq!(helper.uninstall().await.unwrap().len(), 4);
        assert_eq!(files(root.path()), before);
        assert_eq!(helper.uninstall().await.unwrap(), [] as [PathBuf; 0]);
    }

    #[tokio::test]
    async fn a_unit_of_somebody_else_stays() {
        let root = tempfile::tempdir().unwrap();
        let helper = Helper { root: root.path().to_owned(), systemd: false };
        let unit = root.path().join(DIRECTORY).join(SOCKET);
        fs::create_dir_all(unit.parent().unwrap()).unwrap();
        fs::write(&unit, "[Socket]\n").unwrap();
        let changes = format!(
            "{} was not created by xdock; move it away, or run xdock init --no-knock",
            unit.display()
        );
        assert_eq!(helper.install().await.1.unwrap_err().to_string(), changes);
        assert_eq!(helper.uninstall().await.unwrap_err().to_string(), changes);
        assert_eq!(fs::read_to_string(unit).unwrap(), "[Socket]\n");
        assert!(!root.path().join(PROGRAM).exists());
    }

    #[test]
    fn the_units_say_the_port_and_the_program() {
        assert!(UNITS[0].1.contains(&format!("\nListenStream={}\n", knock::PORT)));
        assert!(UNITS[1].1.contains(&format!("\nExecStart=/{PROGRAM} knock\n")));
    }
}
