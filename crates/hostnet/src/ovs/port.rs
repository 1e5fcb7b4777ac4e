//! Creates and removes ports of containers, uplinks and internal ports.

use std::collections::BTreeMap;

use inventory::IfName;
use ovsdb::{Condition, Mutation, Row, Value};

use super::apply::{Draft, name_is_free, row_exists};
use super::observed::{Bridge, Interface, Observed, Port};
use super::{Switch, SwitchError};

/// A port to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// The bridge.
    pub bridge: IfName,
    /// The host's device, which is also the port's name.
    pub port: IfName,
    /// VLAN of an access port. 0: only untagged frames; `None`: a trunk, whose device can send into any VLAN.
    pub tag: Option<u16>,
    /// `external_ids` to set; other keys of the port are kept.
    pub external_ids: BTreeMap<String, String>,
}

/// A port as the transaction must leave it.
pub(super) struct PortRequest<'a> {
    pub(super) name: &'a IfName,
    /// `Interface.type`.
    pub(super) kind: &'static str,
    pub(super) tag: Option<u16>,
    pub(super) mtu: Option<u32>,
    pub(super) external_ids: &'a BTreeMap<String, String>,
}

impl Switch {
    /// Makes a device of the host a port of a bridge, waits until ovs-vswitchd uses it, and returns its OpenFlow
    /// number. An existing port on another bridge or in another VLAN is corrected. After an error the port may be in
    /// the database: see [`Switch::remove_port`].
    ///
    /// # Errors
    /// [`SwitchError::NoBridge`], [`SwitchError::NotApplied`], [`SwitchError::Interface`], or the database failed.
    pub async fn attach_port(&self, spec: &PortSpec) -> Result<i64, SwitchError> {
        let what = format!("attach port {} to bridge {}", spec.port, spec.bridge);
        let (number, _) = self.change(&what, |observed| attach(observed, spec)).await?;
        let given = self.wait_applied(&what, number, &spec.bridge, &[&spec.port]).await?;
        given.first().copied().ok_or_else(|| SwitchError::NoPort { port: spec.port.clone() })
    }

    /// Removes a port from its bridge. `false`: it did not exist. Does not wait for ovs-vswitchd, which need
    /// not run for this.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_port(&self, port: &IfName) -> Result<bool, SwitchError> {
        let what = format!("remove port {port}");
        Ok(self.change(&what, |observed| Ok(remove(observed, port))).await?.1)
    }

    /// Sets the VLAN of a port (see [`PortSpec::tag`]), and waits until ovs-vswitchd has applied it.
    ///
    /// # Errors
    /// [`SwitchError::NoPort`], [`SwitchError::NotApplied`], or the database failed.
    pub async fn set_tag(&self, port: &IfName, tag: Option<u16>) -> Result<(), SwitchError> {
        let what = match tag {
            Some(tag) => format!("set VLAN {tag} of port {port}"),
            None => format!("make port {port} a trunk"),
        };
        let (number, _) = self.change(&what, |observed| set_tag(observed, port, tag)).await?;
        self.wait_applied(&what, number, port, &[]).await.map(drop)
    }
}

fn attach(observed: &Observed, spec: &PortSpec) -> Result<Draft, SwitchError> {
    let bridge = observed.bridge(&spec.bridge);
    bridge.ok_or_else(|| SwitchError::NoBridge { bridge: spec.bridge.clone() })?;
    let request = PortRequest {
        name: &spec.port,
        kind: "",
        tag: spec.tag,
        mtu: None,
        external_ids: &spec.external_ids,
    };
    let mut draft = Draft::default();
    draft.guard(row_exists("Bridge", spec.bridge.as_str()));
    ensure_port(&mut draft, observed, &spec.bridge, &request)?;
    Ok(draft)
}

fn remove(observed: &Observed, port: &IfName) -> Draft {
    let mut draft = Draft::default();
    if let Some((bridge, port)) = observed.port(port.as_str()) {
        draft.change(|tx| tx.mutate("Bridge", [of(bridge)], [Mutation::delete("ports", port.uuid)]));
    }
    draft
}

fn set_tag(observed: &Observed, name: &IfName, tag: Option<u16>) -> Result<Draft, SwitchError> {
    let found = observed.port(name.as_str());
    let (_, port) = found.ok_or_else(|| SwitchError::NoPort { port: name.clone() })?;
    let mut draft = Draft::default();
    if !port.is_in(tag) {
        draft.guard(row_exists("Port", &port.name));
        draft.change(|tx| tx.update("Port", [Condition::equal("_uuid", port.uuid)], vlan(Row::new(), tag)));
    }
    Ok(draft)
}

/// Adds the operations after which the bridge has the requested port.
pub(super) fn ensure_port(
    draft: &mut Draft,
    observed: &Observed,
    bridge: &IfName,
    request: &PortRequest<'_>,
) -> Result<(), SwitchError> {
    let name = request.name.as_str();
    match (observed.port(name), observed.interface(name)) {
        (Some((on, port)), Some((_, of, interface)))
            if of.uuid == port.uuid && port.interfaces.len() == 1 =>
        {
            draft.guard(row_exists("Port", name));
            correct(draft, port, interface, request);
            if on.name != bridge.as_str() {
                let (from, to) = (of_bridge(&on.name), of_bridge(bridge.as_str()));
                draft.change(|tx| {
                    tx.mutate("Bridge", [from], [Mutation::delete("ports", port.uuid)]).mutate(
                        "Bridge",
                        [to],
                        [Mutation::insert("ports", port.uuid)],
                    )
                });
            }
            Ok(())
        }
        (None, None) => {
            insert(draft, bridge, request);
            Ok(())
        }
        (_, Some((on, port, _))) => {
            let what = format!("an interface of port {} of bridge {}", port.name, on.name);
            Err(SwitchError::Taken { name: request.name.clone(), what })
        }
        (Some((on, _)), None) => {
            let what = format!("a port with other interfaces of bridge {}", on.name);
            Err(SwitchError::Taken { name: request.name.clone(), what })
        }
    }
}

fn correct(draft: &mut Draft, port: &Port, interface: &Interface, request: &PortRequest<'_>) {
    if !port.is_in(request.tag) {
        draft.change(|tx| {
            tx.update("Port", [Condition::equal("_uuid", port.uuid)], vlan(Row::new(), request.tag))
        });
    }
    let wrong: Vec<_> = request
        .external_ids
        .iter()
        .filter(|(key, value)| port.external_ids.get(*key) != Some(*value))
        .collect();
    if !wrong.is_empty() {
        let keys = Value::set(wrong.iter().map(|(key, _)| key.as_str()));
        let pairs = Value::map(wrong.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        // an insertion does not overwrite an existing key
        let mutations = [Mutation::delete("external_ids", keys), Mutation::insert("external_ids", pairs)];
        draft.change(|tx| tx.mutate("Port", [Condition::equal("_uuid", port.uuid)], mutations));
    }
    let mut row = Row::new();
    if interface.kind != request.kind {
        row.set("type", request.kind);
    }
    if let Some(mtu) = request.mtu.map(i64::from).filter(|mtu| interface.mtu_request != Some(*mtu)) {
        row.set("mtu_request", mtu);
    }
    if !row.columns().is_empty() {
        draft.change(|tx| tx.update("Interface", [Condition::equal("_uuid", interface.uuid)], row));
    }
}

fn insert(draft: &mut Draft, bridge: &IfName, request: &PortRequest<'_>) {
    let name = request.name.as_str();
    draft.guard(name_is_free("Port", name));
    draft.guard(name_is_free("Interface", name));
    let mut interface = Row::new().with("name", name).with("type", request.kind);
    if let Some(mtu) = request.mtu {
        interface.set("mtu_request", i64::from(mtu));
    }
    // row names within the transaction: letters, digits, underscore
    let key: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let (port_row, interface_row) = (format!("port_{key}"), format!("interface_{key}"));
    let external = Value::map(request.external_ids.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let port = Row::new().with("name", name).with("interfaces", Value::named(&interface_row));
    let port = vlan(port.with("external_ids", external), request.tag);
    draft.change(|tx| {
        tx.insert("Interface", interface, Some(&interface_row)).insert("Port", port, Some(&port_row)).mutate(
            "Bridge",
            [of_bridge(bridge.as_str())],
            [Mutation::insert("ports", Value::named(&port_row))],
        )
    });
}

/// Sets an access port of one VLAN, or a trunk of all.
fn vlan(row: Row, tag: Option<u16>) -> Row {
    let tag = tag.map_or_else(Value::empty, |tag| Value::from(i64::from(tag)));
    row.with("tag", tag).with("trunks", Value::empty()).with("vlan_mode", Value::empty())
}

fn of(bridge: &Bridge) -> Condition {
    of_bridge(&bridge.name)
}

fn of_bridge(name: &str) -> Condition {
    Condition::equal("name", name)
}
