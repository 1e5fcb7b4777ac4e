//! The engine's data directory. An engine that starts with another directory, storage driver or user mapping
//! does not find its containers: they keep running unmanaged, and volumes seem lost. So xdock never changes
//! any of these by a restart while there is data.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use durable::FileError;
use serde_json::Value;
use thiserror::Error;

use super::configuration::Document;
use super::error::DockerError;

/// Default directory (moby `cmd/dockerd/config_unix.go`).
pub(super) const DEFAULT: &str = "/var/lib/docker";

/// Keys of daemon.json that select the engine's data.
const KEYS: [&str; 6] = [
    "data-root",
    "exec-root",
    "storage-driver",
    "userns-remap",
    "containerd-namespace",
    "containerd-plugins-namespace",
];

/// Word of `override=` that accepts the loss.
pub(super) const ABANDON: &str = "abandon";

/// Data that an engine would not find after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Moved {
    key: &'static str,
    old: String,
    new: String,
    root: PathBuf,
    residents: Residents,
}

/// Data in a data-root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Residents {
    containers: usize,
    images: usize,
    volumes: usize,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, old, new, root, residents } = self;
        write!(
            f,
            "the engine has {residents} in {}, and would not find them with {key} {new} instead of {old}; nothing was changed. ",
            root.display()
        )?;
        if *key == "data-root" {
            write!(
                f,
                "Move them: systemctl stop docker.socket docker, stop the remaining containers, mv {old} {new}, then run this again. "
            )?;
        } else {
            write!(f, "Remove them first, or keep {key} as it is. ")?;
        }
        write!(f, "To abandon them: override={ABANDON}")
    }
}

impl fmt::Display for Residents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [(self.containers, "container"), (self.images, "image"), (self.volumes, "volume")];
        let words = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {noun}{plural}")
        });
        f.write_str(&words.collect::<Vec<_>>().join(", "))
    }
}

impl Residents {
    /// Counts the data below a data-root, including that of user mappings (`/var/lib/docker/100000.100000`).
    fn of(root: &Path) -> Result<Self, FileError> {
        let mut all = Self::in_one(root)?;
        for below in durable::list(root)?.unwrap_or_default().iter().filter(|path| is_mapped(path)) {
            let more = Self::in_one(below)?;
            all.containers += more.containers;
            all.images += more.images;
            all.volumes += more.volumes;
        }
        Ok(all)
    }

    /// Counts by moby's layout (`daemon/daemon.go`, `image/fs.go`, `volume/local/local.go`).
    fn in_one(root: &Path) -> Result<Self, FileError> {
        let entries = |directory: &Path| Ok(durable::list(directory)?.unwrap_or_default());
        let mut images = 0;
        for driver in entries(&root.join("image"))? {
            images += entries(&driver.join("imagedb/content/sha256"))?.len();
        }
        let volumes = entries(&root.join("volumes"))?.into_iter().filter(|path| path.is_dir()).count();
        Ok(Self { containers: entries(&root.join("containers"))?.len(), images, volumes })
    }

    fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Whether it is `UID.GID`, which an engine with a user mapping appends to its data-root.
fn is_mapped(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('.').is_some_and(|(uid, gid)| is_number(uid) && is_number(gid))
}

/// State of a running engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Running {
    /// Its data-root, with that of a user mapping.
    pub(super) root: PathBuf,
    /// Its storage driver.
    pub(super) driver: String,
}

impl Running {
    /// Its data-root as configured.
    fn unmapped(&self) -> &Path {
        let parent = is_mapped(&self.root).then(|| self.root.parent()).flatten();
        parent.unwrap_or(&self.root)
    }
}

/// Refuses a configuration with which the engine would not find its data. `running` counts more than the
/// current file, which may have changed since the engine read it. `flags`: keys on the engine's command line.
pub(super) fn refuse_move(
    present: &str,
    new: &str,
    running: Option<&Running>,
    flags: &BTreeSet<String>,
) -> Result<(), DockerError> {
    let parse = |text| Document::parse(text).map_err(DockerError::Json);
    let (present, new) = (parse(present)?, parse(new)?);
    let now = |key: &'static str| match (key, running) {
        ("data-root", Some(running)) => running.unmapped().display().to_string(),
        ("storage-driver", Some(running)) if new.has(key) => running.driver.clone(),
        _ => text(&present, key),
    };
    let free = KEYS.into_iter().filter(|key| !flags.contains(*key));
    let mut moves =
        free.map(|key| (key, now(key), text(&new, key))).filter(|(_, old, new)| !is_same(old, new));
    let Some((key, old, new)) = moves.next() else { return Ok(()) };
    let root = PathBuf::from(now("data-root"));
    let residents = Residents::of(&root)?;
    if residents.is_none() { Ok(()) } else { Err(Moved { key, old, new, root, residents }.into()) }
}

/// Whether two paths are the same directory.
fn is_same(old: &str, new: &str) -> bool {
    let canonical =
        |path: &str| Path::new(path).is_absolute().then(|| std::fs::canonicalize(path).ok()).flatten();
    old == new || canonical(old).is_some_and(|old| canonical(new) == Some(old))
}

fn text(document: &Document, key: &str) -> String {
    match (document.get(key), key) {
        (Some(Value::String(text)), _) => text,
        (Some(other), _) => other.to_string(),
        (None, "data-root") => DEFAULT.to_owned(),
        (None, _) => "unset".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn refused(present: &str, new: &str, running: Option<&Running>) -> Option<String> {
        let refused = refuse_move(present, new, running, &BTreeSet::new());
        refused.err().map(|error| error.to_string())
    }

    /// A data-root with one container, two images and a volume.
    fn inhabited() -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("old");
        for path in [
            "containers/0123",
            "image/overlay2/imagedb/content/sha256/a",
            "image/overlay2/imagedb/content/sha256/b",
            "volumes/data",
        ] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        fs::write(root.join("volumes/metadata.db"), "").unwrap();
        let root = root.display().to_string();
        (directory, root)
    }

    #[test]
    fn containers_and_images_are_not_left_behind() {
        let (_directory, root) = inhabited();
        let present = format!("{{\"data-root\": \"{root}\"}}");
        let what =
            format!("the engine has 1 container, 2 images, 1 volume in {root}, and would not find them with");
        let message = format!(
            "{what} data-root /new instead of {root}; nothing was changed. Move them: systemctl stop docker.socket docker, stop the remaining containers, mv {root} /new, then run this again. To abandon them: override=abandon"
        );
        assert_eq!(refused(&present, "{\"data-root\": \"/new\"}", None), Some(message));
        for (key, value) in [("storage-driver", "vfs"), ("exec-root", "/x"), ("userns-remap", "default")] {
            let new = format!("{{\"data-root\": \"{root}\", \"{key}\": \"{value}\"}}");
            let message = format!(
                "{what} {key} {value} instead of unset; nothing was changed. Remove them first, or keep {key} as it is. To abandon them: override=abandon"
            );
            assert_eq!(refused(&present, &new, None), Some(message));
            assert_eq!(refused(&new, &new, None), None);
        }
        assert_eq!(refused(&present, &format!("{{\"debug\": true, \"data-root\": \"{root}\"}}"), None), None);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(refused(&present, "{\"data-root\": \"/new\"}", None), None);
    }

    #[test]
    fn a_running_engine_is_asked_before_its_file() {
        let (_directory, root) = inhabited();
        let running = Running { root: root.clone().into(), driver: "overlay2".to_owned() };
        let message = refused("", "{\"live-restore\": true}", Some(&running)).unwrap();
        assert!(message.contains(&format!("with data-root /var/lib/docker instead of {root};")), "{message}");
        let same = format!("{{\"data-root\": \"{root}\", \"storage-driver\": \"overlay2\"}}");
        assert_eq!(refused("", &same, Some(&running)), None);
        let other = same.replace("overlay2", "vfs");
        let message = refused(&other, &other, Some(&running)).unwrap();
        assert!(message.contains("with storage-driver vfs instead of overlay2;"), "{message}");
    }

    #[test]
    fn a_user_mapping_and_a_link_are_the_same_place() {
        let (directory, root) = inhabited();
        let mapped = Path::new(&root).join("100000.100000");
        fs::rename(Path::new(&root).join("containers"), directory.path().join("containers")).unwrap();
        fs::create_dir_all(mapped.join("containers/0456")).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        let running = Running { root: mapped, driver: "overlay2".to_owned() };
        let by = |root: &Path| format!("{{\"data-root\": \"{}\"}}", root.display());
        assert_eq!(refused("", &by(&link), Some(&running)), None);
        let message = refused("", &by(Path::new("/new")), Some(&running)).unwrap();
        assert!(
            message.starts_with(&format!("the engine has 1 container, 2 images, 1 volume in {root}, ")),
            "{message}"
        );
    }

    #[test]
    fn a_root_that_cannot_be_listed_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::os::unix::fs::symlink("/not/mounted", &root).unwrap();
        let present = format!("{{\"data-root\": \"{}\"}}", root.display());
        let message = format!("cannot list directory {}", root.join("image").display());
        assert_eq!(refused(&present, "", None), Some(message));
    }
}
