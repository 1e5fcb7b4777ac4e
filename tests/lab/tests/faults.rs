//! Disks, pings, tagged frames and Open vSwitch, tried on labs of their own. Needs root; the first run builds the cache.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests, not their helpers"
)]

mod own;

use std::time::Duration;

use lab::{Disk, Lab, Power, Spec};
use own::{Ended, name, said};

const NEEDS: &str = "this test needs root, and Debian's mirror for its first run";

async fn shell(lab: &Lab, host: &str, script: &str) -> String {
    said(lab, host, &["sh", "-ec", script]).await
}

#[tokio::test]
async fn a_full_disk_takes_nothing_until_it_is_free() {
    let spec = Spec { disk: Some("512M".parse().unwrap()), ..Spec::new(name("e"), 1) };
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect(NEEDS);
    shell(&lab, "host1", "echo before >/root/before").await;
    lab.disk_to("host1", Disk::Full).await.unwrap();
    for place in ["/root", "/var/lib/docker"] {
        let write = format!(
            "dd if=/dev/zero of={place}/more bs=64k count=64 2>&1 | grep -o 'No space left on device'"
        );
        assert_eq!(shell(&lab, "host1", &write).await, "No space left on device");
    }
    lab.power("host1", Power::Cut).await.unwrap();
    lab.power("host1", Power::On).await.unwrap();
    assert_eq!(shell(&lab, "host1", "cat /root/before").await, "before");
    lab.disk_to("host1", Disk::Free).await.unwrap();
    assert_eq!(shell(&lab, "host1", "rm -f /root/more; echo 1 >/root/more; cat /root/more").await, "1");
    let size = shell(&lab, "host1", "df --output=size -BM / | tail -1").await;
    assert!((400..512).contains(&size.trim().trim_end_matches('M').parse::<u32>().unwrap()), "{size}");
    let none = lab.disk_to("mn", Disk::Full).await.unwrap_err();
    assert_eq!(
        none.to_string(),
        "mn has all of the machine's disk: `lab up N --disk 2G` gives hosts one of their own"
    );
}

#[tokio::test]
async fn lost_pings_are_counted() {
    let spec = Spec::new(name("f"), 1);
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect(NEEDS);
    let watch = lab.watch_ping("host1", Duration::from_millis(100)).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let quiet = watch.stop().await.unwrap();
    assert_eq!(quiet.lost, 0, "{quiet:?}");
    assert!(quiet.sent >= 10, "{quiet:?}");
    assert!(quiet.longest_silence < Duration::from_secs(5), "{quiet:?}");
    let watch = lab.watch_ping("host1", Duration::from_millis(100)).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    lab.link("host1", "eth0", false).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    lab.link("host1", "eth0", true).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let broken = watch.stop().await.unwrap();
    assert!(broken.lost >= 10 && broken.sent >= broken.lost + 10, "{broken:?}");
    assert!(broken.longest_silence.as_millis() >= 1900, "{broken:?}");
}

/// Two switches with two VLANs over the hosts' second NICs, in the userspace datapath.
const SWITCH: &str = r"
echo 'deb [trusted=yes] http://mn/install/post/otherpkgs/debian12/x86_64 ./' >/etc/apt/sources.list
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install openvswitch-switch >/dev/null
ip link set eth1 up
ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 eth1
for tag in 10 20; do
    ovs-vsctl add-port br0 v$tag tag=$tag -- set interface v$tag type=internal
    ip netns add t$tag
    ip link set v$tag netns t$tag
    ip -n t$tag address add 192.168.7.$tag$1/24 dev v$tag
    ip -n t$tag link set v$tag up
done
";

#[tokio::test]
async fn open_vswitch_runs_and_tagged_frames_pass() {
    let spec = Spec { checksums: true, ..Spec::new(name("g"), 2) };
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect(NEEDS);
    for (host, number) in [("host1", "1"), ("host2", "2")] {
        lab.exec(host, &["sh", "-ec", SWITCH, "switch", number], Duration::from_secs(300)).await.unwrap();
    }
    // 192.168.7.102 is host2 in VLAN 10, .202 in VLAN 20
    for (from, to, fails) in
        [("t10", "102", ""), ("t20", "202", ""), ("t10", "202", "1"), ("t20", "102", "1")]
    {
        let ping = format!("ip netns exec {from} ping -c 2 -i 0.2 -W 2 192.168.7.{to} >/dev/null || echo $?");
        assert_eq!(shell(&lab, "host1", &ping).await, fails, "{from} to {to}");
    }
    // a frame of another kernel's TCP, taken from a packet socket and given to a tap, needs its checksum
    let server = "ovs-vsctl add-port br0 v0 -- set interface v0 type=internal; ip netns add t0; ip link set v0 netns t0; \
                  ip -n t0 address add 192.168.8.2/24 dev v0; ip -n t0 link set v0 up; ip netns exec t0 /usr/sbin/sshd -p 2222";
    shell(&lab, "host2", server).await;
    let client = "ip address add 192.168.8.1/24 dev eth1; ip link set eth1 up; \
                  timeout 15 bash -c 'exec 3<>/dev/tcp/192.168.8.2/2222; head -c 8 <&3'";
    assert_eq!(shell(&lab, "mn", client).await, "SSH-2.0-");
    lab.power("host1", Power::Off).await.unwrap();
    lab.power("host1", Power::On).await.unwrap();
    let after = "systemctl is-active ovsdb-server ovs-vswitchd; ovs-vsctl list-ports br0 | xargs";
    assert_eq!(shell(&lab, "host1", after).await, "active\nactive\neth1 v10 v20");
}

#[tokio::test]
async fn two_nics_of_a_bond_are_on_one_ethernet() {
    let spec = Spec { nics: 3, bonded: true, ..Spec::new(name("h"), 1) };
    let _ended = Ended(spec.name.clone());
    let lab = Lab::up(&spec).await.expect(NEEDS);
    assert_eq!(lab.host("host1").unwrap().nics.len(), 3);
    let through = "ip link set eth1 up; ip address add 10.99.9.9/32 dev eth1; \
                   ping -I eth1 -c 1 -W 5 10.99.0.1 >/dev/null; echo reached";
    assert_eq!(shell(&lab, "host1", through).await, "reached");
}
