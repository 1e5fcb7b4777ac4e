//! File systems in memory.

use std::str::FromStr;

use crate::container::Tmpfs;

/// Options without a value that the engine accepts (moby `volume/mounts/linux_parser.go`, `pkg/mount`).
const FLAGS: [&str; 18] = [
    "ro",
    "rw",
    "exec",
    "noexec",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "sync",
    "async",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
];

/// Options of tmpfs(5) with a value.
const VALUES: [&str; 7] = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

const FORM: &str = "the form is tmpfs=PATH[:OPTION,OPTION], such as tmpfs=/run:size=64m,mode=1777";

impl FromStr for Tmpfs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, options) = text.split_once(':').unwrap_or((text, ""));
        if !path.starts_with('/') || path == "/" || path.split('/').any(|part| part == "..") {
            return Err(FORM.to_owned());
        }
        let mut wrong = options.split(',').filter(|option| !option.is_empty() && !is_tmpfs_option(option));
        match wrong.next() {
            Some(option) => Err(format!("{option:?} is not a mount option of tmpfs; {FORM}")),
            None => Ok(Self { path: path.to_owned(), options: options.to_owned() }),
        }
    }
}

/// Whether an item is a mount option of the previous `tmpfs=` item.
pub(super) fn is_tmpfs_option(text: &str) -> bool {
    match text.split_once('=') {
        Some((name, value)) => VALUES.contains(&name) && !value.is_empty(),
        None => FLAGS.contains(&text),
    }
}

/// Adds an item, or a mount option to the last one.
pub(super) fn add_tmpfs(all: &mut Vec<Tmpfs>, value: &str) -> Result<(), String> {
    if let Some(last) = all.last_mut().filter(|_| is_tmpfs_option(value)) {
        let separator = if last.options.is_empty() { "" } else { "," };
        last.options = format!("{}{separator}{value}", last.options);
        return Ok(());
    }
    let new: Tmpfs = value.parse()?;
    if all.iter().any(|other| other.path == new.path) {
        return Err(format!("tmpfs={} is given twice", new.path));
    }
    all.push(new);
    Ok(())
}
