//! The state of the running netd. Its files may be newer than the running program.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::Command;

use super::{SERVICE, SOCKET};
use crate::fetch::digest;

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
const PROPERTIES: &str = "--property=Id,ActiveState,UnitFileState,NeedDaemonReload,MainPID";

/// State of a unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) active: bool,
    /// Enabled at boot.
    pub(super) enabled: bool,
    /// Whether systemd has not read its current files.
    pub(super) needs_reload: bool,
    /// Its process.
    pub(super) pid: Option<u32>,
}

/// Both units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) socket: Unit,
    pub(super) service: Unit,
}

/// State of both units, with one process.
pub(super) async fn observe() -> Units {
    let words = ["show", SOCKET, SERVICE, PROPERTIES];
    let asked = Command::new("systemctl", QUERY_TIMEOUT).args(words).execute().await;
    // without systemd nothing runs, and starting a unit reports why
    parse(&asked.map(|output| output.text()).unwrap_or_default())
}

/// Parses blocks of `NAME=VALUE`, in any order (systemctl(1), `show`).
fn parse(text: &str) -> Units {
    let mut units = Units::default();
    for block in text.split("\n\n") {
        let value = |name: &str| {
            block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
        };
        let unit = Unit {
            active: value("ActiveState") == "active",
            enabled: ["enabled", "enabled-runtime"].contains(&value("UnitFileState")),
            needs_reload: value("NeedDaemonReload") == "yes",
            pid: value("MainPID").parse().ok().filter(|pid| *pid > 0),
        };
        match value("Id") {
            SOCKET => units.socket = unit,
            SERVICE => units.service = unit,
            _ => {}
        }
    }
    units
}

/// Digest of a running program, whose file may have been replaced; `None` if it has just ended. If it is
/// still `file`, its digest `known` is reused.
#[allow(clippy::disallowed_methods, reason = "if it cannot be read, the process has just ended")]
pub(super) fn running(pid: u32, file: &Path, known: Option<&str>) -> Option<String> {
    let program = PathBuf::from(format!("/proc/{pid}/exe"));
    let now = fs::metadata(&program).ok()?;
    // the inode number of a running program is not used for another file, even if it was deleted
    let same = fs::metadata(file).is_ok_and(|file| (file.dev(), file.ino()) == (now.dev(), now.ino()));
    match known.filter(|_| same) {
        Some(known) => Some(known.to_owned()),
        None => fs::read(&program).ok().map(|bytes| digest(&bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Stdio};

    use super::*;

    #[test]
    fn systemds_answer_is_read_in_any_order() {
        let text = "MainPID=412\nId=netd.service\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=yes\n\n\
                    Id=netd.socket\nActiveState=active\nUnitFileState=disabled\nNeedDaemonReload=no\n";
        let wanted = Units {
            socket: Unit { active: true, ..Unit::default() },
            service: Unit { active: true, enabled: true, needs_reload: true, pid: Some(412) },
        };
        assert_eq!(parse(text), wanted);
        let bare = "Id=netd.socket\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n\nMainPID=0\nId=netd.service\nActiveState=failed\n";
        assert_eq!(parse(bare), Units::default());
        assert_eq!(parse(""), Units::default());
    }

    fn started(program: &Path) -> Child {
        // waits for its input, which ends with the test
        std::process::Command::new(program).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_replaced_program_differs_from_the_running_one() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("netd");
        let old = fs::read("/bin/cat").unwrap();
        durable::replace(&program, &old, 0o755).unwrap();
        let mut child = started(&program);
        let known = digest(&old);
        let running = |known: &str| running(child.id(), &program, Some(known)).unwrap();
        // its own file: not read again
        assert_eq!(running("known"), "known");
        // the same bytes with another inode
        fs::copy("/bin/cat", directory.path().join("other")).unwrap();
        fs::rename(directory.path().join("other"), &program).unwrap();
        assert_eq!(running("known"), known);
        let new = [old, b"next".to_vec()].concat();
        durable::replace(&program, &new, 0o755).unwrap();
        assert_eq!(running(&digest(&new)), known);
        fs::remove_file(&program).unwrap();
        assert_eq!(running(&digest(&new)), known);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(super::running(child.id(), &program, None), None);
    }
}
