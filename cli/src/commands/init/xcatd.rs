//! xcatd on this machine: whether it runs, and how it reloads its plugins. Its systemd unit has no reload.

use std::path::Path;
use std::time::Duration;

use process::{Command, ExecuteError};

/// PID file of the main process of xcatd 2.18 and 2.19, which removes the file when it ends.
const PID_FILE: &str = "var/run/xcat/mainservice.pid";

/// xCAT's command, below its root.
const RESCAN: &str = "bin/rescanplugins";

/// It takes 1.4 to 4.5 s in a real xCAT cluster.
const RESCAN_TIMEOUT: Duration = Duration::from_secs(60);

/// Result of a reload.
#[derive(Debug)]
pub(super) enum Reload {
    /// xcatd has reloaded its plugins.
    Loaded,
    /// xcatd is not running.
    Stopped,
    /// xcatd runs, and xCAT's command failed.
    Failed(ExecuteError),
}

/// Makes xcatd reload its plugins. `root` is the root of the machine's files, `xcat` that of xCAT.
pub(super) async fn reload(root: &Path, xcat: &Path) -> Reload {
    if !runs(root) {
        return Reload::Stopped;
    }
    let rescan = xcat.join(RESCAN);
    match Command::new(&rescan.to_string_lossy(), RESCAN_TIMEOUT).execute().await {
        Ok(_) => Reload::Loaded,
        Err(error) => Reload::Failed(error),
    }
}

/// Whether the process in the PID file is xcatd: after a crash another process may have its PID.
fn runs(root: &Path) -> bool {
    let Ok(Some(text)) = durable::read_text(&root.join(PID_FILE)) else { return false };
    let Ok(pid) = text.trim().parse::<u32>() else { return false };
    durable::kernel_text(&root.join(format!("proc/{pid}/cmdline"))).is_some_and(|line| line.contains("xcatd"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine where process 7 has that command line, and xCAT's command is that program.
    fn machine(cmdline: &str, program: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for directory in ["var/run/xcat", "proc/7", "xcat/bin"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        fs::write(root.path().join(PID_FILE), "7").unwrap();
        fs::write(root.path().join("proc/7/cmdline"), cmdline).unwrap();
        symlink(program, root.path().join("xcat").join(RESCAN)).unwrap();
        root
    }

    async fn reloaded(root: &Path) -> String {
        match reload(root, &root.join("xcat")).await {
            Reload::Failed(error) => error.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_running_xcatd_loads_its_plugins() {
        assert_eq!(reloaded(machine("xcatd: SSL listener\0", "/bin/true").path()).await, "Loaded");
    }

    #[tokio::test]
    async fn a_failure_is_that_of_the_command() {
        let root = machine("xcatd: SSL listener\0", "/bin/false");
        assert_eq!(reloaded(root.path()).await, "rescanplugins ended with exit status: 1");
        fs::remove_file(root.path().join("xcat").join(RESCAN)).unwrap();
        assert_eq!(reloaded(root.path()).await, "cannot run rescanplugins");
    }

    /// Its number is another program's, or no number, or there is no file.
    #[tokio::test]
    async fn a_stopped_xcatd_is_not_asked() {
        let root = machine("sleep\x0010\0", "/bin/false");
        assert_eq!(reloaded(root.path()).await, "Stopped");
        fs::write(root.path().join(PID_FILE), "").unwrap();
        assert_eq!(reloaded(root.path()).await, "Stopped");
        fs::remove_file(root.path().join(PID_FILE)).unwrap();
        assert_eq!(reloaded(root.path()).await, "Stopped");
    }
}
