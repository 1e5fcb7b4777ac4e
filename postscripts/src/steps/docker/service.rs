//! Units and the engine behind them.

use std::path::Path;
use std::time::Duration;

use process::{Command, ExecuteError};
use tokio::time::{Instant, sleep};

use super::error::DockerError;
use super::roots::Running;

const QUESTION: Duration = Duration::from_secs(30);
/// dockerd's own unit has no limit for its start: a thousand old containers take their time.
const START: Duration = Duration::from_secs(180);
const TAKEN: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(100);

/// Where distributions put the engine.
const PROGRAMS: [&str; 3] = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"];

/// What systemd knows of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// Whether it runs.
    pub(super) active: bool,
    /// Whether it starts at boot; `None`: there is nothing to enable, such as no unit yet.
    pub(super) enabled: Option<bool>,
    /// Its process.
    pub(super) pid: Option<u32>,
}

/// The engine's program, where there is one.
pub(super) fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|path| Path::new(path).exists())
}

/// The units, one answer each, by one process.
pub(super) async fn observe(names: &[&'static str]) -> Vec<Unit> {
    let words = ["show", "--property=ActiveState,UnitFileState,MainPID"];
    let asked = Command::new("systemctl", QUESTION).args(words).args(names).execute().await;
    // without systemd nothing runs, and to start it says why
    let text = asked.map(|output| output.text()).unwrap_or_default();
    let mut units: Vec<Unit> = text.split("\n\n").map(unit).collect();
    units.resize(names.len(), Unit::default());
    units
}

fn unit(block: &str) -> Unit {
    let value = |name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    };
    Unit {
        active: value("ActiveState") == "active",
        enabled: match value("UnitFileState") {
            "enabled" | "enabled-runtime" => Some(true),
            "disabled" => Some(false),
            _ => None,
        },
        pid: value("MainPID").parse().ok().filter(|pid| *pid > 0),
    }
}

/// One verb of systemctl.
pub(super) async fn systemctl(verb: &str, unit: &str) -> Result<(), ExecuteError> {
    Command::new("systemctl", START).args([verb, unit]).execute().await.map(drop)
}

/// What the engine says of itself.
pub(super) async fn engine_version() -> Result<String, ExecuteError> {
    ask("version", "{{.Server.Version}}").await
}

/// Where a running engine keeps its containers.
pub(super) async fn roots() -> Result<Running, ExecuteError> {
    let answer = ask("info", "{{.DockerRootDir}}\t{{.Driver}}").await?;
    let (root, driver) = answer.split_once('\t').unwrap_or((&answer, ""));
    Ok(Running { root: root.into(), driver: driver.to_owned() })
}

/// Waits until a restart of the engine ends no container: it took live-restore (moby reads its file some time after the
/// signal), or none runs.
pub(super) async fn holds_containers() -> Result<(), DockerError> {
    let end = Instant::now() + TAKEN;
    loop {
        let answer = ask("info", "{{.LiveRestoreEnabled}} {{.ContainersRunning}}").await;
        match answer.map_err(DockerError::Silent)?.split_once(' ') {
            Some(("true", _) | (_, "0")) => return Ok(()),
            _ if Instant::now() < end => sleep(AGAIN).await,
            _ => return Err(DockerError::NoLiveRestore),
        }
    }
}

/// Loads a module.
pub(super) async fn modprobe(module: &str) -> Result<(), ExecuteError> {
    Command::new("modprobe", QUESTION).args([module]).execute().await.map(drop)
}

/// Lets the engine itself judge a file; one that can not (before Docker 23) is not asked.
pub(super) async fn validate(program: &str, file: &Path) -> Result<(), DockerError> {
    let words = ["--validate".into(), "--config-file".into(), file.as_os_str().to_owned()];
    match Command::new(program, QUESTION).args(words).execute().await {
        Err(ExecuteError::Status { stderr, .. }) if stderr.contains("unknown flag: --validate") => Ok(()),
        Err(error) => Err(DockerError::Refused(error)),
        Ok(_) => Ok(()),
    }
}

async fn ask(verb: &str, format: &str) -> Result<String, ExecuteError> {
    Ok(Command::new("docker", QUESTION).args([verb, "--format", format]).execute().await?.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemds_answer_is_read() {
        let running = unit("MainPID=233\nActiveState=active\nUnitFileState=enabled");
        assert_eq!(running, Unit { active: true, enabled: Some(true), pid: Some(233) });
        let none = unit("MainPID=0\nActiveState=inactive\nUnitFileState=");
        assert_eq!(none, Unit::default());
    }
}
