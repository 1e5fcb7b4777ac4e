//! Starting the guard, so that it outlives who starts it: the postscript, its ssh, and the end of their cgroup.

use std::time::Duration;

use process::{Command, ExecuteError};

use super::state_dir::StateDir;

/// systemd may be busy with a boot.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts the guard of the change with that id.
///
/// As a unit of its own where systemd runs, which starts it again when it is killed: then it finds the change pending and
/// nobody behind it, and takes it back. Elsewhere in a session of its own; when that one is killed together with who
/// makes the change, the next run or boot takes it back.
///
/// # Errors
/// It could not be started.
pub(super) async fn start(state_dir: &StateDir, id: &str) -> Result<(), ExecuteError> {
    if state_dir.systemd
        && Command::new("systemd-run", START_TIMEOUT).args(unit(state_dir, id)).execute().await.is_ok()
    {
        return Ok(());
    }
    Command::new("sh", START_TIMEOUT).args(session(state_dir)).execute().await.map(drop)
}

fn unit(state_dir: &StateDir, id: &str) -> Vec<String> {
    let mut args: Vec<String> = [
        "--quiet",
        "--collect",
        "--description=Takes a change of the network back unless it is confirmed",
        // killed, not failed: one that gave up has said so, and would again
        "--property=Restart=on-abnormal",
        "--property=RestartSec=100ms",
        "--property=StartLimitIntervalSec=0",
        "--property=OOMScoreAdjust=-1000",
    ]
    .map(str::to_owned)
    .into();
    args.push(format!("--unit=xdock-guard-{id}"));
    args.push("--".to_owned());
    args.extend(program(state_dir));
    args
}

/// `execute` reads what a program says to its end, so the guard must not have its pipes.
fn session(state_dir: &StateDir) -> Vec<String> {
    let mut args =
        vec!["-c".to_owned(), "exec setsid -f \"$@\" </dev/null >/dev/null 2>&1".to_owned(), "sh".to_owned()];
    args.extend(program(state_dir));
    args
}

fn program(state_dir: &StateDir) -> [String; 3] {
    let state = format!("state={}", state_dir.state.display());
    [state_dir.program.display().to_string(), "guard".to_owned(), state]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_has_a_unit_of_its_own() {
        let args = unit(&StateDir::host(), "000001-a").join(" ");
        assert_eq!(
            args,
            "--quiet --collect --description=Takes a change of the network back unless it is confirmed \
             --property=Restart=on-abnormal --property=RestartSec=100ms --property=StartLimitIntervalSec=0 \
             --property=OOMScoreAdjust=-1000 --unit=xdock-guard-000001-a -- /opt/xdock/bin/xdockhost guard \
             state=/var/lib/xdock/network"
        );
    }
}
