//! Ports, and the frames in them.

use hostnet::ovs::{BridgeSpec, PortSpec};

use super::namespace::{alone, mac, name};
use super::switch::Daemons;
use super::{bridge, port, ready, until, wire};

#[test]
fn an_unusable_port_is_reported_with_the_error_of_ovs_vswitchd() {
    alone(async || {
        let (_daemons, kernel, switch) = ready().await;
        kernel.delete(&name("xh1")).await.unwrap();
        let error = switch.attach_port(&port(Some(7))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "ovs-vswitchd cannot use interface xh1 of bridge br0: could not open network device xh1 (No such device)"
        );
        let observed = switch.observe().await.unwrap();
        let (_, left) = observed.port("xh1").unwrap();
        assert_eq!(left.interfaces[0].ofport, Some(-1));
        let elsewhere = PortSpec { bridge: name("br9"), ..port(None) };
        assert_eq!(
            switch.attach_port(&elsewhere).await.unwrap_err().to_string(),
            "Open vSwitch has no bridge br9"
        );
        let no_uplink = BridgeSpec { name: name("br1"), uplink: Some(name("nic9")), ..bridge() };
        assert_eq!(
            switch.add_bridge(&no_uplink).await.unwrap_err().to_string(),
            "ovs-vswitchd cannot use interface nic9 of bridge br1: could not open network device nic9 (No such device)"
        );
    });
}

#[test]
fn a_port_is_attached_moved_retagged_and_removed() {
    alone(async || {
        let (daemons, _kernel, switch) = ready().await;
        let number = switch.attach_port(&port(Some(7))).await.unwrap();
        assert_eq!(switch.attach_port(&port(Some(7))).await.unwrap(), number, "again");
        assert_eq!(daemons.vsctl("get interface xh1 ofport"), number.to_string());
        assert_eq!(daemons.vsctl("get port xh1 tag external_ids"), "7\n{xdock-node=d1}");
        // somebody else's hand
        daemons.vsctl(
            "set port xh1 tag=8 trunks=1,2 vlan_mode=trunk external_ids:xdock-node=d2 external_ids:note=x",
        );
        switch.attach_port(&port(Some(7))).await.unwrap();
        assert_eq!(daemons.vsctl("get port xh1 tag trunks vlan_mode"), "7\n[]\n[]");
        assert_eq!(daemons.vsctl("get port xh1 external_ids"), "{note=x, xdock-node=d1}");
        daemons
            .vsctl("add-br br1 -- set bridge br1 datapath_type=netdev -- del-port xh1 -- add-port br1 xh1");
        switch.attach_port(&port(Some(7))).await.unwrap();
        assert_eq!(daemons.vsctl("port-to-br xh1"), "br0");
        switch.set_tag(&name("xh1"), Some(0)).await.unwrap();
        assert_eq!(daemons.vsctl("get port xh1 tag"), "0");
        assert!(switch.observe().await.unwrap().port("xh1").unwrap().1.is_in(Some(0)));
        assert!(switch.remove_port(&name("xh1")).await.unwrap());
        assert!(!switch.remove_port(&name("xh1")).await.unwrap());
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
    until(&format!("{mac} is learned"), async || !learned(daemons, mac).is_empty()).await;
    learned(daemons, mac)
}

#[test]
fn an_announcement_comes_out_of_the_containers_port_in_its_vlan() {
    alone(async || {
        let (daemons, _kernel, switch) = ready().await;
        let number = switch.attach_port(&port(Some(7))).await.unwrap();
        let (br0, xh1) = (name("br0"), name("xh1"));
        // addresses of no device here, which would speak for itself
        for (address, mac) in [("10.99.1.1", "02:42:0a:63:01:01"), ("fd00::1", "02:42:0a:63:01:03")] {
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
        switch.attach_port(&port(Some(0))).await.unwrap();
        send_tagged("xc1", "02:00:00:00:00:71", 9);
        switch.attach_port(&port(Some(7))).await.unwrap();
        send_tagged("xc1", "02:00:00:00:00:72", 9);
        // a trunk would let it in; and what came before is through
        switch.attach_port(&port(None)).await.unwrap();
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
            tasks.spawn(async move { switch.attach_port(&port).await });
        }
        let numbers: std::collections::BTreeSet<i64> =
            tasks.join_all().await.into_iter().map(|number| number.unwrap()).collect();
        assert_eq!(numbers.len(), 30);
        assert_eq!(daemons.vsctl("list-ports br0").lines().count(), 31);
    });
}
