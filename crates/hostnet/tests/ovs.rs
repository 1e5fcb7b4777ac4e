//! A real Open vSwitch, and what is configured there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failure fails the test")]

mod namespace;
mod switch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hostnet::ovs::{BridgeSpec, PortSpec, Switch, SwitchError};
use hostnet::{Kernel, Veth};
use inventory::Datapath;
use namespace::{alone, mac, name, veth};
use switch::Daemons;

const LONG: Duration = Duration::from_secs(30);

async fn wire(kernel: &Kernel, end: &str, far: &str) {
    let pair = Veth { host_end: name(end), container_end: name(far), bridge: None, ..veth(0) };
    kernel.attach(&pair).await.unwrap();
    kernel.set_up(&pair.container_end, true).await.unwrap();
}

fn bridge() -> BridgeSpec {
    BridgeSpec {
        name: name("br0"),
        datapath: Datapath::Netdev,
        mac: Some(mac("02:00:00:00:00:01")),
        uplink: name("up0"),
        tag: Some(5),
        mtu: Some(1400),
    }
}

fn port(tag: Option<u16>) -> PortSpec {
    let external_ids = BTreeMap::from([("xdock-node".to_owned(), "d1".to_owned())]);
    PortSpec { bridge: name("br0"), port: name("xh1"), tag, external_ids }
}

/// A switch with the bridge of [`bridge`], whose uplink is a wire, and a pair `xh1`, `xc1` that is not plugged in.
async fn ready() -> (Daemons, Kernel, Switch) {
    let daemons = Daemons::start();
    let kernel = Kernel::open().unwrap();
    wire(&kernel, "up0", "far0").await;
    wire(&kernel, "xh1", "xc1").await;
    let switch = Switch::open(&daemons.remote()).unwrap().patience(LONG);
    assert!(switch.add_bridge(&bridge()).await.unwrap());
    (daemons, kernel, switch)
}

#[test]
fn a_bridge_is_made_with_uplink_and_internal_port() {
    alone(async || {
        let (daemons, kernel, switch) = ready().await;
        assert!(!switch.add_bridge(&bridge()).await.unwrap(), "it was there already");
        let observed = switch.observe().await.unwrap();
        let [made] = observed.bridges.as_slice() else { panic!("{observed:?}") };
        assert_eq!((made.name.as_str(), made.datapath.as_str(), made.stp), ("br0", "netdev", false));
        assert_eq!(
            (made.fail_mode.as_deref(), made.hwaddr),
            (Some("standalone"), Some(mac("02:00:00:00:00:01")))
        );
        let ports: Vec<_> = made.ports.iter().map(|port| (port.name.as_str(), port.tag)).collect();
        assert_eq!(ports, [("br0", Some(5)), ("up0", None)]);
        let internal = &made.ports[0].interfaces[0];
        assert_eq!(
            (internal.kind.as_str(), internal.mac_in_use),
            ("internal", Some(mac("02:00:00:00:00:01")))
        );
        assert_eq!(made.faults().count(), 0);
        let device = kernel.link(&name("br0")).await.unwrap().unwrap();
        assert_eq!((device.mtu, device.mac), (1400, Some(mac("02:00:00:00:00:01"))));
        // a status, which ovs-vswitchd refreshes when it has time
        let begun = Instant::now();
        let told = async || switch.observe().await.unwrap().port("br0").unwrap().1.interfaces[0].mac_in_use;
        while told().await != Some(mac("02:00:00:00:00:01")) {
            assert!(begun.elapsed() < LONG, "mac_in_use is never the bridge's");
        }
        drop(daemons);
    });
}

#[test]
fn a_bridge_of_others_is_brought_to_what_it_has_to_be() {
    alone(async || {
        let (daemons, _kernel, switch) = ready().await;
        daemons
            .vsctl("set bridge br0 stp_enable=true fail_mode=secure other_config:hwaddr=02:00:00:00:00:09");
        daemons.vsctl("set port br0 tag=6 -- set port up0 tag=7 -- set interface br0 mtu_request=1300");
        daemons
            .vsctl("add-br br1 -- set bridge br1 datapath_type=netdev -- del-port up0 -- add-port br1 up0");
        assert!(switch.add_bridge(&bridge()).await.unwrap());
        assert_eq!(daemons.vsctl("port-to-br up0"), "br0");
        assert_eq!(daemons.vsctl("get bridge br0 stp_enable fail_mode"), "false\nstandalone");
        assert_eq!(daemons.vsctl("get bridge br0 other_config:hwaddr"), "\"02:00:00:00:00:01\"");
        assert_eq!(daemons.vsctl("get port br0 tag"), "5");
        assert_eq!(daemons.vsctl("get port up0 tag"), "[]");
        assert_eq!(daemons.vsctl("get interface br0 mtu_request"), "1400");
        assert!(switch.del_bridge(&name("br0")).await.unwrap());
        assert!(!switch.del_bridge(&name("br0")).await.unwrap());
        assert_eq!(daemons.vsctl("list-br"), "br1");
    });
}

#[test]
fn what_can_not_be_used_is_told_in_the_words_of_ovs_vswitchd() {
    alone(async || {
        let (_daemons, kernel, switch) = ready().await;
        kernel.delete(&name("xh1")).await.unwrap();
        let error = switch.plug(&port(Some(7))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "ovs-vswitchd cannot use interface xh1 of bridge br0: could not open network device xh1 (No such device)"
        );
        let observed = switch.observe().await.unwrap();
        let (_, left) = observed.port("xh1").unwrap();
        assert_eq!(left.interfaces[0].ofport, Some(-1));
        let elsewhere = PortSpec { bridge: name("br9"), ..port(None) };
        assert_eq!(switch.plug(&elsewhere).await.unwrap_err().to_string(), "Open vSwitch has no bridge br9");
        let no_uplink = BridgeSpec { name: name("br1"), uplink: name("nic9"), ..bridge() };
        assert_eq!(
            switch.add_bridge(&no_uplink).await.unwrap_err().to_string(),
            "ovs-vswitchd cannot use interface nic9 of bridge br1: could not open network device nic9 (No such device)"
        );
    });
}

#[test]
fn a_port_is_plugged_moved_retagged_and_unplugged() {
    alone(async || {
        let (daemons, _kernel, switch) = ready().await;
        let number = switch.plug(&port(Some(7))).await.unwrap();
        assert_eq!(switch.plug(&port(Some(7))).await.unwrap(), number, "again");
        assert_eq!(daemons.vsctl("get interface xh1 ofport"), number.to_string());
        assert_eq!(daemons.vsctl("get port xh1 tag external_ids"), "7\n{xdock-node=d1}");
        // somebody else's hand
        daemons.vsctl(
            "set port xh1 tag=8 trunks=1,2 vlan_mode=trunk external_ids:xdock-node=d2 external_ids:note=x",
        );
        switch.plug(&port(Some(7))).await.unwrap();
        assert_eq!(daemons.vsctl("get port xh1 tag trunks vlan_mode"), "7\n[]\n[]");
        assert_eq!(daemons.vsctl("get port xh1 external_ids"), "{note=x, xdock-node=d1}");
        daemons
            .vsctl("add-br br1 -- set bridge br1 datapath_type=netdev -- del-port xh1 -- add-port br1 xh1");
        switch.plug(&port(Some(7))).await.unwrap();
        assert_eq!(daemons.vsctl("port-to-br xh1"), "br0");
        switch.set_tag(&name("xh1"), Some(0)).await.unwrap();
        assert_eq!(daemons.vsctl("get port xh1 tag"), "0");
        assert!(switch.observe().await.unwrap().port("xh1").unwrap().1.is_in(Some(0)));
        assert!(switch.unplug(&name("xh1")).await.unwrap());
        assert!(!switch.unplug(&name("xh1")).await.unwrap());
        assert_eq!(daemons.vsctl("list-ports br0"), "up0");
        let error = switch.set_tag(&name("xh1"), None).await.unwrap_err();
        assert_eq!(error.to_string(), "Open vSwitch has no port xh1");
    });
}

/// Which ports and VLANs the switch believes an Ethernet address is in.
fn learned(daemons: &Daemons, mac: &str) -> Vec<String> {
    let table = daemons.appctl("fdb/show br0");
    let rows = table.lines().filter(|row| row.contains(mac));
    rows.map(|row| row.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
}

async fn until_learned(daemons: &Daemons, mac: &str) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let rows = learned(daemons, mac);
        if !rows.is_empty() {
            return rows;
        }
        assert!(begun.elapsed() < LONG, "{mac} is never learned");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn an_announcement_comes_out_of_the_containers_port_in_its_vlan() {
    alone(async || {
        let (daemons, _kernel, switch) = ready().await;
        let number = switch.plug(&port(Some(7))).await.unwrap();
        let (br0, xh1) = (name("br0"), name("xh1"));
        for (address, mac) in [("10.99.1.1", "02:42:0a:63:01:01"), ("fd00::1", "02:42:0a:63:01:02")] {
            switch.announce(&br0, &xh1, address.parse().unwrap(), self::mac(mac)).await.unwrap();
            assert_eq!(until_learned(&daemons, mac).await, [format!("{number} 7")]);
        }
        let address = "10.99.1.1".parse().unwrap();
        let error = switch.announce(&br0, &name("xh9"), address, mac("02:42:0a:63:01:01")).await.unwrap_err();
        assert_eq!(error.to_string(), "Open vSwitch has no port xh9");
        let error = switch.announce(&name("br9"), &xh1, address, mac("02:42:0a:63:01:01")).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot announce 10.99.1.1 through port xh1 of bridge br9");
    });
}

/// A frame with a tag of its own, out of an interface.
fn send_tagged(device: &str, source: &str, vlan: u8) {
    let source: [u8; 6] = mac(source).octets();
    let frame = [&[0xff; 6][..], &source, &[0x81, 0, 0, vlan, 0x08, 0x06], &[0; 46]].concat();
    let socket = socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, None).unwrap();
    let address = nix::ifaddrs::getifaddrs()
        .unwrap()
        .find_map(|entry| entry.address.filter(|_| entry.interface_name == device)?.as_link_addr().copied())
        .unwrap();
    let words = [std::io::IoSlice::new(&frame)];
    let flags = nix::sys::socket::MsgFlags::empty();
    let raw = std::os::fd::AsRawFd::as_raw_fd(&socket);
    nix::sys::socket::sendmsg(raw, &words, &[], flags, Some(&address)).unwrap();
}

#[test]
fn what_a_container_tags_itself_stays_outside() {
    alone(async || {
        let (daemons, _kernel, switch) = ready().await;
        switch.plug(&port(Some(0))).await.unwrap();
        send_tagged("xc1", "02:00:00:00:00:71", 9);
        switch.plug(&port(Some(7))).await.unwrap();
        send_tagged("xc1", "02:00:00:00:00:72", 9);
        // a trunk would let it in; and what came before is through
        switch.plug(&port(None)).await.unwrap();
        send_tagged("xc1", "02:00:00:00:00:73", 9);
        until_learned(&daemons, "02:00:00:00:00:73").await;
        assert!(learned(&daemons, "02:00:00:00:00:71").is_empty());
        assert!(learned(&daemons, "02:00:00:00:00:72").is_empty());
    });
}

#[test]
fn thirty_at_once_are_all_plugged_in() {
    alone(async || {
        let (daemons, kernel, switch) = ready().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 10..40 {
            wire(&kernel, &format!("xh{number}"), &format!("xc{number}")).await;
            let (switch, port) =
                (switch.clone(), PortSpec { port: name(&format!("xh{number}")), ..port(Some(7)) });
            tasks.spawn(async move { switch.plug(&port).await });
        }
        let numbers: std::collections::BTreeSet<i64> =
            tasks.join_all().await.into_iter().map(|number| number.unwrap()).collect();
        assert_eq!(numbers.len(), 30);
        assert_eq!(daemons.vsctl("list-ports br0").lines().count(), 31);
    });
}

#[test]
fn ovs_vswitchd_that_does_not_run_is_told_apart_and_taken_up_again() {
    alone(async || {
        let (mut daemons, _kernel, switch) = ready().await;
        daemons.kill_vswitchd();
        let hasty = switch.clone().patience(Duration::from_millis(300));
        let error = hasty.plug(&port(Some(7))).await.unwrap_err();
        assert!(matches!(error, SwitchError::NotApplied { .. }));
        assert_eq!(
            error.to_string(),
            "cannot plug xh1 into bridge br0: ovs-vswitchd has not taken it within 0.3 s; does it run? systemctl status openvswitch-switch"
        );
        // and unplugging needs it not
        assert!(switch.unplug(&name("xh1")).await.unwrap());
        daemons.start_vswitchd();
        switch.plug(&port(Some(7))).await.unwrap();
    });
}

#[test]
fn a_database_that_was_lost_is_noticed_and_the_next_one_used() {
    alone(async || {
        let (mut daemons, _kernel, switch) = ready().await;
        let mut watch = switch.watch().await.unwrap();
        switch.plug(&port(Some(7))).await.unwrap();
        tokio::time::timeout(LONG, watch.changed()).await.unwrap().unwrap();
        daemons.kill_server();
        let error = switch.observe().await.unwrap_err();
        assert!(matches!(error, SwitchError::Database { .. }), "{error}");
        daemons.create_database();
        daemons.start_server();
        let begun = Instant::now();
        loop {
            match switch.observe().await {
                Ok(observed) => {
                    assert!(observed.bridges.is_empty());
                    break;
                }
                Err(error) => assert!(begun.elapsed() < LONG, "{error}"),
            }
        }
        let error = switch.add_bridge(&bridge()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Open vSwitch's database is empty: restart Open vSwitch, its start script fills it"
        );
        // what a restart of Open vSwitch does
        daemons.vsctl("--no-wait init");
        switch.add_bridge(&bridge()).await.unwrap();
        switch.plug(&port(Some(7))).await.unwrap();
        let until_port_is_told = async {
            while switch.observe().await.unwrap().port("xh1").is_none() {
                watch.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LONG, until_port_is_told).await.unwrap();
    });
}

#[test]
fn nobody_there_is_an_absence() {
    alone(async || {
        let switch = Switch::open("unix:/nonexistent/db.sock").unwrap();
        let error = switch.observe().await.unwrap_err();
        assert!(error.is_absence(), "{error}");
        assert_eq!(error.to_string(), "Open vSwitch's database: cannot read it");
        let error = Switch::open("nonsense").unwrap_err();
        assert_eq!(error.to_string(), "the address of Open vSwitch's database can not be used");
    });
}
