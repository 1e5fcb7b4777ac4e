//! ifupdown's files for each kind of host, against golden files. `BLESS=1 cargo test -p postscripts` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can not go on fails"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use hostnet::Route;
use postscripts::render::Templates;
use postscripts::steps::network::manager::ifupdown::files::{Tree, wanted};
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::resolve::{Bridge, BridgePlan, resolve};
use support::{bare_host, default_plan, second_plan};

const DEBIAN: &str = "\
# This file describes the network interfaces available on your system
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.99.0.11/16
    gateway 10.99.0.1
";

/// `/etc/network` of a host, in a directory of its own.
struct Etc(tempfile::TempDir);

impl Etc {
    fn new(files: &[(&str, &str)]) -> Self {
        let etc = Self(tempfile::tempdir().unwrap());
        fs::create_dir(etc.0.path().join("interfaces.d")).unwrap();
        for (name, text) in files {
            // as if the directory were /etc/network
            let text = text.replace("/etc/network", &etc.0.path().display().to_string());
            fs::write(etc.0.path().join(name), text).unwrap();
        }
        etc
    }

    /// Writes what the plans want; the files that changed, by name.
    fn apply(&self, plans: &[BridgePlan], host: &Observed) -> Vec<PathBuf> {
        let tree = Tree::read(self.0.path()).unwrap();
        let bridges: Vec<(Bridge, Vec<Route>)> = plans
            .iter()
            .map(|plan| {
                let bridge = resolve(plan, host, tree.remembered(&plan.name)).unwrap();
                let routes = host.routes(&bridge.port).cloned().collect();
                (bridge, routes)
            })
            .collect();
        let templates = Templates::new(Path::new("/nonexistent"));
        let files = wanted(&tree, &bridges, &templates, "20261122-134642").unwrap();
        let changed: Vec<PathBuf> =
            files.iter().filter(|file| file.differs()).map(|file| file.path.clone()).collect();
        for file in &files {
            file.write().unwrap();
        }
        changed
    }

    /// All files with their contents.
    fn text(&self) -> String {
        let mut paths: Vec<PathBuf> = ["", "interfaces.d"]
            .iter()
            .flat_map(|below| fs::read_dir(self.0.path().join(below)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        paths.sort();
        let of =
            |path: &PathBuf| format!("==> {} <==\n{}", path.display(), fs::read_to_string(path).unwrap());
        let all: String = paths.iter().map(of).collect();
        all.replace(&self.0.path().display().to_string(), "/etc/network")
    }
}

fn assert_golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, found).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == found, "{} is not what was rendered; BLESS=1 accepts it:\n{found}", path.display());
}

/// Golden, and a second run changes nothing.
fn check(name: &str, etc: &Etc, plans: &[BridgePlan], host: &Observed) {
    etc.apply(plans, host);
    let text = etc.text();
    assert_golden(name, &text);
    assert_eq!(etc.apply(plans, host), Vec::<PathBuf>::new(), "a second run writes nothing");
    assert_eq!(etc.text(), text);
}

#[test]
fn a_static_host_with_two_bridges() {
    let etc = Etc::new(&[("interfaces", DEBIAN)]);
    check("static", &etc, &[default_plan(), second_plan()], &bare_host());
}

#[test]
fn a_host_with_dhcp_keeps_dhcp() {
    let text = "auto lo\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet dhcp\n";
    let etc = Etc::new(&[("interfaces", text)]);
    check("dhcp", &etc, &[default_plan()], &bare_host());
}

#[test]
fn a_file_of_xcats_configeth_is_moved_away_too() {
    let configeth = "auto eth0\niface eth0 inet static\n  address 10.99.0.11\n  netmask 255.255.0.0\n";
    let main = "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n";
    let etc = Etc::new(&[("interfaces", main), ("interfaces.d/eth0", configeth)]);
    check("configeth", &etc, &[default_plan()], &bare_host());
}

#[test]
fn both_families_a_route_and_an_mtu() {
    let mut plan = default_plan();
    plan.addresses.push("10.99.0.111/16".parse().unwrap());
    plan.addresses.push("fd00:99::11/64".parse().unwrap());
    plan.gateways.push("fd00:99::1".parse().unwrap());
    plan.mtu = Some(9000);
    let mut host = bare_host();
    let route = Route {
        destination: "10.0.0.0/8".parse().unwrap(),
        gateway: Some("10.99.0.2".parse().unwrap()),
        metric: None,
    };
    host.routes.push(("eth0".parse().unwrap(), route));
    let etc = Etc::new(&[("interfaces", DEBIAN)]);
    check("dual-stack", &etc, &[plan], &host);
}

#[test]
fn a_route_of_an_earlier_run_stays() {
    let mut host = bare_host();
    let route = Route {
        destination: "10.0.0.0/8".parse().unwrap(),
        gateway: Some("10.99.0.2".parse().unwrap()),
        metric: None,
    };
    host.routes.push(("eth0".parse().unwrap(), route));
    let etc = Etc::new(&[("interfaces", DEBIAN)]);
    etc.apply(&[default_plan()], &host);
    assert_eq!(etc.apply(&[default_plan()], &bare_host()), Vec::<PathBuf>::new());
}

#[test]
fn the_port_of_an_earlier_run_is_remembered() {
    let etc = Etc::new(&[("interfaces", DEBIAN)]);
    etc.apply(&[default_plan()], &bare_host());
    let tree = Tree::read(etc.0.path()).unwrap();
    assert_eq!(tree.remembered(&"mynet0".parse().unwrap()).unwrap().as_str(), "eth0");
    assert_eq!(tree.remembered(&"br98".parse().unwrap()), None);
}

#[test]
fn somebody_elses_file_of_the_bridge_is_kept() {
    let theirs = "auto mynet0\niface mynet0 inet static\n  bridge_ports eth0\n";
    let etc = Etc::new(&[("interfaces", DEBIAN), ("interfaces.d/mynet0", theirs)]);
    etc.apply(&[default_plan()], &bare_host());
    let backup = etc.0.path().join("interfaces.d-mynet0.xdock-20261122-134642");
    assert_eq!(fs::read_to_string(backup).unwrap(), theirs);
}
