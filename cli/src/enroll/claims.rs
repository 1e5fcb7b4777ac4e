//! Checks the names and addresses of a host's certificate. All clients of the authority trust them, so that a wrong or
//! malicious row must not let one host impersonate another one or this management node.

use std::collections::HashMap;
use std::net::IpAddr;

use inventory::{Cluster, Inventory, InventoryError, NodeName};
use thiserror::Error;

/// Limit of names and addresses in a certificate, which is sent on each connection.
const MOST: usize = 100;

/// RFC 5280, appendix A.1: `ub-common-name`.
const COMMON_NAME: usize = 64;

/// A value with its column.
#[derive(Debug, Clone)]
pub(super) struct Claim<T> {
    column: String,
    pub(super) value: T,
}

impl<T> Claim<T> {
    pub(super) fn new(column: &str, value: T) -> Self {
        Self { column: column.to_owned(), value }
    }
}

/// Why a value is rejected. Messages name the row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ClaimError {
    /// Invalid value.
    #[error("{column}={value} of {host}: {why}")]
    Value {
        column: String,
        /// The value.
        value: String,
        host: NodeName,
        /// Rule and hint.
        why: String,
    },
    /// Two nodes have the address.
    #[error(transparent)]
    Shared(inventory::Duplicate),
    /// Too many values.
    #[error(
        "{host} has {count} names and addresses in hosts and nics; a certificate has at most {MOST}: remove some"
    )]
    TooMany {
        host: NodeName,
        /// Their number.
        count: usize,
    },
}

/// Names and addresses of other nodes.
pub(crate) struct Others<'a> {
    tables: &'a Inventory,
    cluster: Cluster<'a>,
    /// Nodes of each alias in lower case.
    aliases: HashMap<String, Vec<NodeName>>,
    /// Host name of this machine.
    management: String,
}

impl<'a> Others<'a> {
    /// Reads the names of all nodes; `management` is the host name of this management node.
    pub(crate) fn read(tables: &'a Inventory, management: &str) -> Result<Self, InventoryError> {
        let cluster = tables.cluster()?;
        let mut known: HashMap<String, Vec<NodeName>> = HashMap::new();
        for node in cluster.nodes() {
            let text = tables.value(node.as_str(), "hosts.hostnames")?.unwrap_or_default();
            for alias in aliases(&text) {
                known.entry(alias.to_ascii_lowercase()).or_default().push(node.clone());
            }
        }
        Ok(Self { tables, cluster, aliases: known, management: management.trim().to_ascii_lowercase() })
    }

    pub(super) fn tables(&self) -> &'a Inventory {
        self.tables
    }

    /// `site.domain`.
    pub(super) fn domain(&self) -> Result<Option<&'a str>, InventoryError> {
        self.tables.site("domain")
    }

    /// Rejects values that are not names or addresses, or belong to another node.
    pub(super) fn refuse(
        &self,
        host: &NodeName,
        names: &[Claim<String>],
        addresses: &[Claim<IpAddr>],
    ) -> Result<(), ClaimError> {
        for claim in names {
            let why = self.no_name(host, &claim.value);
            why.map_or(Ok(()), |why| Err(claim.refused(host, why)))?;
        }
        if host.as_str().len() > COMMON_NAME {
            let why = format!(
                "a certificate's common name has at most {COMMON_NAME} bytes (RFC 5280, ub-common-name); rename the node"
            );
            return Err(Claim::new("nodelist.node", host).refused(host, why));
        }
        for claim in addresses {
            let why = self.no_address(host, claim.value);
            why.map_or(Ok(()), |why| Err(claim.refused(host, why.to_owned())))?;
            self.refuse_shared(host, claim.value)?;
        }
        Ok(())
    }

    fn no_name(&self, host: &NodeName, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        if !is_dns_name(&name) {
            return Some(
                "a name of a certificate has labels of 1 to 63 letters, digits, '-' or '_', separated by '.', at most 253 bytes; correct the row"
                    .to_owned(),
            );
        }
        // RFC 1123, 2.1: the last label of a name is not a number
        if name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
            return Some("an address is not a name; correct the row".to_owned());
        }
        if name.split('.').any(|label| label == "localhost") {
            return Some("every machine has this name; correct the row".to_owned());
        }
        if !self.is_management(host) && self.is_name_of(&name, &self.management) {
            return Some("it is the name of this management node; correct the row".to_owned());
        }
        let is_other = |node: &&NodeName| *node != host && self.is_name_of(&name, node.as_str());
        if let Some(node) = self.cluster.nodes().iter().find(is_other) {
            return Some(format!("it is the name of node {node}; correct one of the two rows"));
        }
        let others = self.aliases.get(&name).into_iter().flatten();
        others
            .filter(|node| *node != host)
            .map(|node| format!("it is in hosts.hostnames of {node} too; correct one of the two rows"))
            .next()
    }

    /// Whether `name` is this machine, with or without the cluster's domain.
    fn is_name_of(&self, name: &str, machine: &str) -> bool {
        let machine = machine.to_ascii_lowercase();
        let short = machine.split('.').next().unwrap_or_default();
        let domain = self.domain().ok().flatten().unwrap_or_default().to_ascii_lowercase();
        !short.is_empty()
            && (name == machine
                || (machine == self.management && name == short)
                || name == format!("{machine}.{domain}"))
    }

    fn is_management(&self, host: &NodeName) -> bool {
        let short = self.management.split('.').next().unwrap_or_default();
        host.as_str().eq_ignore_ascii_case(short) || host.as_str().eq_ignore_ascii_case(&self.management)
    }

    fn no_address(&self, host: &NodeName, address: IpAddr) -> Option<&'static str> {
        if !is_of_a_machine(address.to_canonical()) {
            return Some("an engine cannot have this address; correct the row");
        }
        let master = self.tables.site("master").ok().flatten().and_then(|text| text.parse::<IpAddr>().ok());
        let is_masters = master.is_some_and(|master| master.to_canonical() == address.to_canonical());
        (is_masters && !self.is_management(host))
            .then_some("it is the address of the management node, site.master; correct one of the two rows")
    }

    fn refuse_shared(&self, host: &NodeName, address: IpAddr) -> Result<(), ClaimError> {
        let address = address.to_string();
        let shares =
            |shared: &&inventory::Duplicate| shared.address == address && shared.nodes.contains(host);
        match self.cluster.duplicates().iter().find(shares) {
            Some(shared) => Err(ClaimError::Shared(shared.clone())),
            None => Ok(()),
        }
    }
}

impl<T: ToString> Claim<T> {
    fn refused(&self, host: &NodeName, why: String) -> ClaimError {
        ClaimError::Value {
            column: self.column.clone(),
            value: self.value.to_string(),
            host: host.clone(),
            why,
        }
    }
}

/// Rejects too many names and addresses.
pub(super) fn refuse_many(host: &NodeName, count: usize) -> Result<(), ClaimError> {
    if count > MOST { Err(ClaimError::TooMany { host: host.clone(), count }) } else { Ok(()) }
}

/// Names in `hosts.hostnames`.
pub(super) fn aliases(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty())
}

/// RFC 1035, 2.3.4. Underscores are not valid in host names, but are in use, and TLS libraries accept them.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether a single remote machine can have this address.
fn is_of_a_machine(address: IpAddr) -> bool {
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !special
        && match address {
            IpAddr::V4(v4) => !v4.is_broadcast() && !v4.is_link_local() && v4.octets().first() != Some(&0),
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
        }
}
