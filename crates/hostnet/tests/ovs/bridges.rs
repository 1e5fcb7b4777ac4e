//! Bridges.

use super::namespace::{alone, mac, name};
use super::{bridge, ready, until};

#[test]
fn a_bridge_is_created_with_uplink_and_internal_port() {
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
        assert_eq!(internal.kind, "internal");
        assert_eq!(made.errors().count(), 0);
        let device = kernel.link(&name("br0")).await.unwrap().unwrap();
        assert_eq!((device.mtu, device.mac), (1400, Some(mac("02:00:00:00:00:01"))));
        // a status, which ovs-vswitchd refreshes when it has time
        until("mac_in_use is the bridge's", async || {
            let observed = switch.observe().await.unwrap();
            observed.port("br0").unwrap().1.interfaces[0].mac_in_use == Some(mac("02:00:00:00:00:01"))
        })
        .await;
        drop(daemons);
    });
}

#[test]
fn a_foreign_bridge_is_repaired() {
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
