//! `objtype`: the type of an object, its attributes and its rows.

use std::fmt;
use std::str::FromStr;

use crate::attributes::{self, schema};

/// The type of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Rows keyed by a node.
    Node,
    /// Rows keyed by a group, and one of `nodegroup`.
    Group,
    /// A row of `networks` for each address family.
    Network,
    /// A row of `site` for each attribute.
    Site,
    /// Rows of `osimage` and `linuximage`.
    Osimage,
    /// A row of `routes`.
    Route,
    /// A row of `policy`.
    Policy,
    /// Another type of xCAT. No container depends on it, so its objects have no rows.
    Other(&'static str),
}

const KINDS: [(&str, Kind); 7] = [
    ("node", Kind::Node),
    ("group", Kind::Group),
    ("network", Kind::Network),
    ("site", Kind::Site),
    ("osimage", Kind::Osimage),
    ("route", Kind::Route),
    ("policy", Kind::Policy),
];

/// The other types that `lsdef -a` lists (xCAT's Schema.pm, and the manual pages of its section 7).
const OTHERS: [&str; 16] = [
    "auditlog",
    "boottarget",
    "eventlog",
    "firmware",
    "kit",
    "kitcomponent",
    "kitrepo",
    "monitoring",
    "notification",
    "osdistro",
    "osdistroupdate",
    "pdu",
    "rack",
    "taskstate",
    "zone",
    "zvmivp",
];

impl Kind {
    /// The names of the types that are read, for messages.
    pub(super) fn names() -> String {
        KINDS.map(|(name, _)| name).join(", ")
    }

    /// Whether its objects become rows.
    pub(super) fn is_read(self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// The tables whose columns are the attributes, and the column that holds the object's name.
    pub(super) fn tables(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Node | Self::Group | Self::Site | Self::Other(_) => (&[], ""),
            Self::Network => (&["networks"], "netname"),
            Self::Osimage => (&["osimage", "linuximage"], "imagename"),
            Self::Route => (&["routes"], "routename"),
            Self::Policy => (&["policy"], "priority"),
        }
    }

    /// Whether objects of this type have that attribute.
    pub(super) fn has(self, attribute: &str) -> bool {
        match self {
            Self::Site | Self::Other(_) => true,
            Self::Node => node_attribute(attribute),
            Self::Group => GROUP.contains(&attribute) || node_attribute(attribute),
            Self::Network if attribute == "isolate" => true,
            _ => attribute == "usercomment" || self.columns().any(|column| column == attribute),
        }
    }

    /// Attributes whose names are close to that one.
    pub(super) fn near(self, attribute: &str) -> Vec<&'static str> {
        let base = attribute.split_once('.').map_or(attribute, |(base, _)| base);
        match self {
            Self::Node | Self::Group => {
                let names = attributes::all().map(|attribute| attribute.name);
                attributes::near(base, names.chain(GROUP.into_iter().filter(|_| self == Self::Group)))
            }
            Self::Network => attributes::near(base, self.columns().chain(["isolate"])),
            _ => attributes::near(base, self.columns()),
        }
    }

    /// The columns that are attributes: all but key, `comments` (which is `usercomment`) and `disable`.
    fn columns(self) -> impl Iterator<Item = &'static str> {
        let (tables, key) = self.tables();
        let specs = tables.iter().filter_map(|name| schema::TABLES.get(schema::position(name)?));
        let columns = specs.flat_map(schema::TableSpec::columns);
        columns.filter(move |column| *column != key && !matches!(*column, "comments" | "disable"))
    }
}

/// Attributes of groups only.
const GROUP: [&str; 4] = ["grouptype", "members", "membergroups", "wherevals"];

fn node_attribute(attribute: &str) -> bool {
    let (base, nic) = attribute.split_once('.').map_or((attribute, None), |(base, nic)| (base, Some(nic)));
    let mut known = attributes::named(base);
    known.any(|found| match nic {
        Some(nic) => found.is_per_nic() && !nic.is_empty(),
        None => true,
    })
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let read = KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
        let other = || OTHERS.iter().find(|name| **name == text).map(|name| Self::Other(name));
        read.or_else(other).ok_or(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = KINDS.iter().find(|(_, kind)| kind == self).map_or("object", |(name, _)| *name);
        f.pad(if let Self::Other(name) = self { name } else { read })
    }
}
