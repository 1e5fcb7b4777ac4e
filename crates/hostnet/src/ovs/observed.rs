//! The configuration and state in the database, as types.

use std::collections::BTreeMap;

use inventory::{IfName, MacAddr};
use ovsdb::{OperationResult, Row, RowError, Transaction, Uuid};

use super::{Switch, SwitchError};

/// The columns that are read, by table.
pub(super) const ROOT: [&str; 2] = ["_uuid", "bridges"];
pub(super) const BRIDGE: [&str; 8] =
    ["_uuid", "name", "datapath_type", "stp_enable", "rstp_enable", "fail_mode", "other_config", "ports"];
pub(super) const PORT: [&str; 7] =
    ["_uuid", "name", "tag", "trunks", "vlan_mode", "external_ids", "interfaces"];
pub(super) const INTERFACE: [&str; 7] =
    ["_uuid", "name", "type", "ofport", "error", "mac_in_use", "mtu_request"];

/// The configuration of the switch, and its state according to ovs-vswitchd. Sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its bridges.
    pub bridges: Vec<Bridge>,
    /// The row of the table `Open_vSwitch`; `None` if ovs-vsctl(8) `init` was never run.
    pub root: Option<Uuid>,
}

/// A bridge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bridge {
    /// Its name, which is also the name of its internal port, the host's device.
    pub name: String,
    /// `netdev`: forwarded by ovs-vswitchd; `system` or empty: by the kernel.
    pub datapath: String,
    /// Whether spanning tree (STP or RSTP) is on.
    pub stp: bool,
    /// Behaviour without controller: `standalone` or `secure`.
    pub fail_mode: Option<String>,
    /// Its configured MAC; `None`: ovs-vswitchd uses that of a port.
    pub hwaddr: Option<MacAddr>,
    /// Its ports, including the internal one.
    pub ports: Vec<Port>,
    /// UUID of its row.
    pub uuid: Uuid,
}

/// A port of a bridge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `tag`: VLAN of an access port; 0: only untagged frames; `None`: a trunk.
    pub tag: Option<u16>,
    /// `trunks`: VLANs of a trunk; empty: all.
    pub trunks: Vec<i64>,
    /// `vlan_mode`, if set.
    pub vlan_mode: Option<String>,
    /// `external_ids`.
    pub external_ids: BTreeMap<String, String>,
    /// Its interface; several for a bond of the switch.
    pub interfaces: Vec<Interface>,
    /// UUID of its row.
    pub uuid: Uuid,
}

/// An interface of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name, which is also the name of the host's device.
    pub name: String,
    /// `type`: `internal`, or empty for a device of the host.
    pub kind: String,
    /// OpenFlow port number; `None`: ovs-vswitchd has not processed it yet; -1: it cannot use it.
    pub ofport: Option<i64>,
    /// Error of ovs-vswitchd.
    pub error: Option<String>,
    /// MAC that ovs-vswitchd found.
    pub mac_in_use: Option<MacAddr>,
    /// `mtu_request`, in bytes.
    pub mtu_request: Option<i64>,
    /// UUID of its row.
    pub uuid: Uuid,
}

impl Observed {
    /// The bridge of this name.
    pub fn bridge(&self, name: &IfName) -> Option<&Bridge> {
        self.bridges.iter().find(|bridge| bridge.name == name.as_str())
    }

    /// The port of this name, with its bridge. Port names are unique in the switch.
    pub fn port(&self, name: &str) -> Option<(&Bridge, &Port)> {
        self.bridges.iter().find_map(|bridge| Some((bridge, bridge.port(name)?)))
    }

    /// The interface of this name, with its bridge and port.
    pub fn interface(&self, name: &str) -> Option<(&Bridge, &Port, &Interface)> {
        let ports =
            self.bridges.iter().flat_map(|bridge| bridge.ports.iter().map(move |port| (bridge, port)));
        ports.into_iter().find_map(|(bridge, port)| {
            let interface = port.interfaces.iter().find(|interface| interface.name == name)?;
            Some((bridge, port, interface))
        })
    }

    /// Parses the rows of the four tables.
    pub(super) fn read(
        root: &[Row],
        bridges: &[Row],
        ports: &[Row],
        interfaces: &[Row],
    ) -> Result<Self, RowError> {
        let (ports, interfaces) = (by_uuid(ports)?, by_uuid(interfaces)?);
        let root = root.first().map(|row| row.uuid("_uuid")).transpose()?;
        let read = bridges.iter().map(|row| bridge(row, &ports, &interfaces));
        let mut bridges = read.collect::<Result<Vec<_>, _>>()?;
        bridges.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { bridges, root })
    }
}

impl Bridge {
    /// The bridge's port of this name.
    pub fn port(&self, name: &str) -> Option<&Port> {
        self.ports.iter().find(|port| port.name == name)
    }

    /// Interfaces that ovs-vswitchd cannot use, with its error.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ports.iter().flat_map(Port::errors)
    }
}

impl Port {
    /// Whether it is an access port of this VLAN (`None`: a trunk of all VLANs) without other settings.
    pub fn is_in(&self, tag: Option<u16>) -> bool {
        let mode = self.vlan_mode.as_deref();
        let usual = if tag.is_some() { "access" } else { "trunk" };
        self.tag == tag && self.trunks.is_empty() && mode.is_none_or(|mode| mode == usual)
    }

    /// Interfaces that ovs-vswitchd cannot use, with its error.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.interfaces
            .iter()
            .filter_map(|interface| Some((interface.name.as_str(), interface.error.as_deref()?)))
    }
}

impl Switch {
    /// Reads the switch in one transaction.
    ///
    /// # Errors
    /// The database did not answer, or has an unsupported schema.
    pub async fn observe(&self) -> Result<Observed, SwitchError> {
        let read = Transaction::new()
            .select("Open_vSwitch", [], ROOT)
            .select("Bridge", [], BRIDGE)
            .select("Port", [], PORT)
            .select("Interface", [], INTERFACE);
        let results = self.client.transact(read).await;
        let results = results.map_err(|source| SwitchError::database("read its configuration", source))?;
        let rows = |at: usize| results.get(at).map(OperationResult::rows).unwrap_or_default();
        Ok(Observed::read(rows(0), rows(1), rows(2), rows(3))?)
    }
}

type Rows<'a> = BTreeMap<Uuid, &'a Row>;

fn by_uuid(rows: &[Row]) -> Result<Rows<'_>, RowError> {
    rows.iter().map(|row| Ok((row.uuid("_uuid")?, row))).collect()
}

/// The rows that a column references, sorted by name.
fn referred<T>(
    row: &Row,
    column: &str,
    rows: &Rows<'_>,
    read: impl Fn(&Row) -> Result<T, RowError>,
) -> Result<Vec<T>, RowError> {
    let uuids = row.set_of_uuids(column)?;
    let mut found: Vec<&Row> = uuids.iter().filter_map(|uuid| rows.get(uuid).copied()).collect();
    found.sort_by_key(|row| row.string("name").unwrap_or_default().to_owned());
    found.into_iter().map(read).collect()
}

fn bridge(row: &Row, ports: &Rows<'_>, interfaces: &Rows<'_>) -> Result<Bridge, RowError> {
    let other = row.map_of_strings("other_config")?;
    Ok(Bridge {
        name: row.string("name")?.to_owned(),
        datapath: row.string("datapath_type")?.to_owned(),
        stp: row.boolean("stp_enable")? || row.boolean("rstp_enable")?,
        fail_mode: row.optional_string("fail_mode")?.map(str::to_owned),
        hwaddr: other.get("hwaddr").and_then(|text| text.parse().ok()),
        ports: referred(row, "ports", ports, |row| port(row, interfaces))?,
        uuid: row.uuid("_uuid")?,
    })
}

fn port(row: &Row, interfaces: &Rows<'_>) -> Result<Port, RowError> {
    let external = row.map_of_strings("external_ids")?;
    Ok(Port {
        name: row.string("name")?.to_owned(),
        tag: row.optional_integer("tag")?.and_then(|tag| u16::try_from(tag).ok()),
        trunks: row.set_of_integers("trunks")?,
        vlan_mode: row.optional_string("vlan_mode")?.map(str::to_owned),
        external_ids: external.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        interfaces: referred(row, "interfaces", interfaces, interface)?,
        uuid: row.uuid("_uuid")?,
    })
}

fn interface(row: &Row) -> Result<Interface, RowError> {
    Ok(Interface {
        name: row.string("name")?.to_owned(),
        kind: row.string("type")?.to_owned(),
        ofport: row.optional_integer("ofport")?,
        error: row.optional_string("error")?.map(str::to_owned),
        mac_in_use: row.optional_string("mac_in_use")?.and_then(|text| text.parse().ok()),
        mtu_request: row.optional_integer("mtu_request")?,
        uuid: row.uuid("_uuid")?,
    })
}
