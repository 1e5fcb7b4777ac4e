//! The rows of xCAT's `networks` table, from the table or from a postscript's `NETWORKS_LINEn`.
//!
//! Rows of one `netname` and different families are one dual-stack network.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

use crate::cell::{Cell, CellError};
use crate::container::Network;
use crate::name::NetName;

/// A row: a network in one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRow {
    /// `netname`.
    pub name: NetName,
    /// `net` and `mask`.
    pub subnet: IpNet,
    /// `gateway`.
    pub gateway: Option<Gateway>,
    /// `vlanid`.
    pub vlan: Option<u16>,
    /// `mtu`.
    pub mtu: Option<u32>,
}

/// `gateway` of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    /// An address.
    Address(IpAddr),
    /// `<xcatmaster>`: the management node's address in the network, if it has one there (xCAT `Schema.pm`).
    Master,
}

/// Error in the rows of networks. Each message names the row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// A value breaks its column's rule.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// A row without `netname`.
    #[error("the networks row with net={net} has no netname; give it one")]
    Nameless {
        /// Its `net`.
        net: String,
    },
    /// Two rows with the same name and family.
    #[error(
        "two networks rows are named {name}: {first} and {second}; rename one (only an IPv4 and an IPv6 row may share a name)"
    )]
    Twice {
        /// Their name.
        name: NetName,
        /// The subnet of the first.
        first: IpNet,
        /// The subnet of the second.
        second: IpNet,
    },
    /// `site.xdockisolate` names no network.
    #[error("site.xdockisolate names {name}, but no row of networks has this netname; correct it")]
    NotIsolated {
        /// The name.
        name: String,
    },
    /// The two families of one network disagree.
    #[error(
        "the networks rows {first} and {second} of {name} have different {column} values; make them equal"
    )]
    Disagree {
        /// Their name.
        name: NetName,
        /// The subnet of the first.
        first: IpNet,
        /// The subnet of the second.
        second: IpNet,
        /// `mtu` or `vlanid`.
        column: &'static str,
    },
}

/// The network that contains `ip`. If networks overlap, the smallest one.
pub fn around(networks: &[Network], ip: IpAddr) -> Option<&Network> {
    let placed = networks.iter().filter_map(|network| Some((network.subnet_of(ip)?.prefix_len(), network)));
    // the first of equals, in the order of the table
    placed.rev().max_by_key(|(length, _)| *length).map(|(_, network)| network)
}

impl NetworkRow {
    /// Parses a row. `column` returns the text of `netname`, `net`, ...
    ///
    /// # Errors
    /// Names row, column and value.
    pub fn parse<'a>(column: impl Fn(&str) -> Option<&'a str>) -> Result<Self, NetworkError> {
        let text = |name| column(name).map(str::trim).filter(|value| !value.is_empty());
        let net = text("net").unwrap_or_default();
        let row = text("netname").ok_or_else(|| NetworkError::Nameless { net: net.to_owned() })?;
        let cell = |column| Cell::new(column, row);
        // IPv6 rows of xCAT may have the length in both columns
        let (net, length) = net.split_once('/').unwrap_or((net, ""));
        let subnet = subnet(row, net, text("mask").unwrap_or(length))?;
        Ok(Self {
            name: row.parse().map_err(|rule| cell("networks.netname").refuse(row, &rule))?,
            subnet,
            gateway: text("gateway").map(|text| gateway(row, subnet, text)).transpose()?,
            vlan: text("vlanid")
                .map(|text| number(cell("networks.vlanid"), text, 1..=4094))
                .transpose()?
                .and_then(|vlan| u16::try_from(vlan).ok()),
            mtu: text("mtu")
                .map(|text| number(cell("networks.mtu"), text, least_mtu(subnet)..=65535))
                .transpose()?,
        })
    }

    /// Reads the text of `NETWORKS_LINEn`: `netname=mynet0||net=10.99.0.0||mask=255.255.0.0||...`.
    ///
    /// # Errors
    /// As [`NetworkRow::parse`].
    pub fn from_line(line: &str) -> Result<Self, NetworkError> {
        Self::parse(|column| {
            line.split("||")
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| (key == column).then_some(value))
        })
    }
}

impl Network {
    /// Reads the values of all `NETWORKS_LINEn` of a postscript's environment.
    ///
    /// # Errors
    /// The first invalid row. [`Network::usable`] ignores it.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, NetworkError> {
        let (networks, problems) = Self::usable(lines.into_iter().map(NetworkRow::from_line), None);
        problems.into_iter().next().map_or(Ok(networks), Err)
    }

    /// Networks of the valid rows, with `master` as the gateway `<xcatmaster>`, and the errors of the invalid
    /// rows. xCAT's table also has rows that no container needs, and these must not stop the others.
    pub fn usable(
        rows: impl IntoIterator<Item = Result<NetworkRow, NetworkError>>,
        master: Option<IpAddr>,
    ) -> (Vec<Self>, Vec<NetworkError>) {
        let (mut networks, mut problems): (Vec<Self>, _) = (Vec::new(), Vec::new());
        for row in rows {
            let added = row.and_then(|row| {
                let part = row.network(master);
                match networks.iter_mut().find(|network| network.name == part.name) {
                    Some(network) => network.add(part, row.subnet),
                    None => {
                        networks.push(part);
                        Ok(())
                    }
                }
            });
            problems.extend(added.err());
        }
        (networks, problems)
    }

    /// Adds the part in another family, whose subnet is `second`.
    fn add(&mut self, part: Self, second: IpNet) -> Result<(), NetworkError> {
        let is_v4 = |subnet: &IpNet| matches!(subnet, IpNet::V4(_));
        if let Some(first) = self.subnets.iter().copied().find(|subnet| is_v4(subnet) == is_v4(&second)) {
            return Err(NetworkError::Twice { name: part.name, first, second });
        }
        let first = self.subnets.first().copied().unwrap_or(second);
        let disagree = |column| NetworkError::Disagree { name: part.name.clone(), first, second, column };
        self.mtu = agreed(self.mtu, part.mtu).ok_or_else(|| disagree("mtu"))?;
        self.vlan = agreed(self.vlan, part.vlan).ok_or_else(|| disagree("vlanid"))?;
        self.subnets.push(second);
        self.subnets.sort();
        self.gateways.extend(part.gateways);
        self.gateways.sort();
        Ok(())
    }
}

impl NetworkRow {
    /// The network of this row alone.
    fn network(&self, master: Option<IpAddr>) -> Network {
        let gateway = match self.gateway {
            Some(Gateway::Address(address)) => Some(address),
            Some(Gateway::Master) => master.filter(|master| self.subnet.contains(master)),
            None => None,
        };
        Network {
            name: self.name.clone(),
            subnets: vec![self.subnet],
            gateways: gateway.into_iter().collect(),
            vlan: self.vlan,
            mtu: self.mtu,
            isolate: false,
        }
    }
}

/// Merges the values of two rows; `None`: they contradict each other.
fn agreed<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> Option<Option<T>> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => Some(one.or(other)),
    }
}

fn subnet(row: &str, net: &str, mask: &str) -> Result<IpNet, CellError> {
    let cell = Cell::new("networks.net", row);
    let address = IpAddr::from_str(net).map_err(|_| cell.refuse(net, "an IP address is needed"))?;
    let length = prefix_length(address, mask).ok_or_else(|| {
        let rule = match address {
            IpAddr::V4(_) => "a netmask such as 255.255.0.0 or a prefix length 1 to 32 is needed",
            IpAddr::V6(_) => "a prefix length 1 to 128 is needed",
        };
        Cell::new("networks.mask", row).refuse(mask, rule)
    })?;
    let subnet = IpNet::new(address, length).map_err(|error| cell.refuse(net, &error))?;
    if subnet.network() == address {
        return Ok(subnet);
    }
    Err(cell.refuse(net, &format_args!("with mask {mask} the network's address is {}", subnet.network())))
}

fn prefix_length(address: IpAddr, mask: &str) -> Option<u8> {
    let digits = mask.strip_prefix('/').unwrap_or(mask);
    let length = match (address, digits.parse()) {
        (IpAddr::V4(_), Ok(IpAddr::V4(netmask))) => {
            Ipv4Net::with_netmask(std::net::Ipv4Addr::UNSPECIFIED, netmask).ok()?.prefix_len()
        }
        _ => digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?,
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (1..=longest).contains(&length).then_some(length)
}

fn gateway(row: &str, subnet: IpNet, text: &str) -> Result<Gateway, CellError> {
    let cell = Cell::new("networks.gateway", row);
    if text == "<xcatmaster>" {
        return Ok(Gateway::Master);
    }
    let address = IpAddr::from_str(text).map_err(|_| cell.refuse(text, "an IP address is needed"))?;
    if subnet.contains(&address) {
        return Ok(Gateway::Address(address));
    }
    Err(cell.refuse(text, &format_args!("the gateway must be in {subnet}")))
}

/// Minimum MTU of every link (RFC 791, RFC 8200).
fn least_mtu(subnet: IpNet) -> u32 {
    match subnet {
        IpNet::V4(_) => 68,
        IpNet::V6(_) => 1280,
    }
}

fn number(cell: Cell<'_>, text: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, CellError> {
    let rule =
        || cell.refuse(text, &format_args!("a number from {} to {} is needed", range.start(), range.end()));
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(rule)
}
