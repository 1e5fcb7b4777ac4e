//! The columns of xCAT's `nics` table, from the table or from a postscript's environment.
//!
//! Form (xCAT `Schema.pm`, table nics): entries separated by `,`; an entry is `NIC!VALUE`, several values of one NIC
//! are separated by `|` and belong together by position: `nicips=eth1!10.98.4.1|10.98.5.1,br0!10.97.4.1`.

pub(crate) mod entries;
mod foreign;

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::attributes::near;
use crate::cell::{Cell, CellError};
use crate::name::{IfName, NetName};

pub use foreign::IgnoredEntry;

/// Columns that [`Nics::parse`] reads.
pub const COLUMNS: [&str; 5] = ["nictypes", "nicips", "nicnetworks", "nicdevices", "nicextraparams"];

/// Interfaces of a node's `nics` row, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nics {
    all: Vec<Nic>,
    ignored: Vec<IgnoredEntry>,
}

/// Columns of one interface.
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
    /// Unknown type: xdock does not configure the interface.
    Unknown,
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
    /// Parses the columns of `node`. `column` returns the text of `nicips`, `nictypes`, ...
    ///
    /// # Errors
    /// Names column, entry and node.
    pub fn parse(node: &str, column: impl Fn(&str) -> Option<String>) -> Result<Self, CellError> {
        let mut nics = Self::default();
        let text = |name| column(name).unwrap_or_default();
        // first, because the types select the entries of the other columns
        nics.fill_types(node, &text("nictypes"))?;
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
        nics.pass_over_untyped(node);
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
        self.all.iter()
    }

    /// Ignored entries: they do not belong to interfaces of the operating system.
    pub fn ignored(&self) -> &[IgnoredEntry] {
        &self.ignored
    }

    /// The interface of that name.
    pub fn get(&self, name: &str) -> Option<&Nic> {
        self.all.iter().find(|nic| nic.name.as_str() == name)
    }

    fn fill_types(&mut self, node: &str, text: &str) -> Result<(), CellError> {
        let cell = Cell::new("nics.nictypes", node);
        let mut unknown = Vec::new();
        self.fill::<Typed>(cell, text, |nic, values| match values.into_iter().next() {
            Some(Typed::Known(kind)) => nic.kind = Some(kind),
            Some(Typed::Unknown(_)) => nic.kind = Some(NicKind::Unknown),
            None => {}
        })?;
        for entry in entries::split(&computed(cell, text)?) {
            if let Ok((nic, value)) = split_entry(cell, entry)
                && let Ok(Typed::Unknown(rule)) = value.parse()
            {
                unknown.push(IgnoredEntry::Type { cell: cell.refuse(entry, &rule), nic: nic.to_owned() });
            }
        }
        self.ignored = unknown;
        Ok(())
    }

    fn fill<T>(&mut self, cell: Cell<'_>, text: &str, put: impl Fn(&mut Nic, Vec<T>)) -> Result<(), CellError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let text = computed(cell, text)?;
        let mut seen: Vec<&str> = Vec::new();
        for entry in entries::split(&text) {
            let (name, values) = split_entry(cell, entry)?;
            if seen.contains(&name) {
                return Err(
                    cell.refuse(entry, &format_args!("{name} is listed twice; join its values with |"))
                );
            }
            seen.push(name);
            let parsed = parse_values(cell, entry, values)
                .and_then(|values| Ok((name.parse().map_err(|error| cell.refuse(entry, &error))?, values)));
            match parsed {
                Ok((name, values)) => self.edit(name, |nic| put(nic, values)),
                Err(error) if self.is_foreign(name) => {
                    self.ignored.push(IgnoredEntry::Value { cell: error, nic: name.to_owned() });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn edit(&mut self, name: IfName, put: impl FnOnce(&mut Nic)) {
        match self.all.iter_mut().find(|nic| nic.name == name) {
            Some(nic) => put(nic),
            None => {
                let mut nic = Nic::new(name);
                put(&mut nic);
                self.all.push(nic);
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

/// Computes the expressions of a column. The error has the rule that an expression breaks.
fn computed<'a>(cell: Cell<'_>, text: &'a str) -> Result<Cow<'a, str>, CellError> {
    entries::computed(text, cell.row).map_err(|error| {
        let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        cell.refuse(text, &format_args!("{error}{why}"))
    })
}

fn split_entry<'a>(cell: Cell<'_>, entry: &'a str) -> Result<(&'a str, &'a str), CellError> {
    entries::pair(entry)
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
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, Option<&NetName>)> {
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

/// A value of `nictypes`.
enum Typed {
    Known(NicKind),
    /// With its error message.
    Unknown(String),
}

impl FromStr for Typed {
    type Err = String;

    /// A type similar to a known one is an error: ignoring it would remove a device from the host.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, kind)) = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self::Known(*kind));
        }
        let rule = format!(
            "unknown type {text:?}; known: Ethernet, Infiniband, Omnipath, bond, vlan, bridge, bridge_ovs, bmc, unused"
        );
        let meant = near(&text.to_ascii_lowercase(), KINDS.iter().map(|(name, _)| *name));
        match meant.first() {
            Some(meant) => Err(format!("{rule}; did you mean {meant}?")),
            None => Ok(Self::Unknown(rule)),
        }
    }
}

impl fmt::Display for NicKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(_, kind)| kind == self).map_or("unknown", |(name, _)| name);
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
