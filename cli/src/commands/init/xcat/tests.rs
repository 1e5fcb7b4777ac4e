//! What lies in an xCAT before, with and after xdock.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// An xCAT that has a client, and those of the commands that are said.
fn xcat(commands: &[&str]) -> (tempfile::TempDir, Xcat) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for below in ["bin", "lib/perl/xCAT_plugin", "share/xcat/cons"] {
        fs::create_dir_all(root.join(below)).unwrap();
    }
    fs::write(root.join("bin/xcatclient"), "client").unwrap();
    for name in commands {
        symlink(CLIENT, root.join("bin").join(name)).unwrap();
    }
    let xcat = Xcat::at(root.to_owned()).unwrap();
    (directory, xcat)
}

/// Every file below it with its text, every link with its target.
fn all(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
            if fs::symlink_metadata(&entry).unwrap().is_dir() {
                walk(root, &entry, found);
                continue;
            }
            let name = entry.strip_prefix(root).unwrap().display().to_string();
            let text = match fs::read_link(&entry) {
                Ok(target) => format!("-> {}", target.display()),
                Err(_) => fs::read_to_string(&entry).unwrap(),
            };
            found.insert(name, text);
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn shown(changes: &Changes, root: &Path) -> Vec<String> {
    let line = |(path, done): &(PathBuf, Done)| {
        format!("{}: {done}", path.display()).replace(&format!("{}/", root.display()), "")
    };
    changes.iter().map(line).collect()
}

#[test]
fn all_is_laid_once_and_taken_away_again() {
    let (directory, xcat) = xcat(&["mkvm", "rmvm", "lsvm", "rpower"]);
    let root = directory.path();
    let before = all(root);
    let first = xcat.install().unwrap();
    assert!(has_plugin_change(&first));
    assert_eq!(
        shown(&first, root),
        [
            "lib/perl/xCAT_plugin/docker.pm: written",
            "lib/perl/xCAT_plugin/xdockhelp.pm: written",
            "share/xcat/cons/docker: written",
            "bin/mkdocker: written",
            "bin/rmdocker: written",
            "bin/lsdocker: written"
        ]
    );
    let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("share/xcat/cons/docker"), mode(PLUGIN_PATH)), (0o755, 0o644));
    assert_eq!(fs::read_link(root.join("bin/lsdocker")).unwrap(), Path::new("../bin/xcatclient"));
    let installed = all(root);
    let second = xcat.install().unwrap();
    assert!(!has_plugin_change(&second));
    assert!(second.iter().all(|(_, done)| *done == Done::Already), "{second:?}");
    assert_eq!(all(root), installed);
    let away = xcat.uninstall().unwrap();
    assert!(has_plugin_change(&away));
    assert_eq!(all(root), before);
    assert_eq!(xcat.uninstall().unwrap(), []);
}

#[test]
fn the_plugin_of_an_older_xcat_is_kept_outside_of_the_plugins_and_comes_back() {
    let (directory, xcat) = xcat(&COMMANDS);
    let root = directory.path();
    fs::write(root.join(PLUGIN_PATH), "package xCAT_plugin::docker; # xCAT's").unwrap();
    let modified = fs::metadata(root.join(PLUGIN_PATH)).unwrap().modified().unwrap();
    let before = all(root);
    let changes = shown(&xcat.install().unwrap(), root);
    let kept =
        changes[0].strip_prefix("lib/perl/xCAT_plugin/docker.pm: kept as share/xdock/docker.pm.2").unwrap();
    assert_eq!(kept.len(), "0261122-133631".len(), "{changes:?}");
    let plugins = durable::list(&root.join("lib/perl/xCAT_plugin")).unwrap().unwrap();
    assert_eq!(plugins, [root.join(PLUGIN_PATH), root.join("lib/perl/xCAT_plugin/xdockhelp.pm")]);
    // ours is replaced by a newer one of ours without a backup
    fs::write(root.join(PLUGIN_PATH), format!("# {MARK}, long ago")).unwrap();
    assert_eq!(shown(&xcat.install().unwrap(), root)[0], "lib/perl/xCAT_plugin/docker.pm: written");
    let away = shown(&xcat.uninstall().unwrap(), root);
    assert_eq!(
        away,
        [
            "lib/perl/xCAT_plugin/docker.pm: restored",
            "lib/perl/xCAT_plugin/xdockhelp.pm: removed",
            "share/xcat/cons/docker: removed"
        ]
    );
    assert_eq!(all(root), before);
    assert_eq!(fs::metadata(root.join(PLUGIN_PATH)).unwrap().modified().unwrap(), modified);
}

#[test]
fn what_somebody_put_in_place_of_ours_stays() {
    let (directory, xcat) = xcat(&[]);
    let root = directory.path();
    xcat.install().unwrap();
    fs::write(root.join("share/xcat/cons/docker"), "theirs").unwrap();
    fs::remove_file(root.join("bin/mkdocker")).unwrap();
    fs::write(root.join("bin/mkdocker"), "theirs").unwrap();
    xcat.uninstall().unwrap();
    let left: Vec<String> = all(root).into_keys().collect();
    assert_eq!(left, ["bin/mkdocker", "bin/xcatclient", "share/xcat/cons/docker"]);
}

#[test]
fn without_xcat_there_is_nothing_to_lay() {
    let directory = tempfile::tempdir().unwrap();
    assert!(Xcat::at(directory.path().join("opt/xcat")).is_none());
}

#[test]
fn what_cannot_be_read_is_neither_replaced_nor_left_without_its_backup() {
    let (directory, xcat) = xcat(&[]);
    let root = directory.path();
    let list = root.join(KEPT).join("names");
    for defect in [root.join(PLUGIN_PATH), root.join("share/xcat/cons/docker"), list.clone()] {
        fs::create_dir_all(defect.parent().unwrap()).unwrap();
        symlink("/not/mounted", &defect).unwrap();
        for error in [xcat.install().unwrap_err(), xcat.uninstall().unwrap_err()] {
            assert_eq!(error.to_string(), format!("cannot read {}", defect.display()));
        }
        assert_eq!(fs::read_link(&defect).unwrap(), Path::new("/not/mounted"));
        fs::remove_file(&defect).unwrap();
    }
    // bytes that are no text are somebody's too
    fs::write(root.join(PLUGIN_PATH), b"# f\xfcr uns\n").unwrap();
    xcat.install().unwrap();
    let kept = durable::list(&root.join(KEPT)).unwrap().unwrap();
    let backup = kept.iter().find(|path| path.to_string_lossy().contains("docker.pm.")).unwrap();
    let bytes = fs::read(backup).unwrap();
    assert_eq!(bytes, b"# f\xfcr uns\n");
    xcat.uninstall().unwrap();
    assert_eq!(fs::read(root.join(PLUGIN_PATH)).unwrap(), b"# f\xfcr uns\n");
}
