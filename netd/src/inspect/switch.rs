//! Open vSwitch: bridges, ports and forwarding database.

use chain::chain;
use hostnet::ovs::{self, Observed, Remote, SwitchError};
use inspection::{FdbEntry, Switch, SwitchBridge, SwitchPort};
use inventory::{IfName, MacAddr};

use super::stack::Selection;

/// Reads the switch.
pub(super) async fn observe(remote: &Remote, selection: &Selection, macs: &[MacAddr]) -> Switch {
    let observed = match read(remote).await {
        Ok(observed) => observed,
        Err(error) => return Switch { error: Some(chain(&error)), ..Switch::default() },
    };
    let bridges: Vec<SwitchBridge> =
        observed.bridges.iter().filter_map(|found| bridge(found, selection)).collect();
    let mut switch = Switch { error: None, bridges, fdb: Vec::new() };
    for bridge in &observed.bridges {
        match ovs::forwarding_database(&bridge.name).await {
            Ok(entries) => {
                switch.fdb.extend(entries.iter().filter_map(|entry| fdb_entry(bridge, entry, macs)));
            }
            Err(error) => switch.error = Some(format!("ovs-vswitchd does not answer: {}", chain(&error))),
        }
    }
    switch
}

async fn read(remote: &Remote) -> Result<Observed, SwitchError> {
    ovs::Switch::at(remote.clone())?.observe().await
}

fn bridge(found: &ovs::Bridge, selection: &Selection) -> Option<SwitchBridge> {
    let ports = found.ports.iter().filter(|port| selection.has(&port.name)).map(port).collect();
    Some(SwitchBridge { name: found.name.parse().ok()?, ports })
}

fn port(found: &ovs::Port) -> SwitchPort {
    SwitchPort {
        name: found.name.clone(),
        tag: found.tag,
        trunks: found.trunks.clone(),
        error: found.errors().next().map(|(_, error)| error.to_owned()),
        interfaces: found.interfaces.iter().map(|interface| interface.name.clone()).collect(),
    }
}

fn fdb_entry(bridge: &ovs::Bridge, entry: &ovs::FdbEntry, macs: &[MacAddr]) -> Option<FdbEntry> {
    let has_number = |port: &&ovs::Port| port.interfaces.iter().any(|of| of.ofport == entry.ofport);
    let port: IfName = bridge.ports.iter().find(has_number)?.name.parse().ok()?;
    let bridge = bridge.name.parse().ok()?;
    macs.contains(&entry.mac).then_some(FdbEntry {
        bridge,
        mac: entry.mac,
        port,
        vlan: Some(entry.vlan),
        fixed: entry.fixed,
        age_ms: entry.age.and_then(|age| u64::try_from(age.as_millis()).ok()),
    })
}
