//! Executes the actions.

use std::path::Path;

use durable::FileError;
use inventory::Snapshot;
use process::Command;

use super::networks;
use super::plan::{Action, Desired};
use super::{COMMAND_TIMEOUT, LINK, NetdError, PROGRAM, SERVICE, SOCKET};

/// Exists from the first unit that is written until netd runs with all of them, so that the next run
/// completes a killed one. After a reboot it is not needed: systemd reads the units.
const UNFINISHED_MARK: &str = "/run/xdock/netd.untold";

/// Whether a killed run left netd with previous units.
pub(super) fn is_unfinished() -> Result<bool, FileError> {
    Ok(durable::read(Path::new(UNFINISHED_MARK))?.is_some())
}

/// All actions are done: removes the record.
pub(super) fn finish() -> Result<(), FileError> {
    durable::remove(Path::new(UNFINISHED_MARK)).map(drop)
}

/// Executes an action. The program is installed by its caller, which fetches it.
pub(super) async fn act(action: &Action, desired: &Desired) -> Result<(), NetdError> {
    match action {
        Action::InstallProgram => Ok(()),
        Action::Link => Ok(durable::link(Path::new(LINK), Path::new(PROGRAM)).map(drop)?),
        Action::WriteUnit(path) => {
            durable::replace(Path::new(UNFINISHED_MARK), b"restart", 0o644)?;
            let unit = desired.units.iter().find(|unit| unit.path == *path);
            unit.map_or(Ok(()), |unit| unit.write().map(drop).map_err(NetdError::from))
        }
        Action::Reload => systemctl(action, &["daemon-reload"]).await,
        Action::Enable => systemctl(action, &["enable", "--quiet", SOCKET, SERVICE]).await,
        Action::ReopenSocket => {
            systemctl(action, &["stop", SERVICE]).await?;
            systemctl(action, &["restart", SOCKET]).await
        }
        Action::Start(unit) => systemctl(action, &["start", unit]).await,
        Action::Restart => systemctl(action, &["restart", SERVICE]).await,
        Action::CreateNetwork(name) => {
            let Some(on) = desired.snapshot.as_ref().and_then(|snapshot| snapshot.network(name)) else {
                return Ok(());
            };
            done(action, Command::new("docker", COMMAND_TIMEOUT).args(networks::create(&on.network))).await
        }
        Action::LoadSnapshot(_) => {
            let text = desired.snapshot.as_ref().map(Snapshot::to_text).unwrap_or_default();
            let command = Command::new(PROGRAM, COMMAND_TIMEOUT).args(["snapshot", "load", "-"]).stdin(text);
            done(action, command).await
        }
    }
}

async fn systemctl(action: &Action, words: &[&str]) -> Result<(), NetdError> {
    done(action, Command::new("systemctl", COMMAND_TIMEOUT).args(words)).await
}

async fn done(action: &Action, command: Command) -> Result<(), NetdError> {
    let ran = command.execute().await.map(drop);
    ran.map_err(|source| NetdError::Action { action: action.to_string(), source })
}
