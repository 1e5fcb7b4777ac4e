//! Units, and the engine behind them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use tokio::time::{Instant, sleep};

use super::command;
use super::error::DockerError;
use super::packages::ENGINE;
use super::roots::Running;

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
/// dockerd's own unit has no start timeout: a thousand old containers need time.
const START_TIMEOUT: Duration = Duration::from_secs(180);
const RELOAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Default grace period of a container in seconds (moby `container/container_unix.go`, `DefaultStopTimeout`).
const DEFAULT_GRACE: u64 = 10;
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The engine's paths on distributions.
const PROGRAMS: [&str; 3] = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"];

/// State of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// Whether it is running.
    pub(super) active: bool,
    /// Whether it is enabled; `None` if that does not apply, for example without a unit.
    pub(super) enabled: Option<bool>,
    /// Whether systemd has not read its current files.
    pub(super) needs_reload: bool,
}

/// The engine's program, if installed.
pub(super) fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|path| Path::new(path).exists())
}

/// State of the units, with one process.
pub(super) async fn observe(names: &[&'static str]) -> Vec<Unit> {
    let words = ["show", "--property=ActiveState,UnitFileState,NeedDaemonReload"];
    let asked = Command::new("systemctl", QUERY_TIMEOUT).args(words).args(names).execute().await;
    // without systemd nothing runs, and starting a unit reports why
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
        needs_reload: value("NeedDaemonReload") == "yes",
    }
}

/// The keys of daemon.json that the engine's command line sets.
///
/// # Errors
/// A file of its variables cannot be read.
pub(super) async fn flags() -> Result<BTreeSet<String>, FileError> {
    command::flags(&show(command::PROPERTIES).await)
}

/// Values of the variables on the engine's command line.
///
/// # Errors
/// A file of variables cannot be read.
pub(super) async fn variables() -> Result<Vec<String>, FileError> {
    command::values(&show(command::PROPERTIES).await)
}

/// systemd's stop timeout of the engine.
pub(super) async fn stop_limit() -> Option<Duration> {
    let shown = show("--property=TimeoutStopUSec").await;
    seconds(shown.trim().strip_prefix("TimeoutStopUSec=")?)
}

async fn show(property: &str) -> String {
    let asked = Command::new("systemctl", QUERY_TIMEOUT).args(["show", property, ENGINE]).execute().await;
    // without systemd there is no unit
    asked.map(|output| output.text()).unwrap_or_default()
}

/// Parses `5min 10s` in systemd's format; `None`: no limit (systemd.time(7)).
fn seconds(text: &str) -> Option<Duration> {
    let part = |word: &str| {
        let unit = word.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = word.split_at_checked(unit)?;
        let factor = match unit {
            "h" => 3600,
            "min" => 60,
            "s" => 1,
            _ => 0,
        };
        number.parse::<u64>().ok().map(|number| number * factor)
    };
    text.split_whitespace().map(part).sum::<Option<u64>>().map(Duration::from_secs)
}

/// Runs one verb of systemctl.
pub(super) async fn systemctl(verb: &str, unit: &str) -> Result<(), ExecuteError> {
    Command::new("systemctl", START_TIMEOUT).args([verb, unit]).execute().await.map(drop)
}

/// Reloads systemd's units.
pub(super) async fn read_units() -> Result<(), ExecuteError> {
    Command::new("systemctl", START_TIMEOUT).args(["daemon-reload"]).execute().await.map(drop)
}

/// Version that the engine reports.
pub(super) async fn engine_version() -> Result<String, ExecuteError> {
    ask("version", "{{.Server.Version}}").await
}

/// Whether containers keep running when the engine stops.
pub(super) async fn has_live_restore() -> Result<bool, ExecuteError> {
    ask("info", "{{.LiveRestoreEnabled}}").await.map(|answer| answer == "true")
}

/// Grace periods of the running containers, in seconds.
pub(super) async fn graces() -> Result<Vec<u64>, ExecuteError> {
    let running =
        Command::new("docker", QUERY_TIMEOUT).args(["ps", "--quiet", "--no-trunc"]).execute().await?.text();
    if running.is_empty() {
        return Ok(vec![]);
    }
    let words = ["inspect", "--type", "container", "--format", "{{json .Config.StopTimeout}}"];
    let output =
        Command::new("docker", QUERY_TIMEOUT).args(words).args(running.lines()).execute().await?.text();
    Ok(output.lines().map(|grace| grace.trim().parse().unwrap_or(DEFAULT_GRACE)).collect())
}

/// Data directory of a running engine.
pub(super) async fn roots() -> Result<Running, ExecuteError> {
    let answer = ask("info", "{{.DockerRootDir}}\t{{.Driver}}").await?;
    let (root, driver) = answer.split_once('\t').unwrap_or((&answer, ""));
    Ok(Running { root: root.into(), driver: driver.to_owned() })
}

/// Waits until a restart of the engine stops no container: live-restore is in effect (moby reads its file
/// some time after the signal), or no container runs.
pub(super) async fn wait_for_live_restore() -> Result<(), DockerError> {
    let end = Instant::now() + RELOAD_TIMEOUT;
    loop {
        let answer = ask("info", "{{.LiveRestoreEnabled}} {{.ContainersRunning}}").await;
        match answer.map_err(DockerError::Silent)?.split_once(' ') {
            Some(("true", _) | (_, "0")) => return Ok(()),
            _ if Instant::now() < end => sleep(POLL_INTERVAL).await,
            _ => return Err(DockerError::NoLiveRestore),
        }
    }
}

/// Loads a module.
pub(super) async fn modprobe(module: &str) -> Result<(), ExecuteError> {
    Command::new("modprobe", QUERY_TIMEOUT).args([module]).execute().await.map(drop)
}

/// Lets the engine validate a file, if it supports that (Docker 23 and later).
pub(super) async fn validate(program: &str, file: &Path) -> Result<(), DockerError> {
    let words = ["--validate".into(), "--config-file".into(), file.as_os_str().to_owned()];
    match Command::new(program, QUERY_TIMEOUT).args(words).execute().await {
        Err(ExecuteError::Status { stderr, .. }) if stderr.contains("unknown flag: --validate") => Ok(()),
        Err(error) => Err(DockerError::Refused(error)),
        Ok(_) => Ok(()),
    }
}

async fn ask(verb: &str, format: &str) -> Result<String, ExecuteError> {
    Ok(Command::new("docker", QUERY_TIMEOUT).args([verb, "--format", format]).execute().await?.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemds_spans_are_read() {
        let read = |text: &str| seconds(text).map(|limit| limit.as_secs());
        assert_eq!(
            (read("1min 30s"), read("5min"), read("1h 1s"), read("90s")),
            (Some(90), Some(300), Some(3601), Some(90))
        );
        assert_eq!(read("infinity"), None);
    }

    #[test]
    fn systemds_answer_is_read() {
        let running = unit("NeedDaemonReload=yes\nActiveState=active\nUnitFileState=enabled");
        assert_eq!(running, Unit { active: true, enabled: Some(true), needs_reload: true });
        let none = unit("NeedDaemonReload=no\nActiveState=inactive\nUnitFileState=");
        assert_eq!(none, Unit::default());
    }
}
