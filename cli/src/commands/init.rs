//! `init`: installs files on the management node: programs for deployed hosts, the knock helper and the integration
//! with xCAT. `init --undo` removes them.

mod kept;
mod knock;
mod xcat;
mod xcatd;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chain::chain;
use durable::FileError;
use inventory::InventoryUrl;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::app::App;
use crate::args::InitArgs;
use crate::error::{CommandError, Done};
use crate::printer::Volume;

use self::kept::{Changes, Done as InstallChange, Kept};
use self::knock::Helper;
use self::xcat::Xcat;
use self::xcatd::Reload;

/// Postscript that xCAT copies to all nodes on every run. It is small and downloads the rest once.
const STUB: &str = include_str!("../../../templates/install/postscripts/xdock");

/// Mark of our postscripts.
const MARK: &str = "/install/xdock/";

/// Names of the stub. xCAT up to 2.18 has a postscript with the second name.
const STUBS: [&str; 2] = ["xdock", "setupdockerhost"];

/// Directory below `installdir/xdock` for replaced postscripts that xdock did not write.
const KEPT: &str = "kept";

/// Programs for hosts.
const PROGRAMS: [&str; 2] = ["netd", "xdockhost"];

/// Why the installation is incomplete.
#[derive(Debug, Error)]
pub(crate) enum InitError {
    /// `installdir` does not exist.
    #[error("{} is not a directory; set installdir in the settings to the directory that hosts download from", .0.display())]
    NoDirectory(PathBuf),
    /// Missing program for hosts.
    #[error("cannot read {}; set the directory of netd and xdockhost with --from", path.display())]
    Program {
        /// Path.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The directory of this program is unknown.
    #[error("cannot find the directory of this program; set the directory of netd and xdockhost with --from")]
    Own(#[source] io::Error),
    /// File error.
    #[error(transparent)]
    File(#[from] FileError),
    /// Integration with xCAT.
    #[error(transparent)]
    Xcat(#[from] xcat::XcatError),
    /// Knock helper.
    #[error(transparent)]
    Knock(#[from] knock::KnockError),
}

impl From<InitError> for CommandError {
    fn from(error: InitError) -> Self {
        Self::Init(Box::new(error))
    }
}

pub(super) async fn run(args: &InitArgs, app: &mut App) -> Result<Done, CommandError> {
    let installdir = app.settings.installdir.clone();
    if args.undo {
        tell(app, &uninstall(&installdir)?);
        let done = with_xcat(app, Xcat::uninstall).await?;
        if !args.no_knock {
            for path in Helper::here().uninstall().await.map_err(InitError::from)? {
                app.printer.line(&format!("{}: removed", path.display()));
            }
        }
        return Ok(done);
    }
    let from = match &args.from {
        Some(directory) => directory.clone(),
        None => own_directory()?,
    };
    tell(app, &install_files(&from, &installdir)?);
    let done = with_xcat(app, Xcat::install).await?;
    tell_tables(app);
    if !args.no_knock {
        let (installed, started) = Helper::here().install().await;
        tell(app, &installed.into_iter().map(|(path, change)| (path, change.into())).collect());
        started.map_err(InitError::from)?;
    }
    Ok(done)
}

fn tell(app: &mut App, changes: &Changes) {
    for (path, done) in changes {
        app.printer.line(&format!("{}: {done}", path.display()));
    }
}

/// Prints which tables xdock will read, or why it cannot read xCAT's tables.
fn tell_tables(app: &mut App) {
    match app.inventory_url() {
        Ok(url @ InventoryUrl::Database(_)) => {
            app.printer.summary(&format!("xdock reads the tables in {url}"));
        }
        Ok(_) => {}
        Err(error) => app.printer.summary(&format!("xdock cannot read the tables: {}", chain(&error))),
    }
}

/// Installs or removes the integration with xCAT, if xCAT is installed. Then xcatd reloads its plugins.
async fn with_xcat(
    app: &mut App,
    does: impl Fn(&Xcat) -> Result<Changes, xcat::XcatError>,
) -> Result<Done, InitError> {
    let root = Xcat::place();
    let Some(there) = Xcat::at(root.clone()) else {
        if app.printer.volume() == Volume::Verbose {
            app.printer.summary(&format!(
                "{}: xCAT is not installed here (set XCATROOT if it is elsewhere)",
                root.display()
            ));
        }
        return Ok(Done::All);
    };
    let changes = does(&there)?;
    tell(app, &changes);
    if !xcat::has_plugin_change(&changes) {
        return Ok(Done::All);
    }
    match xcatd::reload(Path::new("/"), there.root()).await {
        Reload::Loaded => app.printer.summary("xcatd has reloaded its plugins (rescanplugins)"),
        Reload::Stopped => app.printer.summary("xcatd is not running; it loads the plugins when it starts"),
        Reload::Failed(error) => {
            app.printer.error(&format!("xcatd did not reload its plugins: {}", chain(&error)));
            app.printer.hint("run \"systemctl restart xcatd\"");
            return Ok(Done::Partly);
        }
    }
    Ok(Done::All)
}

fn own_directory() -> Result<PathBuf, InitError> {
    let own = std::env::current_exe().map_err(InitError::Own)?;
    Ok(own.parent().unwrap_or_else(|| Path::new("/")).to_owned())
}

/// Reads everything first, and writes the manifest last: a host that downloads at the same time gets the old or the
/// new files, never a manifest with missing programs.
#[allow(
    clippy::disallowed_methods,
    reason = "programs of the release, larger than any file that durable reads: one that is missing is an error too"
)]
fn install_files(from: &Path, installdir: &Path) -> Result<Changes, InitError> {
    if !installdir.is_dir() {
        return Err(InitError::NoDirectory(installdir.to_owned()));
    }
    let programs = installdir.join("xdock").join(std::env::consts::ARCH);
    let mut files = Vec::new();
    let mut manifest = String::new();
    for name in PROGRAMS {
        let path = from.join(name);
        let bytes = fs::read(&path).map_err(|source| InitError::Program { path, source })?;
        manifest.push_str(&format!("{}  {name}\n", hex(&bytes)));
        files.push((programs.join(name), bytes, 0o755));
    }
    files.push((programs.join("manifest"), manifest.into_bytes(), 0o644));
    for (path, _) in stubs(installdir) {
        durable::read(&path)?;
    }
    let mut changes = Changes::new();
    for (path, bytes, mode) in files {
        let change = durable::replace(&path, &bytes, mode)?;
        changes.push((path, change.into()));
    }
    for (path, name) in stubs(installdir) {
        kept(installdir).install((&path, name), (STUB.as_bytes(), 0o755), is_ours, &mut changes)?;
    }
    Ok(changes)
}

/// Paths and names of the stub.
fn stubs(installdir: &Path) -> impl Iterator<Item = (PathBuf, &'static str)> {
    let directory = installdir.join("postscripts");
    STUBS.into_iter().map(move |name| (directory.join(name), name))
}

/// Replaced postscripts that xdock did not write. They are not in the postscripts directory, because every node copies
/// that.
fn kept(installdir: &Path) -> Kept {
    Kept(installdir.join("xdock").join(KEPT))
}

fn is_ours(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(MARK)
}

/// Removes the files of [`install_files`] and `sync`. The stubs are removed first: a host that runs at the same time finds
/// no postscript, never one without its programs. Hosts keep their files.
fn uninstall(installdir: &Path) -> Result<Changes, InitError> {
    let mut changes = Changes::new();
    for (path, name) in stubs(installdir) {
        kept(installdir).uninstall((&path, name), is_ours, &mut changes)?;
    }
    let ours = installdir.join("xdock");
    for directory in [std::env::consts::ARCH, "snapshots"].map(|name| ours.join(name)) {
        for path in durable::list(&directory)?.unwrap_or_default() {
            durable::remove(&path)?;
            changes.push((path, InstallChange::Removed));
        }
    }
    // directories with files of others stay
    for directory in [std::env::consts::ARCH, "snapshots", KEPT, ""].map(|name| ours.join(name)) {
        let _ = fs::remove_dir(directory);
    }
    Ok(changes)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One with the programs, and an empty one.
    fn directories() -> (tempfile::TempDir, tempfile::TempDir) {
        let (from, install) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join("netd"), "n").unwrap();
        fs::write(from.path().join("xdockhost"), "x").unwrap();
        (from, install)
    }

    fn files_in(directory: &Path) -> Vec<PathBuf> {
        durable::list(directory).unwrap().unwrap_or_default()
    }

    #[test]
    fn the_manifest_names_every_program_and_a_second_run_changes_nothing() {
        let (from, install) = directories();
        let first = install_files(from.path(), install.path()).unwrap();
        assert!(first.iter().all(|(_, change)| *change == InstallChange::Written));
        let manifest = install.path().join("xdock").join(std::env::consts::ARCH).join("manifest");
        assert_eq!(
            fs::read_to_string(manifest).unwrap(),
            format!("{}  netd\n{}  xdockhost\n", hex(b"n"), hex(b"x"))
        );
        let second = install_files(from.path(), install.path()).unwrap();
        assert!(second.iter().all(|(_, change)| *change == InstallChange::Already));
    }

    #[test]
    fn undo_leaves_the_directory_as_it_was() {
        let (from, install) = directories();
        fs::create_dir(install.path().join("postscripts")).unwrap();
        fs::write(install.path().join("postscripts/otherpkgs"), "xCAT's").unwrap();
        install_files(from.path(), install.path()).unwrap();
        assert_eq!(uninstall(install.path()).unwrap().len(), 5);
        let left: Vec<_> = files_in(install.path())
            .into_iter()
            .chain(files_in(&install.path().join("postscripts")))
            .collect();
        assert_eq!(left, [install.path().join("postscripts"), install.path().join("postscripts/otherpkgs")]);
        assert_eq!(uninstall(install.path()).unwrap(), []);
    }

    /// As on xCAT up to 2.18, which has a postscript of that name; also one in another encoding.
    #[test]
    fn a_postscript_of_others_is_kept_and_comes_back() {
        let (from, install) = directories();
        fs::create_dir(install.path().join("postscripts")).unwrap();
        let own = install.path().join("postscripts/setupdockerhost");
        for script in [b"#!/bin/sh\n".as_slice(), b"#!/bin/sh\n# f\xfcr uns\n"] {
            fs::write(&own, script).unwrap();
            let modified = fs::metadata(&own).unwrap().modified().unwrap();
            let changes = install_files(from.path(), install.path()).unwrap();
            let backup = changes.iter().find_map(|(path, done)| match done {
                InstallChange::KeptAt(backup) if *path == own => Some(backup),
                _ => None,
            });
            assert_eq!(fs::read(backup.unwrap()).unwrap(), script);
            assert_eq!(
                files_in(&install.path().join("postscripts")).len(),
                2,
                "nodes copy all that is there"
            );
            assert_eq!(fs::read(&own).unwrap(), STUB.as_bytes());
            assert!(uninstall(install.path()).unwrap().contains(&(own.clone(), InstallChange::Restored)));
            assert_eq!(fs::read(&own).unwrap(), script);
            assert_eq!(fs::metadata(&own).unwrap().modified().unwrap(), modified);
            assert_eq!(files_in(install.path()), [install.path().join("postscripts")]);
        }
    }

    #[test]
    fn a_postscript_that_cannot_be_read_stays_and_nothing_is_written() {
        let (from, install) = directories();
        fs::create_dir(install.path().join("postscripts")).unwrap();
        let own = install.path().join("postscripts/setupdockerhost");
        std::os::unix::fs::symlink("/not/mounted", &own).unwrap();
        let changes = format!("cannot read {}", own.display());
        assert_eq!(install_files(from.path(), install.path()).unwrap_err().to_string(), changes);
        assert_eq!(uninstall(install.path()).unwrap_err().to_string(), changes);
        assert_eq!(files_in(install.path()), [install.path().join("postscripts")]);
        assert_eq!(files_in(&install.path().join("postscripts")), [own]);
    }

    #[test]
    fn a_missing_program_is_named_and_nothing_is_written() {
        let (from, install) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let error = install_files(from.path(), install.path()).unwrap_err().to_string();
        let path = from.path().join("netd");
        assert_eq!(
            error,
            format!("cannot read {}; set the directory of netd and xdockhost with --from", path.display())
        );
        assert_eq!(fs::read_dir(install.path()).unwrap().count(), 0);
    }
}
