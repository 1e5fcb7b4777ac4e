//! What `init` lays into an xCAT: the plugin of container nodes, their console method, and the names of the commands that xCAT
//! has no more. What is not ours is kept as a dated backup, and `--undo` brings it back.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use durable::{Change, FileError};
use thiserror::Error;
use time::OffsetDateTime;

/// Where xCAT is, if its own variable says nothing else.
const XCATROOT: &str = "/opt/xcat";

/// By this word in its text a file is ours.
const MARK: &str = "Laid here by xdock init";

const PLUGIN: &str = include_str!("../../../../templates/xcat/docker.pm");
const CONSOLE: &str = include_str!("../../../../templates/xcat/cons/docker");

/// xCAT's plugin of container nodes.
const PLUGIN_PATH: &str = "lib/perl/xCAT_plugin/docker.pm";

/// Our files in it.
const FILES: [(&str, &str, u32); 2] =
    [(PLUGIN_PATH, PLUGIN, 0o644), ("share/xcat/cons/docker", CONSOLE, 0o755)];

/// Commands that are names of xCAT's one client; newer ones of xCAT have not all of them.
const COMMANDS: [&str; 7] = ["mkdocker", "rmdocker", "lsdocker", "mkvm", "rmvm", "lsvm", "rpower"];

/// xCAT's client, as its packages link to it.
const CLIENT: &str = "../bin/xcatclient";

/// Where backups lie, and which links are ours. Not beside the plugin: xcatd loads every .pm that lies there.
const KEPT: &str = "share/xdock";

/// Why it was not laid or removed.
#[derive(Debug, Error)]
pub(crate) enum XcatError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The name of a command.
    #[error("cannot link {} to xCAT's client", path.display())]
    Link {
        /// The name.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What was done with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// It is new, or has other text.
    Written,
    /// It was so.
    Already,
    /// It is gone.
    Removed,
    /// Somebody's file lies there now.
    KeptAt(PathBuf),
    /// Somebody's file is back.
    Restored,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Written => f.write_str("written"),
            Self::Already => f.write_str("already"),
            Self::Removed => f.write_str("removed"),
            Self::KeptAt(backup) => write!(f, "is kept as {}", backup.display()),
            Self::Restored => f.write_str("is as it was before"),
        }
    }
}

/// An xCAT on this machine.
#[derive(Debug)]
pub(super) struct Xcat(PathBuf);

type Told = Vec<(PathBuf, Done)>;

impl Xcat {
    /// Where xCAT's own variable says, or in its usual place.
    pub(super) fn place() -> PathBuf {
        std::env::var_os("XCATROOT").filter(|root| !root.is_empty()).map_or(XCATROOT.into(), PathBuf::from)
    }

    /// The xCAT at that place, where there is one.
    pub(super) fn at(root: PathBuf) -> Option<Self> {
        root.is_dir().then_some(Self(root))
    }

    /// Lays what is not there; whether xcatd has to load its plugins anew is whether the plugin was written.
    pub(super) fn lay(&self) -> Result<Told, XcatError> {
        let mut told = Vec::new();
        for (name, text, mode) in FILES {
            let path = self.0.join(name);
            told.extend(self.keep(&path)?.map(|backup| (path.clone(), Done::KeptAt(backup))));
            let change = durable::replace(&path, text.as_bytes(), mode)?;
            told.push((path, if change == Change::Written { Done::Written } else { Done::Already }));
        }
        self.lay_names(&mut told)?;
        Ok(told)
    }

    /// Removes what [`Xcat::lay`] laid.
    pub(super) fn take_away(&self) -> Result<Told, XcatError> {
        let mut told = Vec::new();
        for path in self.laid()?.into_iter().filter(|path| is_of_client(path)) {
            durable::remove(&path)?;
            told.push((path, Done::Removed));
        }
        durable::remove(&self.list())?;
        for (name, ..) in FILES {
            let path = self.0.join(name);
            if !durable::read(&path)?.is_some_and(|bytes| is_ours(&bytes)) {
                continue;
            }
            told.push(match self.backup(&path)? {
                Some((backup, bytes)) => {
                    durable::replace(&path, &bytes, durable::mode(&backup)?)?;
                    durable::remove(&backup)?;
                    (path, Done::Restored)
                }
                None => {
                    durable::remove(&path)?;
                    (path, Done::Removed)
                }
            });
        }
        // older backups stay, and it with them
        let _ = fs::remove_dir(self.0.join(KEPT));
        Ok(told)
    }

    /// Somebody else's file under the name of one of ours: where it lies now.
    fn keep(&self, path: &Path) -> Result<Option<PathBuf>, XcatError> {
        let Some(bytes) = durable::read(path)?.filter(|bytes| !is_ours(bytes)) else { return Ok(None) };
        let (date, time) = (OffsetDateTime::now_utc(), OffsetDateTime::now_utc().to_hms());
        let stamp = format!(
            "{:04}{:02}{:02}-{:02}{:02}{:02}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.0,
            time.1,
            time.2
        );
        let backup = self.0.join(KEPT).join(format!("{}.{stamp}", flat(path)));
        durable::replace(&backup, &bytes, durable::mode(path)?)?;
        Ok(Some(backup))
    }

    /// The newest backup of a file, and what is in it.
    fn backup(&self, path: &Path) -> Result<Option<(PathBuf, Vec<u8>)>, XcatError> {
        let prefix = format!("{}.2", flat(path));
        let is_of = |file: &PathBuf| {
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix.as_str()))
        };
        let kept = durable::list(&self.0.join(KEPT))?.unwrap_or_default();
        let Some(backup) = kept.into_iter().rfind(is_of) else { return Ok(None) };
        Ok(durable::read(&backup)?.map(|bytes| (backup, bytes)))
    }

    /// The list of ours is written before the first link: a run that is killed in between leaves none that `--undo` would not
    /// know.
    fn lay_names(&self, told: &mut Told) -> Result<(), XcatError> {
        let bin = self.0.join("bin");
        // without the client there is nothing that a name could be of
        if !bin.join("xcatclient").exists() {
            return Ok(());
        }
        let all = COMMANDS.map(|name| bin.join(name));
        let known = self.laid()?;
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
            told.push((path.clone(), done));
        }
        Ok(())
    }

    /// The names that are ours.
    fn laid(&self) -> Result<Vec<PathBuf>, FileError> {
        let list = durable::read_text(&self.list())?.unwrap_or_default();
        Ok(list.lines().map(PathBuf::from).collect())
    }

    fn list(&self) -> PathBuf {
        self.0.join(KEPT).join("names")
    }
}

/// Whether xcatd has something new to load.
pub(super) fn is_news(told: &Told) -> bool {
    let news = |done: &Done| matches!(done, Done::Written | Done::Removed | Done::Restored);
    told.iter().any(|(path, done)| path.ends_with(PLUGIN_PATH) && news(done))
}

fn is_ours(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(MARK)
}

fn is_of_client(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == Path::new(CLIENT))
}

/// `docker.pm` of the plugin, `cons-docker` of the console: both are called docker.
fn flat(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.ends_with(PLUGIN_PATH) { name.into_owned() } else { format!("cons-{name}") }
}

#[cfg(test)]
mod tests;
