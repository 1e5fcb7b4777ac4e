//! Hosts under each network manager, tried on labs of their own. Needs root; the first run builds the cache.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not their helpers"
)]

mod own;

use lab::{Assignment, Fabric, Lab, LabError, Manager, Power, Spec};
use own::{Ended, name, said};

const ALL: [Manager; 4] = [Manager::Ifupdown, Manager::Networkd, Manager::NetworkManager, Manager::Netplan];

/// The command that shows the manager of `eth0`, its output, and whether ifupdown is installed.
fn owner(manager: Manager) -> (&'static str, &'static str, bool) {
    let file = "networkctl status eth0 | sed -n 's/ *Network File: //p'";
    match manager {
        Manager::Ifupdown => ("ifquery --state eth0", "eth0=eth0", true),
        Manager::Networkd => (file, "/etc/systemd/network/10-eth0.network", true),
        Manager::NetworkManager => ("nmcli -g GENERAL.CONNECTION device show eth0", "eth0", false),
        Manager::Netplan => (file, "/run/systemd/network/10-netplan-eth0.network", false),
    }
}

fn spec(of: &str, suite: &str, managers: &[Manager], assignment: Assignment) -> Spec {
    let hosts = managers.len().try_into().unwrap();
    let plain = Spec::new(name(of), hosts);
    let packages = lab::plan::default_packages(suite);
    Spec { suite: suite.to_owned(), packages, managers: managers.to_vec(), assignment, ..plain }
}

/// Boots one host of each, and again after an orderly end: each has its address and the management node reaches it.
async fn each_boots_and_reboots(spec: &Spec) {
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(spec).await.expect("this test needs root, and Debian's mirror for its first run");
    for again in [false, true] {
        for (index, manager) in spec.managers.iter().enumerate() {
            let host = format!("host{}", index + 1);
            if again {
                lab.power(&host, Power::Off).await.unwrap();
                lab.power(&host, Power::On).await.unwrap();
            }
            configured(&lab, &host, *manager, spec.assignment).await;
        }
    }
}

async fn configured(lab: &Lab, host: &str, manager: Manager, assignment: Assignment) {
    let address = lab.host(host).unwrap().address.to_string();
    let shown = said(lab, host, &["ip", "-4", "-o", "address", "show", "dev", "eth0"]).await;
    assert!(shown.contains(&format!(" inet {address}/16 ")), "{manager:?}: {shown}");
    assert_eq!(shown.contains(" dynamic "), assignment == Assignment::Dhcp, "{manager:?}: {shown}");
    let (who, says, ifupdown) = owner(manager);
    assert_eq!(said(lab, host, &["sh", "-c", who]).await, says, "{manager:?}");
    let has = said(lab, host, &["sh", "-c", "command -v ifup || echo none"]).await;
    assert_eq!(has, if ifupdown { "/usr/sbin/ifup" } else { "none" });
    said(lab, "mn", &["ping", "-c", "1", "-W", "5", host]).await;
    let eth1 = said(lab, host, &["ip", "-o", "address", "show", "dev", "eth1"]).await;
    assert_eq!(eth1, "", "eth1 is not configured");
    said(lab, host, &["systemctl", "start", "network-online.target"]).await;
}

#[tokio::test]
async fn each_manager_boots_with_its_address_and_reboots_with_it() {
    each_boots_and_reboots(&spec("m", "bookworm", &ALL, Assignment::Static)).await;
}

#[tokio::test]
async fn each_manager_gets_its_address_from_mn() {
    each_boots_and_reboots(&spec("n", "bookworm", &ALL, Assignment::Dhcp)).await;
}

#[tokio::test]
async fn debian_13_boots_too() {
    each_boots_and_reboots(&spec("o", "trixie", &ALL, Assignment::Static)).await;
}

#[tokio::test]
async fn udev_gives_new_devices_the_mac_of_its_policy() {
    let managers = [Manager::Networkd, Manager::NetworkManager];
    let spec = Spec { udev: true, ..spec("q", "bookworm", &managers, Assignment::Static) };
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect("this test needs root, and Debian's mirror for its first run");
    // 99-default.link: MACAddressPolicy=persistent makes it of the machine-id and the name
    let made = "ip link add new type bridge; udevadm wait --timeout=15 /sys/class/net/new; \
                cat /sys/class/net/new/address; ip link del new";
    for host in ["host1", "host2"] {
        let first = said(&lab, host, &["sh", "-ec", made]).await;
        assert_eq!(said(&lab, host, &["sh", "-ec", made]).await, first, "{host}");
        configured(&lab, host, lab.host(host).unwrap().manager, Assignment::Static).await;
    }
}

#[tokio::test]
async fn a_routed_lab_has_no_dhcp() {
    let spec = Spec { fabric: Fabric::L3, ..spec("p", "bookworm", &ALL, Assignment::Dhcp) };
    let refused = Lab::up(&spec).await.unwrap_err();
    assert!(matches!(refused, LabError::DhcpRouted), "{refused}");
    assert_eq!(
        refused.to_string(),
        "hosts behind a router get no address by DHCP: take --fabric flat or --address static"
    );
}
