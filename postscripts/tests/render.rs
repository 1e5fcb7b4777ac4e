//! The files of all six network managers for every kind of host, against golden files in `tests/golden/MANAGER/CASE/`: each file
//! at the path where it lands. `BLESS=1 cargo test -p postscripts --test render` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can not go on fails"
)]

mod hosts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hosts::{Etc, stack};
use postscripts::steps::network::manager::Manager;

fn golden(manager: Manager, case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(manager.to_string()).join(case)
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

fn check(manager: Manager, case: &str) {
    let etc = if case == "dhcp" { Etc::with_dhcp(manager) } else { Etc::bare(manager) };
    let stack = stack(case);
    etc.apply(&stack);
    let mut found = below(etc.root());
    found.retain(|path, _| path.starts_with("etc"));
    let directory = golden(manager, case);
    if std::env::var_os("BLESS").is_some() {
        bless(&directory, &found);
    }
    let golden = below(&directory);
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
    assert_eq!(etc.apply(&stack), Vec::<PathBuf>::new(), "a second run writes nothing");
}

macro_rules! managers {
    ($($name:ident: $manager:ident),*) => {
        $(
            mod $name {
                use super::*;

                managers! {
                    @cases $manager,
                    plain: "plain", bond: "bond", vlan: "vlan", bridge: "bridge", bridge_over_bond: "bridge-over-bond",
                    vlan_bond_bridge: "vlan-bond-bridge", bridge_ovs: "bridge-ovs", bridge_ovs_bond: "bridge-ovs-bond",
                    ipv6: "ipv6", mtu_9000: "mtu-9000", two_networks: "two-networks", dhcp: "dhcp"
                }
            }
        )*
    };
    (@cases $manager:ident, $($case:ident: $name:literal),*) => {
        $(
            #[test]
            fn $case() {
                check(Manager::$manager, $name);
            }
        )*
    };
}

managers! {
    ifupdown: Ifupdown, networkd: Networkd, networkmanager: NetworkManager, netplan: Netplan, ifcfg: Ifcfg, wicked: Wicked
}
