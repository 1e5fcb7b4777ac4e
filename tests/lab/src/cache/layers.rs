//! All that a lab takes from the cache, built side by side where it is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::future::{join_all, join4, try_join};
use thiserror::Error;

use crate::cache::apt::Apt;
use crate::cache::image::{self, ImageError};
use crate::cache::installed;
use crate::cache::mn::{self, MnError};
use crate::cache::packages::{self, PackagesError};
use crate::cache::root::{self, RootError};
use crate::cache::variant::{Variant, VariantError};
use crate::dirs::Dirs;
use crate::manager::Manager;
use crate::name::Member;
use crate::plan::{Machine, Spec};

/// What could not be built.
#[derive(Debug, Error)]
pub enum LayersError {
    /// The hosts' Debian.
    #[error("cannot prepare the hosts' Debian")]
    Root(#[from] RootError),
    /// What hosts install.
    #[error("cannot prepare the packages for hosts")]
    Packages(#[from] PackagesError),
    /// The management node's layer.
    #[error("cannot prepare the management node")]
    Mn(#[from] MnError),
    /// A network manager's layer.
    #[error("cannot prepare a Debian with another network manager")]
    Variant(#[from] VariantError),
    /// The image.
    #[error("cannot prepare the image busybox")]
    Image(#[from] ImageError),
}

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Layers {
    root: PathBuf,
    mn: PathBuf,
    /// Where a manager needs more than the root.
    managers: BTreeMap<Manager, PathBuf>,
    packages: PathBuf,
    /// What `docker load` takes.
    pub image: PathBuf,
}

impl Layers {
    /// Finds everything, or builds it and tells so.
    ///
    /// # Errors
    /// What could not be built.
    pub async fn get(dirs: &Dirs, spec: &Spec, say: crate::lab::Say<'_>) -> Result<Self, LayersError> {
        let (cache, suite) = (&dirs.cache, spec.suite.as_str());
        let apt = &Apt::new(cache, suite);
        let packages = packages::entry(cache, suite, &spec.packages);
        let lists = async {
            // debootstrap and apt wait for the network: together they wait once
            if packages.is_whole() { Ok(()) } else { apt.update().await }
        };
        let root = root::entry(cache, suite);
        let build_root = |half: PathBuf| async move {
            say(&format!("making a Debian {suite} (once; a minute)"));
            root::build(suite, &half).await
        };
        let lists = async { lists.await.map_err(PackagesError::from).map_err(LayersError::from) };
        let made = async { root.get(build_root).await.map_err(LayersError::from) };
        let (root, ()) = try_join(made, lists).await?;
        Self::over(root, apt, spec, &packages, say).await
    }

    async fn over(
        root: PathBuf,
        apt: &Apt,
        spec: &Spec,
        packages: &crate::cache::entry::Entry,
        say: crate::lab::Say<'_>,
    ) -> Result<Self, LayersError> {
        let suite = spec.suite.as_str();
        let cache = root.parent().unwrap_or(&root);
        let bare = root.as_path();
        let fetch = |half: PathBuf| async move {
            say(&format!("fetching {} for the hosts (once)", spec.packages.join(", ")));
            packages::build(apt, bare, (suite, &spec.packages), &half).await
        };
        let serve = |half: PathBuf| async move { mn::build(apt, bare, &half).await };
        let load = |half: PathBuf| async move { image::build(apt, bare, &half).await };
        let (mn, image) = (mn::entry(cache, suite, bare), image::entry(cache, suite));
        // all to their ends: one that is dropped half way leaves its mounts behind
        let managers = managers(apt, bare, spec, say);
        let built = join4(packages.get(fetch), mn.get(serve), image.get(load), managers).await;
        let (packages, mn, image, managers) = (built.0?, built.1?, built.2?, built.3?);
        let (mn, image) = (mn.join(installed::LAYER), image.join(image::FILE));
        Ok(Self { root, mn, managers, packages, image })
    }

    /// The layers of a machine's root, topmost first.
    pub fn of(&self, machine: &Machine) -> Vec<PathBuf> {
        match machine.member {
            Member::Mn => vec![self.packages.clone(), self.mn.clone(), self.root.clone()],
            Member::Host(_) => {
                self.managers.get(&machine.manager).into_iter().chain([&self.root]).cloned().collect()
            }
        }
    }
}

async fn managers(
    apt: &Apt,
    root: &Path,
    spec: &Spec,
    say: crate::lab::Say<'_>,
) -> Result<BTreeMap<Manager, PathBuf>, VariantError> {
    let asked: BTreeSet<Manager> = spec.managers.iter().copied().collect();
    let variants: Vec<Variant> =
        asked.into_iter().filter_map(|one| Variant::of(root, &spec.suite, one, spec.assignment)).collect();
    join_all(variants.iter().map(|variant| variant.get(apt, root, say))).await.into_iter().collect()
}
