//! The columns of xCAT's `nics` table, from the table or from a postscript's environment.
//!
//! Form (xCAT `Schema.pm`, table nics): entries separated by `,`; an entry is `NIC!VALUE`, several values of one NIC
//! are separated by `|` and belong together by position: `nicips=eth1!10.98.4.1|10.98.5.1,br0!10.97.4.1`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::cell::{Cell, CellError};
use crate::name::{IfName, NetName};

/// The columns that [`Nics::parse`] asks for.
pub const COLUMNS: [&str; 5] = ["nictypes", "nicips", "nicnetworks", "nicdevices", "nicextraparams"];

/// The interfaces that a node's `nics` row names, in the order in which it names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nics(Vec<Nic>);

/// What the columns say of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub name: IfName,
    /// `nictypes`; `None` where the column does not name it.
    pub kind: Option<NicKind>,
    /// `nicips`.
    pub ips: Vec<IpAddr>,
    /// `nicnetworks`.
    pub networks: Vec<NetName>,
    /// `nicdevices`: the interfaces below a bridge, bond or vlan.
    pub devices: Vec<IfName>,
    /// `nicextraparams`, as `NAME=VALUE` pairs in their order.
    pub params: Vec<(String, String)>,
}

/// `nictypes`, which xCAT compares without case (`confignetwork`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NicKind {
    /// `ethernet`
    Ethernet,
    /// `infiniband`
    Infiniband,
    /// `omnipath`
    Omnipath,
    /// `bond`
    Bond,
    /// `vlan`
    Vlan,
    /// `bridge`: a Linux bridge
    Bridge,
    /// `bridge_ovs`: an Open vSwitch bridge
    BridgeOvs,
    /// `bmc`: a service processor's interface, none of the operating system
    Bmc,
    /// `unused`
    Unused,
}

const KINDS: [(&str, NicKind); 9] = [
    ("ethernet", NicKind::Ethernet),
    ("infiniband", NicKind::Infiniband),
    ("omnipath", NicKind::Omnipath),
    ("bond", NicKind::Bond),
    ("vlan", NicKind::Vlan),
    ("bridge", NicKind::Bridge),
    ("bridge_ovs", NicKind::BridgeOvs),
    ("bmc", NicKind::Bmc),
    ("unused", NicKind::Unused),
];

impl Nics {
    /// Reads the columns of `node` through `column`, which gives the raw text of `nicips`, `nictypes`, ...
    ///
    /// # Errors
    /// Names column, entry and node.
    pub fn parse(node: &str, column: impl Fn(&str) -> Option<String>) -> Result<Self, CellError> {
        let mut nics = Self::default();
        let text = |name| column(name).unwrap_or_default();
        nics.fill(Cell::new("nics.nictypes", node), &text("nictypes"), |nic, values| {
            nic.kind = values.into_iter().next();
        })?;
        nics.fill(Cell::new("nics.nicips", node), &text("nicips"), |nic, values| nic.ips = values)?;
        nics.fill(Cell::new("nics.nicnetworks", node), &text("nicnetworks"), |nic, values| {
            nic.networks = values;
        })?;
        nics.fill(Cell::new("nics.nicdevices", node), &text("nicdevices"), |nic, values| {
            nic.devices = values;
        })?;
        nics.fill(Cell::new("nics.nicextraparams", node), &text("nicextraparams"), |nic, values| {
            nic.params = values.into_iter().flat_map(|Params(pairs)| pairs).collect();
        })?;
        Ok(nics)
    }

    /// Reads the variables `NICIPS`, `NICTYPES`, ... that xCAT exports to a postscript.
    ///
    /// # Errors
    /// As [`Nics::parse`].
    pub fn from_environment(
        node: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CellError> {
        Self::parse(node, |column| variable(&column.to_ascii_uppercase()))
    }

    /// All interfaces.
    pub fn iter(&self) -> std::slice::Iter<'_, Nic> {
        self.0.iter()
    }

    /// The interface of that name.
    pub fn get(&self, name: &str) -> Option<&Nic> {
        self.0.iter().find(|nic| nic.name.as_str() == name)
    }

    fn fill<T>(&mut self, cell: Cell<'_>, text: &str, put: impl Fn(&mut Nic, Vec<T>)) -> Result<(), CellError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let mut seen: Vec<&str> = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, values) = split_entry(cell, entry)?;
            if seen.contains(&name) {
                return Err(
                    cell.refuse(entry, &format_args!("{name} is there twice; join its values with |"))
                );
            }
            seen.push(name);
            let values = parse_values(cell, entry, values)?;
            let name = name.parse().map_err(|error| cell.refuse(entry, &error))?;
            self.edit(name, |nic| put(nic, values));
        }
        Ok(())
    }

    fn edit(&mut self, name: IfName, put: impl FnOnce(&mut Nic)) {
        match self.0.iter_mut().find(|nic| nic.name == name) {
            Some(nic) => put(nic),
            None => {
                let mut nic = Nic::new(name);
                put(&mut nic);
                self.0.push(nic);
            }
        }
    }
}

impl<'a> IntoIterator for &'a Nics {
    type Item = &'a Nic;
    type IntoIter = std::slice::Iter<'a, Nic>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn split_entry<'a>(cell: Cell<'_>, entry: &'a str) -> Result<(&'a str, &'a str), CellError> {
    entry
        .split_once('!')
        .map(|(name, values)| (name.trim(), values.trim()))
        .ok_or_else(|| cell.refuse(entry, "an entry has the form NIC!VALUE or NIC!VALUE|VALUE"))
}

fn parse_values<T>(cell: Cell<'_>, entry: &str, values: &str) -> Result<Vec<T>, CellError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    if values.is_empty() {
        return Ok(Vec::new());
    }
    values.split('|').map(|value| value.trim().parse().map_err(|error| cell.refuse(entry, &error))).collect()
}

impl Nic {
    fn new(name: IfName) -> Self {
        Self {
            name,
            kind: None,
            ips: Vec::new(),
            networks: Vec::new(),
            devices: Vec::new(),
            params: Vec::new(),
        }
    }

    /// Its addresses, each with the network that `nicnetworks` names for it: that at the same position, or the only one.
    pub fn places(&self) -> impl Iterator<Item = (IpAddr, Option<&NetName>)> {
        self.ips.iter().enumerate().map(|(at, ip)| {
            let only = self.networks.first().filter(|_| self.networks.len() == 1);
            (*ip, self.networks.get(at).or(only))
        })
    }

    /// The first `nicextraparams` value of that name, compared without case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it is, or may be, a plain Ethernet interface.
    pub fn is_ethernet(&self) -> bool {
        matches!(self.kind, None | Some(NicKind::Ethernet))
    }
}

impl FromStr for NicKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            format!(
                "no type {text:?}; known: Ethernet, Infiniband, Omnipath, bond, vlan, bridge, bridge_ovs, bmc, unused"
            )
        })
    }
}

impl fmt::Display for NicKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

/// One value of `nicextraparams`: `MTU=1300 foo=bar;baz`.
struct Params(Vec<(String, String)>);

impl FromStr for Params {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let pair = |word: &str| {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is not NAME=VALUE"))?;
            Ok((key.to_owned(), value.to_owned()))
        };
        text.split_whitespace().map(pair).collect::<Result<_, String>>().map(Self)
    }
}
