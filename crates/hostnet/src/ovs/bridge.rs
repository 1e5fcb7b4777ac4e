//! Creates and removes bridges.

use std::collections::BTreeMap;

use inventory::{Datapath, IfName, MacAddr};
use ovsdb::{Condition, Mutation, Row, Value};
use serde::{Deserialize, Serialize};

use super::apply::{Draft, name_is_free, row_exists};
use super::observed::{Bridge, Observed};
use super::port::{PortRequest, ensure_port};
use super::{Switch, SwitchError};

/// A bridge to create: at most one uplink, spanning tree off, and fail mode `standalone` (it forwards like a normal
/// switch if its controller is gone).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeSpec {
    /// Its name, which is also the name of its internal port, the host's device.
    pub name: IfName,
    /// Its datapath.
    pub datapath: Datapath,
    /// Its MAC. If set, it does not change with the ports; `None`: unchanged.
    pub mac: Option<MacAddr>,
    /// The NIC, bond or VLAN device that connects it: a trunk of all VLANs. `None`: unchanged.
    pub uplink: Option<IfName>,
    /// VLAN of the internal port; `None`: untagged.
    pub tag: Option<u16>,
    /// MTU of the internal port in bytes; `None`: the lowest of its ports.
    pub mtu: Option<u32>,
}

/// The name of a datapath in the database.
fn datapath_type(datapath: Datapath) -> &'static str {
    match datapath {
        Datapath::System => "system",
        Datapath::Netdev => "netdev",
    }
}

impl Switch {
    /// Creates or corrects a bridge with its uplink and its internal port in one transaction, and waits until
    /// ovs-vswitchd uses both. An uplink that is a port of another bridge is moved. `false`: nothing was changed.
    ///
    /// # Errors
    /// [`SwitchError::NotApplied`], [`SwitchError::Interface`], [`SwitchError::Taken`], or the database failed. The
    /// bridge may be in the database then: see [`Switch::del_bridge`].
    pub async fn add_bridge(&self, spec: &BridgeSpec) -> Result<bool, SwitchError> {
        let what = match &spec.uplink {
            Some(uplink) => format!("create bridge {} with port {uplink}", spec.name),
            None => format!("create bridge {}", spec.name),
        };
        let (number, changed) = self.change(&what, |observed| add(observed, spec)).await?;
        let interfaces: Vec<&IfName> = [&spec.name].into_iter().chain(&spec.uplink).collect();
        self.wait_applied(&what, number, &spec.name, &interfaces).await?;
        Ok(changed)
    }

    /// Removes a bridge with all its ports, and waits until ovs-vswitchd has released them. `false`: it did
    /// not exist.
    ///
    /// # Errors
    /// [`SwitchError::NotApplied`], or the database failed.
    pub async fn del_bridge(&self, name: &IfName) -> Result<bool, SwitchError> {
        let what = format!("remove bridge {name}");
        let (number, changed) = self.change(&what, |observed| Ok(del(observed, name))).await?;
        self.wait_applied(&what, number, name, &[]).await?;
        Ok(changed)
    }
}

fn add(observed: &Observed, spec: &BridgeSpec) -> Result<Draft, SwitchError> {
    let root = observed.root.ok_or(SwitchError::Empty)?;
    let mut draft = Draft::default();
    match observed.bridge(&spec.name) {
        Some(bridge) => {
            draft.guard(row_exists("Bridge", &bridge.name));
            correct(&mut draft, bridge, spec);
        }
        None => {
            draft.guard(name_is_free("Bridge", spec.name.as_str()));
            insert(&mut draft, root, spec);
        }
    }
    let no_ids = BTreeMap::new();
    let internal = PortRequest {
        name: &spec.name,
        kind: "internal",
        tag: spec.tag,
        mtu: spec.mtu,
        external_ids: &no_ids,
    };
    ensure_port(&mut draft, observed, &spec.name, &internal)?;
    if let Some(name) = &spec.uplink {
        let uplink = PortRequest { name, kind: "", tag: None, mtu: None, external_ids: &no_ids };
        ensure_port(&mut draft, observed, &spec.name, &uplink)?;
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
            // an insertion does not overwrite an existing key
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
