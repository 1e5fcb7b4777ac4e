//! Golden files: the `/etc` of a host, each file at its path. `BLESS=1` writes them again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where they are.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The files below a directory, by their path.
fn below(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => directories.push(path),
                false => {
                    let text = fs::read_to_string(&path).unwrap();
                    files.insert(path.strip_prefix(directory).unwrap().to_owned(), text);
                }
            }
        }
    }
    files
}

fn bless(directory: &Path, files: &BTreeMap<PathBuf, String>) {
    let _ = fs::remove_dir_all(directory);
    for (path, text) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Compares the `/etc` of a host with golden files.
pub(crate) fn check(root: &Path, directory: &Path) {
    let mut found = below(root);
    found.retain(|path, _| path.starts_with("etc"));
    if std::env::var_os("BLESS").is_some() {
        bless(directory, &found);
    }
    let golden = below(directory);
    for (path, text) in &found {
        let known = golden.get(path).map(String::as_str).unwrap_or_default();
        let at = directory.join(path);
        assert!(known == text, "{} is not what was rendered; BLESS=1 accepts it:\n{text}", at.display());
    }
    let paths = |files: &BTreeMap<PathBuf, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        paths(&golden),
        paths(&found),
        "{}: BLESS=1 accepts the files that were rendered",
        directory.display()
    );
}
