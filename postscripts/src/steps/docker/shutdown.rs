//! `xdockhost engine shutdown`, which docker.service runs before it stops.
//!
//! With live-restore, dockerd leaves its containers running when it stops, even if the host shuts down. Then
//! no program sends them their own stop signal, and systemd waits 90 s for each that ignores SIGTERM. So
//! during a shutdown, live-restore is disabled first. dockerd then stops its containers in parallel, each
//! with its own signal and grace period (moby `daemon/daemon.go`, `Shutdown`), records their exit codes, and
//! marks none as stopped by hand. All containers of the engine are stopped, not only xdock's, because the
//! host ends for all of them.
//!
//! The file itself is not changed, because a power failure must not leave a changed file. Instead, another
//! file is mounted over it during the reload. If this run is killed, the mount would stay and the next
//! dockerd would read it. So docker.service runs `xdockhost engine stopped` after each stop, which unmounts
//! it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use durable::FileError;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process::{Command, ExecuteError};
use serde_json::Value;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::configuration::{Document, PATH};
use super::packages::ENGINE;
use super::service;
use crate::log::{Log, say};

const NAME: &str = "engine";
/// Path of the file without live-restore.
const CANDIDATE: &str = "/run/xdock/daemon.shutdown.json";
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of the engine's reload.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// dockerd's addition to the longest grace period (moby `daemon/daemon.go`, `ShutdownTimeout`), and some
/// seconds until it ends.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// Why the engine will not stop its containers.
#[derive(Debug, Error)]
pub enum ShutdownError {
    /// Not started by systemd.
    #[error("MAINPID is not set; only docker.service runs this")]
    NoEngine,
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration is not JSON.
    #[error("{PATH} is not JSON")]
    Json(#[source] serde_json::Error),
    /// live-restore is a flag, which a reload cannot change.
    #[error("live-restore is not set in {PATH} but by a flag of docker.service; move it to the file")]
    Flag,
    /// A program failed.
    #[error("cannot {action}")]
    Action {
        /// The failed action.
        action: &'static str,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// The engine's process cannot be signalled.
    #[error("cannot signal dockerd")]
    Signal(#[source] nix::Error),
    /// The engine did not reload.
    #[error("dockerd did not disable live-restore within {} s", RELOAD_TIMEOUT.as_secs())]
    NotReloaded,
}

/// Runs it, if the host is shutting down. The service stops in any case.
pub async fn run(log: &Log) -> ExitCode {
    if !is_stopping().await {
        return ExitCode::SUCCESS;
    }
    match prepare().await {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.failure(NAME, &error);
            say("containers are left to systemd, which ends them with SIGTERM and, after 90 s, SIGKILL");
            ExitCode::FAILURE
        }
    }
}

/// Unmounts what a killed `engine shutdown` left over daemon.json.
pub async fn stopped(log: &Log) -> ExitCode {
    let path = configuration_path().display().to_string();
    let mounts = durable::kernel_text(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    for _ in 0..left_over(&mounts, &path) {
        if let Err(error) = Command::new("umount", QUERY_TIMEOUT).args([&path]).execute().await {
            log.failure(NAME, &failed("unmount the other daemon.json")(error));
            return ExitCode::FAILURE;
        }
        say(&format!("unmounted {CANDIDATE} from {path}, which a killed shutdown left"));
    }
    ExitCode::SUCCESS
}

/// How often our file is mounted at a path, without another mount on top (proc_pid_mountinfo(5): the fourth
/// field is the path in the file system).
fn left_over(mounts: &str, path: &str) -> usize {
    let below_run = CANDIDATE.strip_prefix("/run").unwrap_or(CANDIDATE);
    // /run is a separate file system, or a directory of the root
    let is_ours = |root: &&str| *root == below_run || root.ends_with(CANDIDATE);
    let there = mounts.lines().rev().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let root = fields.next()?;
        (fields.next() == Some(path)).then_some(root)
    });
    there.take_while(is_ours).count()
}

fn configuration_path() -> PathBuf {
    std::fs::canonicalize(PATH).unwrap_or_else(|_| PathBuf::from(PATH))
}

/// Whether systemd is shutting down. If only the engine is stopped or restarted, containers keep running.
async fn is_stopping() -> bool {
    let asked = Command::new("systemctl", QUERY_TIMEOUT).args(["is-system-running"]).execute().await;
    let state = match asked {
        Ok(output) => output.text(),
        // every state other than "running" has a nonzero exit status
        Err(ExecuteError::Status { stdout, .. }) => stdout,
        Err(_) => String::new(),
    };
    state.trim() == "stopping"
}

async fn prepare() -> Result<String, ShutdownError> {
    let engine = std::env::var("MAINPID").ok().and_then(|pid| pid.parse().ok());
    let engine: i32 = engine.filter(|pid| *pid > 1).ok_or(ShutdownError::NoEngine)?;
    if !service::has_live_restore().await.map_err(failed("read live-restore from the engine"))? {
        return Ok("the engine stops its containers by itself: live-restore is off".to_owned());
    }
    let stops = service::graces().await.map_err(failed("list containers"))?;
    disable_live_restore(engine).await?;
    let limit = service::stop_limit().await;
    Ok(summary(&stops, limit))
}

/// Lets the engine read a file without live-restore, and restores the original before another program reads
/// it.
async fn disable_live_restore(engine: i32) -> Result<(), ShutdownError> {
    let path = configuration_path();
    let mut document =
        Document::parse(&durable::read_text(&path)?.unwrap_or_default()).map_err(ShutdownError::Json)?;
    if document.get("live-restore") != Some(Value::Bool(true)) {
        return Err(ShutdownError::Flag);
    }
    document.set("live-restore", &Value::Bool(false));
    durable::replace(Path::new(CANDIDATE), document.text().as_bytes(), 0o600)?;
    let path = path.display().to_string();
    in_mounts_of(engine, &["mount", "--bind", CANDIDATE, &path])
        .await
        .map_err(failed("mount another daemon.json for the shutdown"))?;
    let read = reload(engine).await;
    let unmounted = in_mounts_of(engine, &["umount", &path]).await;
    read?;
    unmounted.map_err(failed("unmount the other daemon.json"))
}

async fn reload(engine: i32) -> Result<(), ShutdownError> {
    kill(Pid::from_raw(engine), Signal::SIGHUP).map_err(ShutdownError::Signal)?;
    let end = Instant::now() + RELOAD_TIMEOUT;
    while service::has_live_restore().await.map_err(failed("read live-restore from the engine"))? {
        if Instant::now() >= end {
            return Err(ShutdownError::NotReloaded);
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Runs a command in the engine's mount namespace: its unit may have one (MountFlags=, PrivateTmp=).
async fn in_mounts_of(engine: i32, words: &[&str]) -> Result<(), ExecuteError> {
    let target = ["--target".to_owned(), engine.to_string(), "--mount".to_owned(), "--".to_owned()];
    Command::new("nsenter", QUERY_TIMEOUT).args(target).args(words).execute().await.map(drop)
}

/// What the engine does now, and whether systemd's timeout is long enough.
fn summary(graces: &[u64], limit: Option<Duration>) -> String {
    let longest = graces.iter().copied().max().unwrap_or_default();
    let text = match graces.len() {
        0 => "no container is running".to_owned(),
        1 => format!("stopping 1 container; its grace period is {longest} s"),
        count => format!("stopping {count} containers; the longest grace period is {longest} s"),
    };
    match limit.filter(|limit| Duration::from_secs(longest) + STOP_MARGIN > *limit) {
        None => text,
        Some(limit) => format!(
            "{text}, but systemd kills {ENGINE} after {} s; set a longer TimeoutStopSec= (systemctl edit {ENGINE})",
            limit.as_secs()
        ),
    }
}

fn failed(action: &'static str) -> impl FnOnce(ExecuteError) -> ShutdownError {
    move |source| ShutdownError::Action { action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_file_over_daemon_json_is_left_over() {
        let mounts = "22 28 0:20 / /run rw,nosuid - tmpfs tmpfs rw\n\
            90 28 0:20 /xdock/daemon.shutdown.json /etc/docker/daemon.json rw - tmpfs tmpfs rw\n\
            91 90 8:1 /srv/daemon.json /etc/docker/daemon.json rw - ext4 /dev/sda1 rw\n\
            92 91 0:20 /xdock/daemon.shutdown.json /etc/docker/daemon.json rw - tmpfs tmpfs rw\n";
        assert_eq!(left_over(mounts, "/etc/docker/daemon.json"), 1);
        let theirs_on_top: String = mounts.lines().take(3).map(|line| format!("{line}\n")).collect();
        assert_eq!(left_over(&theirs_on_top, "/etc/docker/daemon.json"), 0);
        assert_eq!(left_over(mounts, "/srv/daemon.json"), 0);
        assert_eq!(left_over("", "/etc/docker/daemon.json"), 0);
    }

    #[test]
    fn grace_periods_are_reported_and_one_that_systemd_cuts() {
        let limit = Some(Duration::from_secs(300));
        assert_eq!(summary(&[], limit), "no container is running");
        assert_eq!(summary(&[10], limit), "stopping 1 container; its grace period is 10 s");
        assert_eq!(summary(&[10, 290], limit), "stopping 2 containers; the longest grace period is 290 s");
        let cut = "stopping 2 containers; the longest grace period is 600 s, but systemd kills docker.service after 300 s; set a longer TimeoutStopSec= (systemctl edit docker.service)";
        assert_eq!(summary(&[600, 10], limit), cut);
        assert_eq!(summary(&[600], None), "stopping 1 container; its grace period is 600 s");
    }
}
