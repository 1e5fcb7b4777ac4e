//! `init`: lays out what deployed hosts fetch from the management node, and starts the helper that they ask; `init --undo`:
//! removes it.

mod knock;
mod xcat;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use durable::{Change, FileError};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{CommandError, Done};
use crate::app::App;
use crate::args::InitArgs;
use crate::printer::Volume;

use self::knock::Helper;
use self::xcat::Xcat;

/// What xCAT copies to every node at every run: small, and fetches the rest once.
const STUB: &str = include_str!("../../../templates/install/postscripts/xdock");

/// The names under which the stub lies: the second is xCAT's own former postscript.
const STUBS: [&str; 2] = ["xdock", "setupdockerhost"];

/// What a host runs.
const PROGRAMS: [&str; 2] = ["netd", "xdockhost"];

/// Why the directory is not whole.
#[derive(Debug, Error)]
pub(crate) enum InitError {
    /// No management node.
    #[error("{} is no directory; set installdir in the settings to what the hosts fetch from", .0.display())]
    NoDirectory(PathBuf),
    /// A program that hosts need.
    #[error("cannot read {}; say with --from where netd and xdockhost are", path.display())]
    Program {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Where this program is.
    #[error("cannot find the directory of this program; say with --from where netd and xdockhost are")]
    Own(#[source] io::Error),
    /// Somebody's own postscript.
    #[error("{} is not xdock's; move it away, then run this again", .0.display())]
    Foreign(PathBuf),
    /// A file that was not written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// What goes into xCAT.
    #[error(transparent)]
    Xcat(#[from] xcat::XcatError),
    /// The knock helper.
    #[error(transparent)]
    Knock(#[from] knock::KnockError),
}

pub(super) async fn run(args: &InitArgs, app: &mut App) -> Result<Done, CommandError> {
    if args.undo {
        for path in take_away(&app.settings.installdir)? {
            app.printer.line(&format!("{}: removed", path.display()));
        }
        with_xcat(app, Xcat::take_away)?;
        if !args.no_knock {
            for path in Helper::here().take_away().await.map_err(InitError::from)? {
                app.printer.line(&format!("{}: removed", path.display()));
            }
        }
        return Ok(Done::All);
    }
    let from = match &args.from {
        Some(directory) => directory.clone(),
        None => own_directory()?,
    };
    tell(app, &lay_out(&from, &app.settings.installdir)?);
    with_xcat(app, Xcat::lay)?;
    if !args.no_knock {
        let (laid, started) = Helper::here().lay().await;
        tell(app, &laid);
        started.map_err(InitError::from)?;
    }
    Ok(Done::All)
}

fn tell(app: &mut App, files: &[(PathBuf, Change)]) {
    for (path, change) in files {
        let word = if *change == Change::Written { "written" } else { "already" };
        app.printer.line(&format!("{}: {word}", path.display()));
    }
}

/// Does what concerns xCAT, where there is one.
fn with_xcat(
    app: &mut App,
    does: impl Fn(&Xcat) -> Result<Vec<(PathBuf, xcat::Done)>, xcat::XcatError>,
) -> Result<(), InitError> {
    let root = Xcat::place();
    let Some(there) = Xcat::at(root.clone()) else {
        if app.printer.volume() == Volume::Verbose {
            app.printer.summary(&format!("{}: no xCAT here (XCATROOT says where else)", root.display()));
        }
        return Ok(());
    };
    let told = does(&there)?;
    for (path, done) in &told {
        app.printer.line(&format!("{}: {done}", path.display()));
    }
    if xcat::is_news(&told) {
        app.printer.summary("xcatd has to load its plugins anew: systemctl reload xcatd");
    }
    Ok(())
}

fn own_directory() -> Result<PathBuf, InitError> {
    let own = std::env::current_exe().map_err(InitError::Own)?;
    Ok(own.parent().unwrap_or_else(|| Path::new("/")).to_owned())
}

/// Reads everything first, and writes the manifest last: a host that fetches in between finds old or new, never a
/// manifest whose programs are not there yet.
fn lay_out(from: &Path, installdir: &Path) -> Result<Vec<(PathBuf, Change)>, InitError> {
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
    for path in stubs(installdir) {
        refuse_foreign(&path)?;
        files.push((path, STUB.into(), 0o755));
    }
    let write = |(path, bytes, mode): (PathBuf, Vec<u8>, u32)| {
        durable::replace(&path, &bytes, mode).map(|change| (path, change)).map_err(InitError::from)
    };
    files.into_iter().map(write).collect()
}

fn stubs(installdir: &Path) -> impl Iterator<Item = PathBuf> {
    let directory = installdir.join("postscripts");
    STUBS.into_iter().map(move |name| directory.join(name))
}

/// xCAT may still have its own `setupdockerhost`, and an administrator one of that name.
fn refuse_foreign(path: &Path) -> Result<(), InitError> {
    let foreign = |bytes: &Vec<u8>| !String::from_utf8_lossy(bytes).contains("/install/xdock/");
    match durable::read(path)?.filter(foreign) {
        Some(_) => Err(InitError::Foreign(path.to_owned())),
        None => Ok(()),
    }
}

/// Removes what [`lay_out`] and `sync` laid there, the stubs first: a host that runs in between finds no postscript, never one
/// without its programs. Hosts keep what they have.
fn take_away(installdir: &Path) -> Result<Vec<PathBuf>, InitError> {
    let mut removed = Vec::new();
    for path in stubs(installdir) {
        refuse_foreign(&path)?;
        removed.push(path);
    }
    let ours = installdir.join("xdock");
    for directory in [std::env::consts::ARCH, "snapshots"].map(|name| ours.join(name)) {
        removed.extend(durable::list(&directory)?.unwrap_or_default());
    }
    removed.retain(|path| path.exists());
    for path in &removed {
        durable::remove(path)?;
    }
    // one that holds somebody's file stays
    for directory in [ours.join(std::env::consts::ARCH), ours.join("snapshots"), ours] {
        let _ = fs::remove_dir(directory);
    }
    Ok(removed)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_in(directory: &Path) -> Vec<PathBuf> {
        durable::list(directory).unwrap().unwrap_or_default()
    }

    #[test]
    fn the_manifest_names_every_program_and_a_second_run_changes_nothing() {
        let (from, install) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join("netd"), "n").unwrap();
        fs::write(from.path().join("xdockhost"), "x").unwrap();
        let first = lay_out(from.path(), install.path()).unwrap();
        assert!(first.iter().all(|(_, change)| *change == Change::Written));
        let manifest = install.path().join("xdock").join(std::env::consts::ARCH).join("manifest");
        assert_eq!(
            fs::read_to_string(manifest).unwrap(),
            format!("{}  netd\n{}  xdockhost\n", hex(b"n"), hex(b"x"))
        );
        let second = lay_out(from.path(), install.path()).unwrap();
        assert!(second.iter().all(|(_, change)| *change == Change::None));
    }

    #[test]
    fn undo_leaves_the_directory_as_it_was() {
        let (from, install) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join("netd"), "n").unwrap();
        fs::write(from.path().join("xdockhost"), "x").unwrap();
        fs::create_dir(install.path().join("postscripts")).unwrap();
        fs::write(install.path().join("postscripts/otherpkgs"), "xCAT's").unwrap();
        lay_out(from.path(), install.path()).unwrap();
        assert_eq!(take_away(install.path()).unwrap().len(), 5);
        let left: Vec<_> = files_in(install.path())
            .into_iter()
            .chain(files_in(&install.path().join("postscripts")))
            .collect();
        assert_eq!(left, [install.path().join("postscripts"), install.path().join("postscripts/otherpkgs")]);
        assert_eq!(take_away(install.path()).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_postscript_of_somebody_else_is_left_alone() {
        let (from, install) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join("netd"), "n").unwrap();
        fs::write(from.path().join("xdockhost"), "x").unwrap();
        fs::create_dir(install.path().join("postscripts")).unwrap();
        let own = install.path().join("postscripts/setupdockerhost");
        // also in another encoding
        for script in [b"#!/bin/sh\n".as_slice(), b"#!/bin/sh\n# f\xfcr uns\n"] {
            fs::write(&own, script).unwrap();
            let told = format!("{} is not xdock's; move it away, then run this again", own.display());
            assert_eq!(lay_out(from.path(), install.path()).unwrap_err().to_string(), told);
            assert_eq!(take_away(install.path()).unwrap_err().to_string(), told);
            assert_eq!(files_in(install.path()).len(), 1);
            assert_eq!(fs::read(&own).unwrap(), script);
        }
        fs::remove_file(&own).unwrap();
        std::os::unix::fs::symlink("/not/mounted", &own).unwrap();
        let told = format!("cannot read {}", own.display());
        assert_eq!(lay_out(from.path(), install.path()).unwrap_err().to_string(), told);
        assert_eq!(take_away(install.path()).unwrap_err().to_string(), told);
    }

    #[test]
    fn a_missing_program_is_named_and_nothing_is_written() {
        let (from, install) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let error = lay_out(from.path(), install.path()).unwrap_err().to_string();
        let path = from.path().join("netd");
        assert_eq!(
            error,
            format!("cannot read {}; say with --from where netd and xdockhost are", path.display())
        );
        assert_eq!(fs::read_dir(install.path()).unwrap().count(), 0);
    }
}
