//! Ports: a container's, a bridge's uplink, a bridge's own.

use std::collections::BTreeMap;

use inventory::IfName;
use ovsdb::{Condition, Mutation, Row, Value};

use super::apply::{Draft, is_free, is_there};
use super::observed::{Bridge, Interface, Observed, Port};
use super::{Switch, SwitchError};

/// A port to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// The bridge.
    pub bridge: IfName,
    /// The host's device, and the port's name.
    pub port: IfName,
    /// The VLAN that it is an access port of. 0: of none, untagged frames only; `None`: a trunk, whose device sends
    /// into any VLAN it likes.
    pub tag: Option<u16>,
    /// Whose it is; other pairs that the port has are kept.
    pub external_ids: BTreeMap<String, String>,
}

/// A port as the transaction is to leave it.
pub(super) struct Wish<'a> {
    pub(super) name: &'a IfName,
    /// `Interface.type`.
    pub(super) kind: &'static str,
    pub(super) tag: Option<u16>,
    pub(super) mtu: Option<u32>,
    pub(super) external_ids: &'a BTreeMap<String, String>,
}

impl Switch {
    /// Makes a device of the host a port of a bridge, waits until ovs-vswitchd uses it, and returns its number there.
    /// A port of that name that is elsewhere, or in another VLAN, is put right. On an error the port may be in the
    /// database: [`Switch::unplug`].
    ///
    /// # Errors
    /// [`SwitchError::NoBridge`], [`SwitchError::NotApplied`], [`SwitchError::Interface`], or the database's.
    pub async fn plug(&self, spec: &PortSpec) -> Result<i64, SwitchError> {
        let what = format!("plug {} into bridge {}", spec.port, spec.bridge);
        let (number, _) = self.change(&what, |observed| plug(observed, spec)).await?;
        let given = self.applied(&what, number, &spec.bridge, &[&spec.port]).await?;
        given.first().copied().ok_or_else(|| SwitchError::NoPort { port: spec.port.clone() })
    }

    /// Removes a port from its bridge. `false`: it was not there. Does not wait for ovs-vswitchd, which need not run for
    /// this.
    ///
    /// # Errors
    /// The database's.
    pub async fn unplug(&self, port: &IfName) -> Result<bool, SwitchError> {
        let what = format!("unplug {port}");
        Ok(self.change(&what, |observed| Ok(unplug(observed, port))).await?.1)
    }

    /// Sets the VLAN of a port, as in [`PortSpec::tag`], and waits until ovs-vswitchd has taken it.
    ///
    /// # Errors
    /// [`SwitchError::NoPort`], [`SwitchError::NotApplied`], or the database's.
    pub async fn set_tag(&self, port: &IfName, tag: Option<u16>) -> Result<(), SwitchError> {
        let what = match tag {
            Some(tag) => format!("put port {port} into VLAN {tag}"),
            None => format!("make port {port} a trunk"),
        };
        let (number, _) = self.change(&what, |observed| set_tag(observed, port, tag)).await?;
        self.applied(&what, number, port, &[]).await.map(drop)
    }
}

fn plug(observed: &Observed, spec: &PortSpec) -> Result<Draft, SwitchError> {
    let bridge = observed.bridge(&spec.bridge);
    bridge.ok_or_else(|| SwitchError::NoBridge { bridge: spec.bridge.clone() })?;
    let wish =
        Wish { name: &spec.port, kind: "", tag: spec.tag, mtu: None, external_ids: &spec.external_ids };
    let mut draft = Draft::default();
    draft.guard(is_there("Bridge", spec.bridge.as_str()));
    settle(&mut draft, observed, &spec.bridge, &wish)?;
    Ok(draft)
}

fn unplug(observed: &Observed, port: &IfName) -> Draft {
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
        draft.guard(is_there("Port", &port.name));
        draft.change(|tx| tx.update("Port", [Condition::equal("_uuid", port.uuid)], vlan(Row::new(), tag)));
    }
    Ok(draft)
}

/// Adds what it takes for the bridge to have the port as wished.
pub(super) fn settle(
    draft: &mut Draft,
    observed: &Observed,
    bridge: &IfName,
    wish: &Wish<'_>,
) -> Result<(), SwitchError> {
    let name = wish.name.as_str();
    match (observed.port(name), observed.interface(name)) {
        (Some((on, port)), Some((_, of, interface)))
            if of.uuid == port.uuid && port.interfaces.len() == 1 =>
        {
            draft.guard(is_there("Port", name));
            correct(draft, port, interface, wish);
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
            insert(draft, bridge, wish);
            Ok(())
        }
        (_, Some((on, port, _))) => {
            let what = format!("an interface of port {} of bridge {}", port.name, on.name);
            Err(SwitchError::Taken { name: wish.name.clone(), what })
        }
        (Some((on, _)), None) => {
            let what = format!("a port of other interfaces, of bridge {}", on.name);
            Err(SwitchError::Taken { name: wish.name.clone(), what })
        }
    }
}

fn correct(draft: &mut Draft, port: &Port, interface: &Interface, wish: &Wish<'_>) {
    if !port.is_in(wish.tag) {
        draft.change(|tx| {
            tx.update("Port", [Condition::equal("_uuid", port.uuid)], vlan(Row::new(), wish.tag))
        });
    }
    let wrong: Vec<_> =
        wish.external_ids.iter().filter(|(key, value)| port.external_ids.get(*key) != Some(*value)).collect();
    if !wrong.is_empty() {
        let keys = Value::set(wrong.iter().map(|(key, _)| key.as_str()));
        let pairs = Value::map(wrong.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        // inserting does not overwrite a key that is there
        let mutations = [Mutation::delete("external_ids", keys), Mutation::insert("external_ids", pairs)];
        draft.change(|tx| tx.mutate("Port", [Condition::equal("_uuid", port.uuid)], mutations));
    }
    let mut row = Row::new();
    if interface.kind != wish.kind {
        row.set("type", wish.kind);
    }
    if let Some(mtu) = wish.mtu.map(i64::from).filter(|mtu| interface.mtu_request != Some(*mtu)) {
        row.set("mtu_request", mtu);
    }
    if !row.columns().is_empty() {
        draft.change(|tx| tx.update("Interface", [Condition::equal("_uuid", interface.uuid)], row));
    }
}

fn insert(draft: &mut Draft, bridge: &IfName, wish: &Wish<'_>) {
    let name = wish.name.as_str();
    draft.guard(is_free("Port", name));
    draft.guard(is_free("Interface", name));
    let mut interface = Row::new().with("name", name).with("type", wish.kind);
    if let Some(mtu) = wish.mtu {
        interface.set("mtu_request", i64::from(mtu));
    }
    // names of rows within the transaction: letters, digits, underscore
    let key: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let (port_row, interface_row) = (format!("port_{key}"), format!("interface_{key}"));
    let external = Value::map(wish.external_ids.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let port = Row::new().with("name", name).with("interfaces", Value::named(&interface_row));
    let port = vlan(port.with("external_ids", external), wish.tag);
    draft.change(|tx| {
        tx.insert("Interface", interface, Some(&interface_row)).insert("Port", port, Some(&port_row)).mutate(
            "Bridge",
            [of_bridge(bridge.as_str())],
            [Mutation::insert("ports", Value::named(&port_row))],
        )
    });
}

/// An access port of one VLAN, or a trunk of all.
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
