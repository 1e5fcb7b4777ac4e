//! qemu, without installing it on the machine: Debian's packages are unpacked in the cache, with all libraries that
//! the hosts' bare Debian does not have, and started through that Debian's own loader. So it is the same qemu
//! everywhere, and quarrels with no version that the machine may have.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::cache::apt::{Apt, AptError};
use lab::cache::entry::{Entry, EntryError};
use process::{Command, ExecuteError};
use thiserror::Error;

/// How qemu could not be had.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// The cache.
    #[error("cannot keep qemu in the cache")]
    Entry(#[from] EntryError),
    /// The download.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// dpkg-deb.
    #[error("cannot unpack the packages of qemu")]
    Unpack(#[source] Box<ExecuteError>),
}

/// Raised when the same packages give another tree.
const FORMAT: &str = "1";
const PACKAGE: &str = "qemu-system-x86";
const EMULATOR: &str = "usr/bin/qemu-system-x86_64";
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
/// Debian's loader; the program is started through it, so the machine's own C library is not asked.
const LOADER: &str = "lib64/ld-linux-x86-64.so.2";

/// One package after the other: `dpkg-deb` takes one.
const UNPACK: &str =
    "for deb in \"$1\"/debs/*.deb; do dpkg-deb --extract \"$deb\" \"$1/tree\"; done; rm -r \"$1/debs\"";

/// qemu in the cache.
#[derive(Debug, Clone)]
pub struct Program {
    /// The bare Debian whose loader and libraries it uses.
    root: PathBuf,
    /// What its packages have.
    tree: PathBuf,
}

impl Program {
    /// Finds it, or fetches it once.
    ///
    /// # Errors
    /// What apt or dpkg-deb said.
    pub async fn get(apt: &Apt, root: &Path, say: lab::lab::Say<'_>) -> Result<Self, ProgramError> {
        let cache = root.parent().unwrap_or(root);
        let name = root.to_string_lossy();
        let witnesses = ["tree/usr/bin/qemu-system-x86_64", "tree/usr/share/seabios/bios-256k.bin"];
        let entry = Entry::new(cache, "qemu", [FORMAT, PACKAGE, &name], &witnesses);
        let build = |half: PathBuf| async move {
            say("fetching qemu (once)");
            apt.download(root, &[PACKAGE.to_owned()], &half.join("debs")).await?;
            let unpack = Command::new("sh", Duration::from_secs(120)).args(["-ec", UNPACK, "unpack"]);
            let unpacked = unpack.args([&half]).execute().await;
            unpacked.map(drop).map_err(|source| ProgramError::Unpack(source.into()))
        };
        let tree = entry.get(build).await?.join("tree");
        Ok(Self { root: root.to_owned(), tree })
    }

    /// The arguments that start it, with the paths of its files.
    pub fn words(&self) -> Vec<OsString> {
        let within = |path: &str| self.tree.join(path).into_os_string();
        let mut modules = OsString::from("QEMU_MODULE_DIR=");
        modules.push(within("usr/lib/x86_64-linux-gnu/qemu"));
        let loader = self.root.join(LOADER).into_os_string();
        let mut words: Vec<OsString> = vec!["env".into(), modules, loader, "--library-path".into()];
        words.extend([self.libraries(), within(EMULATOR)]);
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            words.extend(["-L".into(), within(firmware)]);
        }
        words
    }

    fn libraries(&self) -> OsString {
        let places =
            [&self.tree, &self.root].into_iter().flat_map(|tree| LIBRARIES.map(|path| tree.join(path)));
        let mut list = OsString::new();
        for place in places {
            if !list.is_empty() {
                list.push(":");
            }
            list.push(place);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemu_runs_by_the_cached_debians_loader() {
        let program = Program { root: "/c/root".into(), tree: "/c/qemu/tree".into() };
        assert_eq!(
            program.words(),
            [
                "env",
                "QEMU_MODULE_DIR=/c/qemu/tree/usr/lib/x86_64-linux-gnu/qemu",
                "/c/root/lib64/ld-linux-x86-64.so.2",
                "--library-path",
                "/c/qemu/tree/usr/lib/x86_64-linux-gnu:/c/qemu/tree/lib/x86_64-linux-gnu:\
                 /c/root/usr/lib/x86_64-linux-gnu:/c/root/lib/x86_64-linux-gnu",
                "/c/qemu/tree/usr/bin/qemu-system-x86_64",
                "-L",
                "/c/qemu/tree/usr/share/qemu",
                "-L",
                "/c/qemu/tree/usr/share/seabios",
            ]
        );
    }
}
