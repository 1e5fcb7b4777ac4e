//! Runs the package manager with the first sources that have all missing packages.

use std::time::Duration;

use process::{ExecuteError, Output};
use tokio::time::{Instant, sleep};

use super::error::{DockerError, InstallError, Lacking};
use super::manager::{Invocation, Manager};
use super::source::Scope;

/// Timeout for another run of the package manager: before sources are read, and while an interrupted run of
/// dpkg is completed.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
const FINISH_TIMEOUT: Duration = Duration::from_secs(600);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Where to put packages after a failed attempt, for the message.
pub(super) struct Hint {
    /// The management node's directory.
    pub(super) url: String,
}

/// Completes an interrupted run and installs the packages. Returns the sources that had them.
pub(super) async fn install<'a>(
    manager: Manager,
    scopes: &'a [Scope],
    packages: &[String],
    hint: Hint,
) -> Result<Option<&'a Scope>, DockerError> {
    if let Some(finish) = manager.finish() {
        let ran = run_unlocked(manager, &finish, FINISH_TIMEOUT).await;
        let action = "complete an interrupted run of the package manager".to_owned();
        ran.map_err(|source| DockerError::Action { action, source })?;
    }
    let mut first = None;
    let last = scopes.len().saturating_sub(1);
    for (number, scope) in scopes.iter().enumerate() {
        match attempt(manager, scope, packages).await {
            Ok(()) => return Ok(Some(scope)),
            Err(error) if number < last => first = Some(cause(&error)),
            Err(source) => {
                let (packages, from) = (packages.to_vec(), scope.to_string());
                let (url, indexer) = (hint.url, manager.indexer());
                let lacking = Box::new(Lacking { packages, from, url, indexer, first });
                return Err(DockerError::Install { lacking, source });
            }
        }
    }
    Ok(None)
}

/// Short cause of an attempt that another one followed.
fn cause(error: &InstallError) -> String {
    match error {
        InstallError::Ran(ExecuteError::Status { stderr, .. }) if !stderr.trim().is_empty() => {
            stderr.trim().to_owned()
        }
        other => chain::chain(other),
    }
}

async fn attempt(manager: Manager, scope: &Scope, packages: &[String]) -> Result<(), InstallError> {
    for (path, text) in manager.files(scope)? {
        durable::replace(&path, text.as_bytes(), 0o644)?;
    }
    if let Some(index) = manager.index(scope) {
        let output = run_unlocked(manager, &index, LOCK_TIMEOUT).await?;
        if !manager.answered(&output.text()) {
            return Err(InstallError::Unreached(process::shell_words(&index.argv)));
        }
    }
    run_unlocked(manager, &manager.install(scope, packages), FINISH_TIMEOUT).await?;
    Ok(())
}

/// Runs the package manager, and again while another run has the lock.
async fn run_unlocked(
    manager: Manager,
    invocation: &Invocation,
    patience: Duration,
) -> Result<Output, ExecuteError> {
    let end = Instant::now() + patience;
    loop {
        match invocation.command().execute().await {
            Err(ExecuteError::Status { stderr, stdout, .. })
                if (manager.is_locked(&stderr) || manager.is_locked(&stdout)) && Instant::now() < end =>
            {
                sleep(RETRY_INTERVAL).await;
            }
            ran => return ran,
        }
    }
}
