//! The unit of the service.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use durable::Change;
use process::Command;

use super::super::guard::StateDir;
use super::super::guard::install::{InstallError, UNITS};
use crate::files::DesiredFile;
use crate::render::Templates;

/// Its name.
pub(super) const UNIT: &str = "xdock-network-watch.service";
/// Below `/etc` in systemd's order, so that `systemctl mask` can put its link there (systemd.unit(5)).
const DIRECTORY: &str = "/usr/local/lib/systemd/system";
const DEADLINE: Duration = Duration::from_secs(60);

/// Installs and enables the unit. (Re)starts the service if unit or program (`program`) are new, unless an administrator masked
/// it. A service that was stopped by hand stays stopped otherwise.
///
/// # Errors
/// Such as a full disk.
pub async fn install(
    state_dir: &StateDir,
    templates: &Templates,
    program: Change,
) -> Result<Change, InstallError> {
    let unit = Path::new(DIRECTORY).join(UNIT);
    let text = templates.render(
        unit.strip_prefix("/").unwrap_or(&unit).to_string_lossy().as_ref(),
        &BTreeMap::<String, String>::new(),
    )?;
    let enabled = Path::new(UNITS).join("multi-user.target.wants").join(UNIT);
    let done = [DesiredFile::text(&unit, text).write()?, durable::link(&enabled, &unit)?];
    let is_new = done.contains(&Change::Written);
    if (is_new || program == Change::Written) && state_dir.systemd {
        systemctl(&["daemon-reload"]).await?;
        if !is_masked().await {
            systemctl(&["restart", UNIT]).await?;
        }
    }
    Ok(if is_new { Change::Written } else { Change::None })
}

async fn is_masked() -> bool {
    is("LoadState", "masked").await
}

/// Whether the service runs.
pub(super) async fn is_active() -> bool {
    is("ActiveState", "active").await
}

async fn is(property: &str, value: &str) -> bool {
    let shown = Command::new("systemctl", DEADLINE).args(["show", "--value", "--property", property, UNIT]);
    shown.execute().await.is_ok_and(|output| output.text() == value)
}

async fn systemctl(words: &[&str]) -> Result<(), InstallError> {
    Command::new("systemctl", DEADLINE).args(words).execute().await.map(drop).map_err(InstallError::from)
}
