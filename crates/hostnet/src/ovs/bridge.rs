//! Bridges of the switch.

use std::collections::BTreeMap;

use inventory::{Datapath, IfName, MacAddr};
use ovsdb::{Condition, Mutation, Row, Value};

use super::apply::{Draft, is_free, is_there};
use super::observed::{Bridge, Observed};
use super::port::{Wish, settle};
use super::{Switch, SwitchError};

/// A bridge to be: with one port that leads out at most, spanning tree off, and switching like any switch (fail mode
/// `standalone`) when it has a controller that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSpec {
    /// Its name, and that of its internal port, which is the host's device.
    pub name: IfName,
    /// Where it switches.
    pub datapath: Datapath,
    /// Its own address. Set, it stays whatever ports come and go; `None`: as it is.
    pub mac: Option<MacAddr>,
    /// The NIC, bond or VLAN device through which it leads out: a trunk of all VLANs. `None`: whatever it has.
    pub uplink: Option<IfName>,
    /// The VLAN of the internal port; `None`: untagged.
    pub tag: Option<u16>,
    /// MTU of the internal port in bytes; `None`: the lowest of its ports'.
    pub mtu: Option<u32>,
}

/// How to write a datapath in the database.
fn datapath_type(datapath: Datapath) -> &'static str {
    match datapath {
        Datapath::System => "system",
        Datapath::Netdev => "netdev",
    }
}

impl Switch {
    /// Makes a bridge with its uplink and its internal port, or brings one of that name to this, in one transaction,
    /// and waits until ovs-vswitchd has made it and uses both. An uplink that is a port of another bridge is moved.
    /// `false`: it was there as it has to be.
    ///
    /// # Errors
    /// [`SwitchError::NotApplied`], [`SwitchError::Interface`], [`SwitchError::Taken`], or the database's. The bridge may
    /// be in the database then: [`Switch::del_bridge`].
    pub async fn add_bridge(&self, spec: &BridgeSpec) -> Result<bool, SwitchError> {
        let what = match &spec.uplink {
            Some(uplink) => format!("make bridge {} with port {uplink}", spec.name),
            None => format!("make bridge {}", spec.name),
        };
        let (number, changed) = self.change(&what, |observed| add(observed, spec)).await?;
        let interfaces: Vec<&IfName> = [&spec.name].into_iter().chain(&spec.uplink).collect();
        self.applied(&what, number, &spec.name, &interfaces).await?;
        Ok(changed)
    }

    /// Removes a bridge with all its ports, and waits until ovs-vswitchd has let them go. `false`: it was not there.
    ///
    /// # Errors
    /// [`SwitchError::NotApplied`], or the database's.
    pub async fn del_bridge(&self, name: &IfName) -> Result<bool, SwitchError> {
        let what = format!("remove bridge {name}");
        let (number, changed) = self.change(&what, |observed| Ok(del(observed, name))).await?;
        self.applied(&what, number, name, &[]).await?;
        Ok(changed)
    }
}

fn add(observed: &Observed, spec: &BridgeSpec) -> Result<Draft, SwitchError> {
    let root = observed.root.ok_or(SwitchError::Empty)?;
    let mut draft = Draft::default();
    match observed.bridge(&spec.name) {
        Some(bridge) => {
            draft.guard(is_there("Bridge", &bridge.name));
            correct(&mut draft, bridge, spec);
        }
        None => {
            draft.guard(is_free("Bridge", spec.name.as_str()));
            insert(&mut draft, root, spec);
        }
    }
    let no_ids = BTreeMap::new();
    let internal =
        Wish { name: &spec.name, kind: "internal", tag: spec.tag, mtu: spec.mtu, external_ids: &no_ids };
    settle(&mut draft, observed, &spec.name, &internal)?;
    if let Some(name) = &spec.uplink {
        let uplink = Wish { name, kind: "", tag: None, mtu: None, external_ids: &no_ids };
        settle(&mut draft, observed, &spec.name, &uplink)?;
    }
    Ok(draft)
}

fn insert(draft: &mut Draft, root: ovsdb::Uuid, spec: &BridgeSpec) {
    let mut row = settings(spec.datapath).with("name", spec.name.as_str());
    if let Some(mac) = spec.mac {
        row.set("other_config", Value::map([("hwaddr", mac.to_string())]));
    }
    draft.change(|tx| {
        tx.insert("Bridge", row, Some("bridge")).mutate(
            "Open_vSwitch",
            [Condition::equal("_uuid", root)],
            [Mutation::insert("bridges", Value::named("bridge"))],
        )
    });
}

fn correct(draft: &mut Draft, bridge: &Bridge, spec: &BridgeSpec) {
    let this = || [Condition::equal("_uuid", bridge.uuid)];
    let datapath = if bridge.datapath.is_empty() { "system" } else { bridge.datapath.as_str() };
    let standalone = bridge.fail_mode.as_deref() == Some("standalone");
    if bridge.stp || !standalone || datapath != datapath_type(spec.datapath) {
        draft.change(|tx| tx.update("Bridge", this(), settings(spec.datapath)));
    }
    if let Some(mac) = spec.mac.filter(|mac| bridge.hwaddr != Some(*mac)) {
        let mutations = [
            // inserting does not overwrite a key that is there
            Mutation::delete("other_config", Value::set(["hwaddr"])),
            Mutation::insert("other_config", Value::map([("hwaddr", mac.to_string())])),
        ];
        draft.change(|tx| tx.mutate("Bridge", this(), mutations));
    }
}

fn settings(datapath: Datapath) -> Row {
    Row::new()
        .with("datapath_type", datapath_type(datapath))
        .with("stp_enable", false)
        .with("rstp_enable", false)
        .with("fail_mode", "standalone")
}

fn del(observed: &Observed, name: &IfName) -> Draft {
    let mut draft = Draft::default();
    if let (Some(root), Some(bridge)) = (observed.root, observed.bridge(name)) {
        let this = [Condition::equal("_uuid", root)];
        draft.change(|tx| tx.mutate("Open_vSwitch", this, [Mutation::delete("bridges", bridge.uuid)]));
    }
    draft
}
