//! Writes the files, then the drop-in, then restarts the engine; rolls back on failure.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use process::{Command, ExecuteError};
use serde::{Deserialize, Serialize};

use super::keys::{self, DIRECTORY};
use super::{NAME, SecureError, unit};
use crate::files::DesiredFile;
use crate::log::Log;
use crate::render::{OVERRIDES, Templates};
use crate::steps::docker::configuration::{Document, PATH as CONFIGURATION};
use crate::steps::docker::journal::Journal;
use crate::steps::docker::packages::ENGINE;
use crate::steps::docker::service::{self, systemctl};
use crate::steps::docker::{DockerError, roots};

/// The last drop-in of the unit by name, so that no other one replaces our command.
pub(super) const DROP_IN: &str = "/etc/systemd/system/docker.service.d/zz-xdock-tls.conf";
const TEMPLATE: &str = "etc/systemd/system/docker.service.d/zz-xdock-tls.conf";

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Keys of daemon.json that set where an engine listens (moby `daemon/config/config.go`).
const KEYS: [&str; 6] = ["hosts", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"];

/// Input from the management node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// In PEM.
    certificate: String,
    /// In PEM.
    authority: String,
    /// The host's address in the tables.
    listen: SocketAddr,
}

/// Executes it and returns the summary.
pub(super) async fn run(log: &Log) -> Result<String, SecureError> {
    let text = std::io::read_to_string(std::io::stdin()).map_err(SecureError::Input)?;
    let order: Order = serde_json::from_str(&text).map_err(SecureError::Order)?;
    let wanted = files(&order).await?;
    let before: Result<Vec<DesiredFile>, FileError> =
        wanted.iter().map(|file| as_it_is(&file.path, file.mode)).collect();
    let before = before?;
    if service::observe(&[ENGINE]).await.first().is_some_and(|unit| unit.active) {
        service::wait_for_live_restore().await?;
        check_data_root().await?;
    }
    write(&wanted)?;
    if let Err(source) = restart().await {
        let journal = Journal::of_engine().await;
        write(&before)?;
        if let Err(source) = restart().await {
            return Err(SecureError::Dead { journal, source });
        }
        return Err(SecureError::RolledBack { journal, source });
    }
    durable::remove(&Path::new(DIRECTORY).join(keys::WAITING))?;
    let done = format!("the engine listens at {} with mutual TLS", order.listen);
    log.note(NAME, &done);
    Ok(done)
}

/// All files, rendered before the first is written; the drop-in is the last.
async fn files(order: &Order) -> Result<Vec<DesiredFile>, SecureError> {
    #[derive(Serialize)]
    struct Values {
        command: String,
        directory: &'static str,
        listen: SocketAddr,
    }
    service::program().ok_or(SecureError::NoEngine)?;
    refuse_configured().await?;
    let shown = Command::new("systemctl", QUERY_TIMEOUT).args(["cat", "--no-pager", ENGINE]).execute().await;
    let command = unit::command(&shown.map_err(SecureError::Systemd)?.text(), DROP_IN)?;
    let values = Values { command, directory: DIRECTORY, listen: order.listen };
    let drop_in = Templates::new(Path::new(OVERRIDES)).render(TEMPLATE, &values)?;
    let at = |name| PathBuf::from(DIRECTORY).join(name);
    let pair = keys::pair(Path::new(DIRECTORY), &order.certificate)?;
    Ok(vec![
        DesiredFile::text(at(keys::AUTHORITY), order.authority.as_str()),
        DesiredFile { mode: 0o600, ..DesiredFile::text(at(keys::PAIR), pair) },
        DesiredFile::text(DROP_IN, drop_in),
    ])
}

/// Refuses to replace settings of the administrator.
async fn refuse_configured() -> Result<(), SecureError> {
    let present = Document::parse(&configuration()?).map_err(DockerError::Json)?;
    if let Some(key) = KEYS.into_iter().find(|key| present.has(key)) {
        return Err(SecureError::Theirs { file: CONFIGURATION, what: format!("the key {key}") });
    }
    match service::variables().await?.into_iter().find(|word| unit::is_port(word)) {
        Some(what) => Err(SecureError::Theirs { file: "the environment of docker.service", what }),
        None => Ok(()),
    }
}

fn configuration() -> Result<String, FileError> {
    Ok(durable::read_text(Path::new(CONFIGURATION))?.unwrap_or_default())
}

/// Checks daemon.json, which the restart will read: with another data-root the engine would not find its
/// containers.
async fn check_data_root() -> Result<(), SecureError> {
    let running = service::roots().await.map_err(DockerError::Silent)?;
    let (text, flags) = (configuration()?, service::flags().await?);
    Ok(roots::refuse_move(&text, &text, Some(&running), &flags)?)
}

fn as_it_is(path: &Path, mode: u32) -> Result<DesiredFile, FileError> {
    Ok(match durable::read(path)? {
        Some(content) => DesiredFile { content, mode, ..DesiredFile::text(path, "") },
        None => DesiredFile::absent(path),
    })
}

fn write(files: &[DesiredFile]) -> Result<(), SecureError> {
    for file in files {
        file.write()?;
    }
    Ok(())
}

/// Restarts the engine as the docker step does: containers keep running.
async fn restart() -> Result<(), ExecuteError> {
    service::read_units().await?;
    // fails if there is nothing to reset
    let _ = systemctl("reset-failed", ENGINE).await;
    systemctl("restart", ENGINE).await
}
