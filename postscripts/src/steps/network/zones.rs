//! firewalld's zones (firewalld.zone(5)): a device that takes over an address is added to the zone of the
//! previous device before it has the address. At boot, the zone's file does this. NetworkManager and
//! network-scripts name the zone in their own files.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use durable::FileError;
use inventory::IfName;
use process::{Command, ExecuteError};
use thiserror::Error;

use super::plan::{DaemonStep, Step};
use super::references::Moved;
use crate::files::DesiredFile;

/// Directory of the administrator's zones. Those in /usr/lib have no interfaces.
const ZONES: &str = "etc/firewalld/zones";
const PROGRAM: &str = "firewall-cmd";
/// firewall-cmd is a Python program that waits for a daemon.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// A zone cannot be read, so the new device cannot be added to it.
#[derive(Debug, Error)]
pub enum ZoneError {
    /// A file or the directory.
    #[error(transparent)]
    File(#[from] FileError),
    /// firewalld is running and does not answer.
    #[error("cannot read firewalld's zones")]
    Ask(#[source] ExecuteError),
}

/// Steps and files that add the new devices to the zones of the old ones.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) steps: Vec<Step>,
    pub(super) files: Vec<DesiredFile>,
}

/// Reads the zones from firewalld, if it is running, and from its files.
///
/// # Errors
/// They cannot be read.
pub(super) async fn follow(root: &Path, moved: &[Moved]) -> Result<Followed, ZoneError> {
    if moved.is_empty() {
        return Ok(Followed::default());
    }
    let active = active(&ask().await?);
    let mut files = read(root)?;
    let mut followed = Followed::default();
    for Moved { from, to } in moved {
        let zone = active.iter().find(|(_, devices)| devices.contains(from)).map(|(zone, _)| zone.clone());
        let has_own = active.iter().any(|(_, devices)| devices.contains(to));
        followed.steps.extend(
            zone.filter(|_| !has_own)
                .map(|zone| Step::Daemon(DaemonStep::AddToZone { device: to.clone(), zone })),
        );
        if files.iter().any(|(_, xml)| interface(xml, to).is_some()) {
            continue;
        }
        for (_, xml) in &mut files {
            if let Some(with) = with_interface(xml, from, to) {
                *xml = with;
            }
        }
    }
    for (path, xml) in files {
        let file = DesiredFile::text(path, xml);
        if file.differs()? {
            followed.files.push(file);
        }
    }
    Ok(followed)
}

/// Moves a device to a zone of the running firewalld.
///
/// # Errors
/// firewalld refused.
pub(super) async fn add(device: &IfName, zone: &str) -> Result<(), ExecuteError> {
    let args = [format!("--zone={zone}"), format!("--change-interface={device}")];
    Command::new(PROGRAM, COMMAND_TIMEOUT).args(args).execute().await.map(drop)
}

/// Removes a device from a zone, if firewalld is running and has it.
pub(super) async fn remove(device: &IfName, zone: &str) {
    let args = [format!("--zone={zone}"), format!("--remove-interface={device}")];
    let _ = Command::new(PROGRAM, COMMAND_TIMEOUT).args(args).execute().await;
}

/// The active zones as firewalld prints them; empty if it is not installed or not running.
async fn ask() -> Result<String, ZoneError> {
    let missing = |error: &ExecuteError| match error {
        ExecuteError::Start { source, .. } => source.kind() == io::ErrorKind::NotFound,
        // NOT_RUNNING of firewalld's errors.py
        ExecuteError::Status { status, .. } => status.code() == Some(252),
        ExecuteError::Deadline { .. } => false,
    };
    match Command::new(PROGRAM, COMMAND_TIMEOUT).args(["--get-active-zones"]).execute().await {
        Ok(output) => Ok(output.text()),
        Err(error) if missing(&error) => Ok(String::new()),
        Err(error) => Err(ZoneError::Ask(error)),
    }
}

/// Parses `ZONE` or `ZONE (default)`, then its interfaces and sources in indented lines.
fn active(text: &str) -> Vec<(String, Vec<IfName>)> {
    let mut zones: Vec<(String, Vec<IfName>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix(' '), zones.last_mut()) {
            (None, _) => {
                zones.extend(line.split_whitespace().next().map(|name| (name.to_owned(), Vec::new())));
            }
            (Some(line), Some((_, devices))) => {
                let names = line.trim().strip_prefix("interfaces:").unwrap_or_default();
                devices.extend(names.split_whitespace().filter_map(|name| name.parse().ok()));
            }
            (Some(_), None) => {}
        }
    }
    zones
}

fn read(root: &Path) -> Result<Vec<(PathBuf, String)>, ZoneError> {
    let mut paths = durable::list(&root.join(ZONES))?.unwrap_or_default();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    let mut files = Vec::new();
    for path in paths {
        files.extend(durable::read_text(&path)?.map(|xml| (path, xml)));
    }
    Ok(files)
}

/// Position of the element that binds a device: `<interface name="eth0"/>`.
fn interface(xml: &str, device: &IfName) -> Option<(usize, usize)> {
    let quoted = ['"', '\''].map(|quote| format!("name={quote}{device}{quote}"));
    xml.match_indices("<interface").find_map(|(start, _)| {
        let rest = xml.get(start..)?;
        let end = start + rest.find('>')? + 1;
        let before = xml.get(..start)?;
        let in_comment = before.rfind("<!--") > before.rfind("-->");
        let tag: String = xml.get(start..end)?.split_whitespace().collect::<Vec<_>>().join(" ");
        let tag = tag.replace(" = ", "=").replace(" =", "=").replace("= ", "=");
        let binds = tag.ends_with("/>") && quoted.iter().any(|name| tag.contains(name));
        (binds && !in_comment).then_some((start, end))
    })
}

/// The zone with the second device beside the first; `None` if the first is not in it.
fn with_interface(xml: &str, first: &IfName, second: &IfName) -> Option<String> {
    let (start, end) = interface(xml, first)?;
    let before = xml.get(..start)?;
    let indent = before.get(before.trim_end().len()..)?;
    Some(format!("{}{indent}<interface name=\"{second}\"/>{}", xml.get(..end)?, xml.get(end..)?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const INTERNAL: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone>\n  <short>Internal</short>\n  \
                            <!-- <interface name=\"eth9\"/> -->\n  <service name=\"ssh\"/>\n  <interface name=\"eth0\"/>\n  <forward/>\n</zone>\n";

    fn name(text: &str) -> IfName {
        text.parse().unwrap()
    }

    #[test]
    fn a_zone_file_gets_the_new_device_beside_the_old_one() {
        let with = with_interface(INTERNAL, &name("eth0"), &name("mynet0")).unwrap();
        let expected = INTERNAL.replace(
            "  <interface name=\"eth0\"/>\n",
            "  <interface name=\"eth0\"/>\n  <interface name=\"mynet0\"/>\n",
        );
        assert_eq!(with, expected);
        let odd = "<zone><interface\n name = 'eth0' /></zone>";
        let with = with_interface(odd, &name("eth0"), &name("br0")).unwrap();
        assert_eq!(with, "<zone><interface\n name = 'eth0' /><interface name=\"br0\"/></zone>");
        for other in ["eth9", "eth", "eth01", "ssh"] {
            assert_eq!(with_interface(INTERNAL, &name(other), &name("br0")), None, "{other}");
        }
    }

    #[test]
    fn zones_are_read_as_firewalld_prints_them() {
        let text = "docker\n  interfaces: docker0\ninternal\n  interfaces: eth0 eth1\n  sources: 10.0.0.0/8\npublic (default)\n  interfaces: eth2\n";
        let zones = active(text);
        let internal = ("internal".to_owned(), vec![name("eth0"), name("eth1")]);
        assert_eq!((zones.len(), &zones[1], zones[2].0.as_str()), (3, &internal, "public"));
        assert_eq!(active(""), []);
    }

    #[test]
    fn files_follow_unless_the_new_device_already_has_a_zone() {
        let root = tempfile::tempdir().unwrap();
        let zones = root.path().join(ZONES);
        fs::create_dir_all(&zones).unwrap();
        fs::write(zones.join("internal.xml"), INTERNAL).unwrap();
        fs::write(zones.join("internal.xml.old"), INTERNAL).unwrap();
        let moved = [Moved { from: name("eth0"), to: name("mynet0") }];
        let followed = |root: &Path| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(follow(root, &moved)).unwrap().files
        };
        let files = followed(root.path());
        assert_eq!(files.iter().map(|file| &file.path).collect::<Vec<_>>(), [&zones.join("internal.xml")]);
        files[0].write().unwrap();
        assert_eq!(followed(root.path()), [], "it is done");
        fs::write(zones.join("internal.xml"), INTERNAL).unwrap();
        fs::write(zones.join("dmz.xml"), "<zone><interface name=\"mynet0\"/></zone>").unwrap();
        assert_eq!(followed(root.path()), [], "the administrator has put it elsewhere");
        assert!(followed(&root.path().join("none")).is_empty());
    }
}
