//! The desired files of a manager: ours, and foreign ones without our devices. Pure.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::device_templates::device_templates;
use super::dialect::{Dialect, OwnFile, RefusedSetting, Remainder, file_name};
use super::dropins::{dropins, is_dropin};
use super::networkd::exclude::planned_nic;
use super::nic::Nic;
use super::tree::{File, Tree};
use crate::files::DesiredFile;
use crate::render::{RenderError, Templates};
use crate::steps::network::resolved::ResolvedNetwork;

/// The files cannot be created. Nothing was changed.
#[derive(Debug, Error)]
pub enum FilesError {
    /// A template cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A setting would be lost.
    #[error(transparent)]
    Refused(#[from] Box<RefusedSetting>),
}

/// The desired files, ours first. If the power fails between two files, the next boot finds a device in both,
/// and ours take precedence; in the other order it would find the device in none. Files of ours without a
/// device are removed.
///
/// # Errors
/// A template cannot be rendered, or a setting of a foreign file would be lost.
pub fn desired_files(
    tree: &Tree,
    network: &ResolvedNetwork,
    templates: &Templates,
    stamp: &str,
) -> Result<Vec<DesiredFile>, FilesError> {
    let dialect = tree.manager().dialect();
    let views = device_templates(tree, network);
    let names: Vec<_> = views.iter().filter_map(|view| view.name.parse().ok()).collect();
    if let Some(refused) = names.iter().find_map(|name| tree.refused(name)) {
        return Err(FilesError::Refused(Box::new(refused)));
    }
    let nics: Vec<Nic> = names.iter().map(|name| tree.nics().get(name)).collect();
    let later: Vec<Nic> = views.iter().filter_map(|view| planned_nic(tree, view)).collect();
    if let Some(refused) = dialect.conflict(tree, &later) {
        return Err(FilesError::Refused(Box::new(refused)));
    }
    let mut files = dropins(tree, &views, templates)?;
    let own = dialect.own_files(tree, &views, templates)?;
    let is_own = |file: &&File| own.iter().any(|own| file.path == Path::new(&own.path));
    let others: Vec<&File> = tree.files().iter().filter(|file| !is_own(file)).collect();
    files.extend(own.iter().map(|own| ours(tree, own, stamp)));
    files.extend(others.iter().filter_map(|file| without_devices(tree, dialect, file, &nics, stamp)));
    Ok(files)
}

fn ours(tree: &Tree, own: &OwnFile, stamp: &str) -> DesiredFile {
    let path = Path::new(&own.path);
    let before = tree.files().iter().find(|file| file.path == path);
    let foreign = before.is_some_and(|file| !file.is_ours());
    let backup = foreign.then(|| backup(tree, path, stamp));
    DesiredFile { backup, mode: own.mode, ..DesiredFile::text(tree.on_disk(path), own.text.clone()) }
}

/// Only files in `/etc`: those in `/run` and `/usr/lib` belong to programs, which write them again.
fn without_devices(
    tree: &Tree,
    dialect: &dyn Dialect,
    file: &File,
    nics: &[Nic],
    stamp: &str,
) -> Option<DesiredFile> {
    if !file.path.starts_with("/etc") || is_dropin(&file.path) {
        return None;
    }
    let path = tree.on_disk(&file.path);
    if file.is_ours() {
        return Some(DesiredFile::absent(path));
    }
    let backup = Some(backup(tree, &file.path, stamp));
    match dialect.without_devices(tree, file, nics) {
        Remainder::Unchanged => None,
        Remainder::Text(text) => Some(DesiredFile { backup, ..DesiredFile::text(path, text) }),
        Remainder::Empty => Some(DesiredFile { backup, ..DesiredFile::absent(path) }),
    }
}

/// Path of a backup: beside the directory, not in it, because most managers would read the copy.
fn backup(tree: &Tree, path: &Path, stamp: &str) -> PathBuf {
    let name = file_name(path);
    let directory = path.parent().unwrap_or(path);
    if directory == Path::new("/etc/network") {
        return tree.on_disk(&directory.join(format!("{name}.xdock-{stamp}")));
    }
    let within = file_name(directory);
    tree.on_disk(&directory.with_file_name(format!("{within}-{name}.xdock-{stamp}")))
}
