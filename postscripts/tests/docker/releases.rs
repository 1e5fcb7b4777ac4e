//! Each recorded distribution and its packages.

use std::fs;
use std::path::Path;

use postscripts::steps::docker::packages::{Needs, choose};
use postscripts::steps::docker::release::Release;

fn release(distribution: &str) -> Result<Release, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/os-release").join(distribution);
    fs::read_to_string(path)
        .unwrap()
        .parse()
        .map_err(|error: postscripts::steps::docker::release::UnknownRelease| error.to_string())
}

const WANTED: [(&str, &str, &str); 17] = [
    ("debian-11", "debian 11", "docker.io iptables openvswitch-switch"),
    ("debian-12", "debian 12", "docker.io iptables openvswitch-switch"),
    ("debian-13", "debian 13", "docker.io docker-cli iptables openvswitch-switch"),
    ("debian-sid", "debian", "docker.io docker-cli iptables openvswitch-switch"),
    ("ubuntu-20.04", "ubuntu 20.04", "docker.io iptables openvswitch-switch"),
    ("ubuntu-22.04", "ubuntu 22.04", "docker.io iptables openvswitch-switch"),
    ("ubuntu-24.04", "ubuntu 24.04", "docker.io iptables openvswitch-switch"),
    ("rhel-8", "rhel 8.10", "docker-ce docker-ce-cli containerd.io openvswitch"),
    ("rhel-9", "rhel 9.4", "docker-ce docker-ce-cli containerd.io openvswitch"),
    ("rocky-8", "rocky 8.10", "docker-ce docker-ce-cli containerd.io openvswitch"),
    ("rocky-9", "rocky 9.4", "docker-ce docker-ce-cli containerd.io openvswitch"),
    ("almalinux-9", "almalinux 9.4", "docker-ce docker-ce-cli containerd.io openvswitch"),
    ("centos-stream-9", "centos 9", "docker-ce docker-ce-cli containerd.io openvswitch"),
    ("fedora-41", "fedora 41", "moby-engine openvswitch"),
    ("opensuse-leap-15.6", "opensuse-leap 15.6", "docker openvswitch"),
    ("sles-15", "sles 15.6", "docker openvswitch"),
    ("amazon-2023", "amzn 2023", "docker openvswitch"),
];

#[test]
fn every_recorded_distribution_has_its_packages() {
    for (file, name, packages) in WANTED {
        let release = release(file).unwrap();
        assert_eq!(release.to_string(), name);
        let chosen = |ovs, apparmor| choose(&release, Needs { ovs, apparmor }).all().join(" ");
        assert_eq!(chosen(true, false), packages, "{name}");
        let (engine, switch) = packages.rsplit_once(' ').unwrap();
        assert_eq!(chosen(false, false), engine, "{name}");
        let is_debians = ["debian", "ubuntu"].iter().any(|family| file.starts_with(family));
        let with_apparmor =
            if is_debians { format!("{engine} apparmor {switch}") } else { packages.to_owned() };
        assert_eq!(chosen(true, true), with_apparmor, "{name}");
    }
}

#[test]
fn an_unknown_one_is_named() {
    let text = "distribution \"arch\" is not supported; name the packages to install: packages=NAME:NAME";
    assert_eq!(release("arch"), Err(text.to_owned()));
}
