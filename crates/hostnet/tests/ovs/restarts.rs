//! Daemons that do not run, and databases that are gone.

use std::time::Duration;

use hostnet::ovs::{Switch, SwitchError};

use super::namespace::{alone, name};
use super::{LONG, bridge, port, ready, until};

#[test]
fn a_stopped_ovs_vswitchd_is_detected_and_used_again_later() {
    alone(async || {
        let (mut daemons, _kernel, switch) = ready().await;
        daemons.kill_vswitchd();
        let hasty = switch.clone().with_apply_timeout(Duration::from_millis(300));
        let error = hasty.attach_port(&port(Some(7))).await.unwrap_err();
        assert!(matches!(error, SwitchError::NotApplied { .. }));
        assert_eq!(
            error.to_string(),
            "cannot attach port xh1 to bridge br0: ovs-vswitchd did not apply it within 0.3 s; check that it runs: systemctl status openvswitch-switch"
        );
        // and removing a port does not need it
        assert!(switch.remove_port(&name("xh1")).await.unwrap());
        daemons.start_vswitchd();
        switch.attach_port(&port(Some(7))).await.unwrap();
    });
}

#[test]
fn a_database_that_was_lost_is_noticed_and_the_next_one_used() {
    alone(async || {
        let (mut daemons, _kernel, switch) = ready().await;
        let mut watch = switch.watch().await.unwrap();
        switch.attach_port(&port(Some(7))).await.unwrap();
        tokio::time::timeout(LONG, watch.changed()).await.unwrap().unwrap();
        daemons.kill_server();
        let error = switch.observe().await.unwrap_err();
        assert!(matches!(error, SwitchError::Database { .. }), "{error}");
        daemons.create_database();
        daemons.start_server();
        until("the new database is read", async || {
            switch.observe().await.is_ok_and(|observed| observed.bridges.is_empty())
        })
        .await;
        let error = switch.add_bridge(&bridge()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Open vSwitch's database is empty: restart Open vSwitch, its start script fills it"
        );
        // what a restart of Open vSwitch does
        daemons.vsctl("--no-wait init");
        switch.add_bridge(&bridge()).await.unwrap();
        switch.attach_port(&port(Some(7))).await.unwrap();
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
        assert!(error.is_unreachable(), "{error}");
        assert_eq!(error.to_string(), "Open vSwitch: cannot read its configuration");
        let error = Switch::open("nonsense").unwrap_err();
        assert_eq!(error.to_string(), "invalid address of Open vSwitch's database");
    });
}
