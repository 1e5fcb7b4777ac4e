//! Disks that are full: before the change, and in its middle.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use libtest_mimic::Trial;
use nix::mount::{MsFlags, mount};
use postscripts::files::DesiredFile;
use postscripts::steps::network::backend::HostBackend;
use postscripts::steps::network::guard::{FileBackup, begin};
use tempfile::TempDir;

use crate::applier::{files, intent};
use crate::lab::{Lab, on};
use crate::test;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("disks::on_a_full_disk_nothing_is_begun", full_before),
        test("disks::a_disk_that_fills_in_the_middle_gets_its_old_files_back", full_in_the_middle),
        test("disks::a_file_comes_back_on_a_full_disk", full_at_restore),
    ]
}

/// A small disk of its own, which goes with the mount namespace of this program.
fn small() -> TempDir {
    let directory = TempDir::new().unwrap();
    mount(Some("small"), directory.path(), Some("tmpfs"), MsFlags::empty(), Some("size=256k")).unwrap();
    directory
}

/// Not one byte is left.
fn fill(directory: &Path) {
    let mut file = File::create(directory.join("filler")).unwrap();
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    assert!(fs::write(directory.join("one"), "1").is_err(), "it is full");
    let _ = fs::remove_file(directory.join("one"));
}

fn full_before() {
    let lab = Lab::at(small());
    let before = lab.all();
    let directory = lab.files().parent().unwrap().to_owned();
    fs::create_dir(lab.state_dir().state).unwrap();
    fill(&directory);
    let change = lab.state_dir().change();
    let error = on(&lab.host, async |kernel| {
        let intent = intent(&kernel, &files(&directory)).await;
        begin(&lab.state_dir(), &intent).await.unwrap_err()
    });
    let text = chain::chain(&error);
    let expected = "cannot record the current network for a rollback; nothing was changed: cannot write ";
    assert!(text.starts_with(expected) && text.ends_with("No space left on device (os error 28)"), "{text}");
    assert!(!change.exists());
    assert_eq!(lab.all(), before);
    let names: Vec<String> = fs::read_dir(lab.files())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert_eq!(names, [""; 0], "no second name stays");
}

fn full_in_the_middle() {
    let lab = Lab::at(small());
    let before = lab.all();
    let directory = lab.files().parent().unwrap().to_owned();
    let all = files(&directory);
    on(&lab.host, async |kernel| {
        let intent = intent(&kernel, &all).await;
        let guarded = begin(&lab.state_dir(), &intent).await.unwrap();
        guarded.write(&all[1..]).unwrap();
        fill(&directory);
        let text = chain::chain(&guarded.write(&all[..1]).unwrap_err());
        assert!(text.ends_with("No space left on device (os error 28)"), "{text}");
        let backend = HostBackend::open().unwrap();
        assert_eq!(guarded.roll_back(&backend).await.unwrap(), "rolled back to the previous network");
    });
    assert!(!lab.state_dir().change().exists());
    fs::remove_file(directory.join("filler")).unwrap();
    assert_eq!(lab.all(), before);
}

fn full_at_restore() {
    let directory = small();
    let path = directory.path().join("interfaces");
    fs::write(&path, "old\n").unwrap();
    let kept = FileBackup::create(&path, "1").unwrap();
    DesiredFile::text(&path, "new\n".repeat(4096)).write().unwrap();
    fill(directory.path());
    assert!(kept.restore().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
}
