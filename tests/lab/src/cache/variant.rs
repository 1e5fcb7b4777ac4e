//! The layer that makes the hosts' bare Debian one with another network manager.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cache::apt::Apt;
use crate::cache::entry::{Entry, EntryError};
use crate::cache::installed::{self, InstallError};
use crate::manager::{Assignment, Change, Manager};

/// How making the layer failed.
#[derive(Debug, Error)]
pub enum VariantError {
    /// The cache.
    #[error("cannot keep the layer of a network manager in the cache")]
    Entry(#[from] EntryError),
    /// Packages.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Raised when the same packages give another layer.
const FORMAT: &str = "2";

/// What a host of this kind has above the bare root; `None` where the bare root is all.
pub(super) struct Variant {
    manager: Manager,
    change: Change,
    entry: Entry,
}

impl Variant {
    pub(super) fn of(root: &Path, suite: &str, manager: Manager, assignment: Assignment) -> Option<Self> {
        let change = manager.change(suite, assignment);
        if change == Change::default() {
            return None;
        }
        let Change { install, purge, enable } = &change;
        let root_name = root.to_string_lossy();
        let ingredients = [FORMAT, suite, &root_name]
            .into_iter()
            .chain(install.iter().map(String::as_str))
            .chain(["purge"].into_iter().chain(purge.iter().copied()))
            .chain(["enable"].into_iter().chain(enable.iter().copied()));
        let what = format!("{manager:?}-{suite}").to_ascii_lowercase();
        let cache = root.parent().unwrap_or(root);
        let entry = Entry::new(cache, &what, ingredients, &[installed::LAYER]);
        Some(Self { manager, change, entry })
    }

    /// Finds the layer, or builds it.
    pub(super) async fn get(
        &self,
        apt: &Apt,
        root: &Path,
        say: crate::lab::Say<'_>,
    ) -> Result<(Manager, PathBuf), VariantError> {
        let build = |half: PathBuf| async move {
            say(&format!("making a Debian with {:?} (once)", self.manager));
            installed::build(apt, root, &self.change, &half).await.map(drop).map_err(VariantError::from)
        };
        Ok((self.manager, self.entry.get(build).await?.join(installed::LAYER)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_from_the_bare_root_has_a_layer() {
        let root = Path::new("/c/root-x");
        let of = |manager, how| Variant::of(root, "bookworm", manager, how).map(|found| found.entry);
        assert!(of(Manager::Ifupdown, Assignment::Static).is_none());
        let name = |entry: Option<Entry>| entry.unwrap().path().display().to_string();
        assert!(name(of(Manager::Netplan, Assignment::Static)).starts_with("/c/netplan-bookworm-"));
        assert_eq!(
            name(of(Manager::Netplan, Assignment::Static)),
            name(of(Manager::Netplan, Assignment::Dhcp)),
            "one root serves both"
        );
        assert_ne!(
            name(of(Manager::Ifupdown, Assignment::Dhcp)),
            name(of(Manager::Networkd, Assignment::Dhcp))
        );
    }
}
