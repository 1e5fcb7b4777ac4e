//! Integration with xCAT: the plugin for container nodes, help for their commands, their console method, and the names
//! of commands that xCAT no longer has. Replaced files are kept, and `--undo` restores them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use durable::FileError;
use thiserror::Error;

use super::kept::{Changes, Done, Kept};

/// Default of `XCATROOT`.
const XCATROOT: &str = "/opt/xcat";

/// Mark of our files.
const MARK: &str = "Laid here by xdock init";

const PLUGIN: &str = include_str!("../../../../templates/xcat/docker.pm");
const HELP: &str = include_str!("../../../../templates/xcat/xdockhelp.pm");
const CONSOLE: &str = include_str!("../../../../templates/xcat/cons/docker");

/// Plugin for container nodes.
const PLUGIN_PATH: &str = "lib/perl/xCAT_plugin/docker.pm";

/// Our files: path, name of the kept file, content, mode. Plugin and console method are both named docker.
const FILES: [(&str, &str, &str, u32); 3] = [
    (PLUGIN_PATH, "docker.pm", PLUGIN, 0o644),
    ("lib/perl/xCAT_plugin/xdockhelp.pm", "xdockhelp.pm", HELP, 0o644),
    ("share/xcat/cons/docker", "cons-docker", CONSOLE, 0o755),
];

/// Commands that are links to xCAT's client. Newer versions of xCAT do not have all of them.
const COMMANDS: [&str; 7] = ["mkdocker", "rmdocker", "lsdocker", "mkvm", "rmvm", "lsvm", "rpower"];

/// xCAT's client, as in the links of xCAT's packages.
const CLIENT: &str = "../bin/xcatclient";

/// Directory of kept files and of the list of our links. It is not beside the plugin, because xcatd loads all .pm
/// files there.
const KEPT: &str = "share/xdock";

/// Why the integration was not installed or removed.
#[derive(Debug, Error)]
pub(crate) enum XcatError {
    /// File error.
    #[error(transparent)]
    File(#[from] FileError),
    /// Link of a command.
    #[error("cannot link {} to xCAT's client", path.display())]
    Link {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// xCAT installation on this machine.
#[derive(Debug)]
pub(super) struct Xcat(PathBuf);

impl Xcat {
    /// Value of `XCATROOT`, or the default.
    pub(super) fn place() -> PathBuf {
        std::env::var_os("XCATROOT").filter(|root| !root.is_empty()).map_or(XCATROOT.into(), PathBuf::from)
    }

    /// The xCAT installation at `root`, if there is one.
    pub(super) fn at(root: PathBuf) -> Option<Self> {
        root.is_dir().then_some(Self(root))
    }

    /// Root directory.
    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// Installs missing and changed files.
    pub(super) fn install(&self) -> Result<Changes, XcatError> {
        let mut changes = Changes::new();
        for (path, name, content, mode) in FILES {
            let path = self.0.join(path);
            self.kept().install((&path, name), (content.as_bytes(), mode), is_ours, &mut changes)?;
        }
        self.link_names(&mut changes)?;
        Ok(changes)
    }

    /// Removes the files of [`Xcat::install`].
    pub(super) fn uninstall(&self) -> Result<Changes, XcatError> {
        let mut changes = Changes::new();
        for path in self.installed()?.into_iter().filter(|path| is_of_client(path)) {
            durable::remove(&path)?;
            changes.push((path, Done::Removed));
        }
        durable::remove(&self.list())?;
        for (path, name, ..) in FILES {
            self.kept().uninstall((&self.0.join(path), name), is_ours, &mut changes)?;
        }
        // fails if older files are kept
        let _ = fs::remove_dir(self.0.join(KEPT));
        Ok(changes)
    }

    fn kept(&self) -> Kept {
        Kept(self.0.join(KEPT))
    }

    /// Writes the list of our links before the first link, so that `--undo` knows all links of a run that was killed.
    fn link_names(&self, changes: &mut Changes) -> Result<(), XcatError> {
        let bin = self.0.join("bin");
        // without the client a link has no target
        if !bin.join("xcatclient").exists() {
            return Ok(());
        }
        let all = COMMANDS.map(|name| bin.join(name));
        let known = self.installed()?;
        let is_missing = |path: &&PathBuf| fs::symlink_metadata(path).is_err();
        let missing: Vec<&PathBuf> = all.iter().filter(is_missing).collect();
        let ours: BTreeSet<&PathBuf> = known.iter().chain(missing.iter().copied()).collect();
        if !ours.is_empty() {
            let lines: Vec<String> = ours.iter().map(|path| format!("{}\n", path.display())).collect();
            durable::replace(&self.list(), lines.concat().as_bytes(), 0o644)?;
        }
        for path in all.iter().filter(|path| ours.contains(path)) {
            let done = if missing.contains(&path) {
                symlink(CLIENT, path).map_err(|source| XcatError::Link { path: path.clone(), source })?;
                Done::Written
            } else {
                Done::Already
            };
            changes.push((path.clone(), done));
        }
        Ok(())
    }

    /// Our links.
    fn installed(&self) -> Result<Vec<PathBuf>, FileError> {
        let list = durable::read_text(&self.list())?.unwrap_or_default();
        Ok(list.lines().map(PathBuf::from).collect())
    }

    fn list(&self) -> PathBuf {
        self.0.join(KEPT).join("names")
    }
}

/// Whether a plugin of xcatd changed.
pub(super) fn has_plugin_change(changes: &Changes) -> bool {
    let news = |done: &Done| matches!(done, Done::Written | Done::Removed | Done::Restored);
    let is_plugin = |path: &Path| path.extension().is_some_and(|extension| extension == "pm");
    changes.iter().any(|(path, done)| is_plugin(path) && news(done))
}

fn is_ours(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(MARK)
}

fn is_of_client(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == Path::new(CLIENT))
}

#[cfg(test)]
mod tests;
