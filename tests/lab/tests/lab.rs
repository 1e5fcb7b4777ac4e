//! The promises of the lab, tried on a lab of its own. Needs root; the first run builds the cache.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests, not their helpers"
)]

mod own;

use std::path::Path;
use std::time::{Duration, Instant};

use lab::{Lab, LabError, Power, Spec};
use own::{Ended, SOON, name, said};

#[tokio::test]
async fn hosts_boot_reach_each_other_and_nothing_else() {
    let spec = Spec::new(name("a"), 2);
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect("this test needs root, and Debian's mirror for its first run");
    assert_eq!(said(&lab, "mn", &["ssh", "-o", "BatchMode=yes", "host2", "hostname"]).await, "host2");
    assert_eq!(said(&lab, "host1", &["cat", "/proc/sys/net/ipv4/ip_forward"]).await, "0");
    assert_eq!(
        said(&lab, "host1", &["ip", "route"]).await,
        "10.99.0.0/16 dev eth0 proto kernel scope link src 10.99.0.11"
    );
    let packages = "http://mn/install/post/otherpkgs/debian12/x86_64/Packages";
    assert!(said(&lab, "host1", &["wget", "-qO-", packages]).await.contains("\nPackage: docker.io\n"));
    let again = Lab::up(&spec).await.unwrap_err();
    assert!(matches!(again, LabError::AlreadyUp(_)), "{again}");
}

#[tokio::test]
async fn a_power_cut_takes_the_processes_and_leaves_the_disk() {
    let spec = Spec::new(name("b"), 1);
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect("this test needs root, and Debian's mirror for its first run");
    lab.put("host1", Path::new(env!("CARGO_MANIFEST_DIR")).join("files/launch").as_path(), "/opt/new/file")
        .await
        .unwrap();
    said(&lab, "host1", &["sh", "-c", "ip link add left type bridge; touch /run/left; sync"]).await;
    lab.link("host1", "eth1", false).await.unwrap();
    let before = lab.host("host1").unwrap();
    lab.power("host1", Power::Cut).await.unwrap();
    let off = lab.exec("host1", &["true"], SOON).await.unwrap_err();
    assert_eq!(off.to_string(), "host1 is off: `lab power host1 on` starts it");
    lab.power("host1", Power::On).await.unwrap();
    let after = lab.host("host1").unwrap();
    assert_ne!(before.leader, after.leader);
    assert_eq!(before.nics, after.nics, "MACs and pulled cables stay");
    let left = "test -f /opt/new/file && ! test -e /run/left && ! test -e /sys/class/net/left && cat /sys/class/net/eth0/address";
    assert_eq!(said(&lab, "host1", &["sh", "-c", left]).await, "02:78:64:00:00:01");
    lab.power("host1", Power::Off).await.unwrap();
    assert_eq!(lab.host("host1").unwrap().state, "off");
}

#[tokio::test]
async fn a_deadline_ends_the_program_in_the_machine_too() {
    let spec = Spec::new(name("c"), 1);
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect("this test needs root, and Debian's mirror for its first run");
    let start = Instant::now();
    let late = lab.exec("host1", &["sleep", "4242"], Duration::from_secs(1)).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{late}");
    let message = std::error::Error::source(&late).map(ToString::to_string);
    assert_eq!(message.as_deref(), Some("sleep 4242 did not end within 1 s"));
    let failed = lab.exec("host1", &["sh", "-c", "echo no >&2; exit 3"], SOON).await.unwrap_err();
    let message = std::error::Error::source(&failed).map(ToString::to_string);
    assert_eq!(message.as_deref(), Some("sh -c 'echo no >&2; exit 3': no"));
    assert_eq!(said(&lab, "host1", &["sh", "-c", "pgrep -x sleep || echo none"]).await, "none");
}

#[tokio::test]
async fn down_leaves_nothing_behind() {
    let spec = Spec::new(name("d"), 1);
    let lab = {
        let _ended = Ended(spec.name.clone());
        Lab::up(&spec).await.expect("this test needs root, and Debian's mirror for its first run")
    };
    let gone = lab.status().unwrap_err();
    assert_eq!(gone.to_string(), format!("there is no lab {}: `lab up N` makes one", spec.name));
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let names = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let prefix = spec.name.prefix();
    assert!(!names.iter().any(|name| name.starts_with(&prefix)), "{names:?}");
    assert!(!mounts.contains(&format!("/{}/", spec.name)), "{mounts}");
    Lab::remove(&spec.name).await.expect("a second time is fine");
}
