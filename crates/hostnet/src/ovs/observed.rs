//! What the database says of the switch, as types.

use std::collections::BTreeMap;

use inventory::{IfName, MacAddr};
use ovsdb::{OperationResult, Row, RowError, Transaction, Uuid};

use super::{Switch, SwitchError};

/// Columns that are read, by table.
pub(super) const ROOT: [&str; 2] = ["_uuid", "bridges"];
pub(super) const BRIDGE: [&str; 8] =
    ["_uuid", "name", "datapath_type", "stp_enable", "rstp_enable", "fail_mode", "other_config", "ports"];
pub(super) const PORT: [&str; 7] =
    ["_uuid", "name", "tag", "trunks", "vlan_mode", "external_ids", "interfaces"];
pub(super) const INTERFACE: [&str; 7] =
    ["_uuid", "name", "type", "ofport", "error", "mac_in_use", "mtu_request"];

/// The switch as it is configured, and what ovs-vswitchd made of it. Sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its bridges.
    pub bridges: Vec<Bridge>,
    /// The row of the table `Open_vSwitch`; `None` where ovs-vsctl(8) `init` was never run.
    pub root: Option<Uuid>,
}

/// A bridge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bridge {
    /// Its name, and that of its internal port, through which the host is on it.
    pub name: String,
    /// `netdev`: switched by ovs-vswitchd; `system`, or empty: by the kernel.
    pub datapath: String,
    /// Spanning tree (STP or RSTP) is on.
    pub stp: bool,
    /// What it does when its controller is gone: `standalone` or `secure`.
    pub fail_mode: Option<String>,
    /// The address that it was given; `None`: ovs-vswitchd takes one of its ports'.
    pub hwaddr: Option<MacAddr>,
    /// Its ports, the internal one among them.
    pub ports: Vec<Port>,
    /// Its row.
    pub uuid: Uuid,
}

/// A port of a bridge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `tag`: the VLAN of an access port; 0: untagged frames only; `None`: a trunk.
    pub tag: Option<u16>,
    /// `trunks`: the VLANs of a trunk; empty: all.
    pub trunks: Vec<i64>,
    /// `vlan_mode`, where it was said.
    pub vlan_mode: Option<String>,
    /// `external_ids`: whose it is.
    pub external_ids: BTreeMap<String, String>,
    /// One interface; of a bond of the switch's own, several.
    pub interfaces: Vec<Interface>,
    /// Its row.
    pub uuid: Uuid,
}

/// An interface of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name, which is that of the host's device.
    pub name: String,
    /// `type`: `internal`, or empty for a device of the host.
    pub kind: String,
    /// Its number; `None`: ovs-vswitchd has not seen it yet; -1: it has, and could not use it.
    pub ofport: Option<i64>,
    /// ovs-vswitchd's words when it could not use it.
    pub error: Option<String>,
    /// Its Ethernet address, as ovs-vswitchd found it.
    pub mac_in_use: Option<MacAddr>,
    /// `mtu_request`, in bytes.
    pub mtu_request: Option<i64>,
    /// Its row.
    pub uuid: Uuid,
}

impl Observed {
    /// The bridge of that name.
    pub fn bridge(&self, name: &IfName) -> Option<&Bridge> {
        self.bridges.iter().find(|bridge| bridge.name == name.as_str())
    }

    /// The port of that name, and the bridge that it is on. Names of ports are unique over all bridges.
    pub fn port(&self, name: &str) -> Option<(&Bridge, &Port)> {
        self.bridges.iter().find_map(|bridge| Some((bridge, bridge.port(name)?)))
    }

    /// The interface of that name, with its bridge and port.
    pub fn interface(&self, name: &str) -> Option<(&Bridge, &Port, &Interface)> {
        let ports =
            self.bridges.iter().flat_map(|bridge| bridge.ports.iter().map(move |port| (bridge, port)));
        ports.into_iter().find_map(|(bridge, port)| {
            let interface = port.interfaces.iter().find(|interface| interface.name == name)?;
            Some((bridge, port, interface))
        })
    }

    /// From the rows of the four tables.
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
    /// Its port of that name.
    pub fn port(&self, name: &str) -> Option<&Port> {
        self.ports.iter().find(|port| port.name == name)
    }

    /// Its interfaces that ovs-vswitchd could not use, and why.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ports.iter().flat_map(Port::faults)
    }
}

impl Port {
    /// Whether it is an access port of that VLAN (`None`: a trunk of all) and nothing else.
    pub fn is_in(&self, tag: Option<u16>) -> bool {
        let mode = self.vlan_mode.as_deref();
        let usual = if tag.is_some() { "access" } else { "trunk" };
        self.tag == tag && self.trunks.is_empty() && mode.is_none_or(|mode| mode == usual)
    }

    /// Its interfaces that ovs-vswitchd could not use, and why.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.interfaces
            .iter()
            .filter_map(|interface| Some((interface.name.as_str(), interface.error.as_deref()?)))
    }
}

impl Switch {
    /// Reads the switch: one transaction.
    ///
    /// # Errors
    /// The database does not answer, or is of an unknown release.
    pub async fn observe(&self) -> Result<Observed, SwitchError> {
        let read = Transaction::new()
            .select("Open_vSwitch", [], ROOT)
            .select("Bridge", [], BRIDGE)
            .select("Port", [], PORT)
            .select("Interface", [], INTERFACE);
        let told = self.client.transact(read).await;
        let told = told.map_err(|source| SwitchError::database("read it", source))?;
        let rows = |at: usize| told.get(at).map(OperationResult::rows).unwrap_or_default();
        Ok(Observed::read(rows(0), rows(1), rows(2), rows(3))?)
    }
}

type Rows<'a> = BTreeMap<Uuid, &'a Row>;

fn by_uuid(rows: &[Row]) -> Result<Rows<'_>, RowError> {
    rows.iter().map(|row| Ok((row.uuid("_uuid")?, row))).collect()
}

/// The rows that a column refers to, sorted by name.
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
