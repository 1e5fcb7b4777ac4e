//! What a certificate says of its host: names and addresses of the tables, and nothing that the host says of itself.

use std::net::{IpAddr, SocketAddr};

use inventory::{CellError, Inventory, InventoryError, NicKind, Nics, NodeName};
use thiserror::Error;

/// A host as its certificate has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its node name.
    pub(crate) host: String,
    /// Its names: the node's, with the cluster's domain, and `hosts.hostnames`.
    pub(crate) names: Vec<String>,
    /// Its addresses: `hosts.ip` first, then those of `nics.nicips`, but for its service processor's.
    pub(crate) addresses: Vec<IpAddr>,
    /// Where its engine listens.
    pub(crate) listen: SocketAddr,
}

/// Why a host can have no certificate.
#[derive(Debug, Error)]
pub(crate) enum IdentityError {
    /// The tables.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// A cell of `nics`.
    #[error(transparent)]
    Nics(#[from] CellError),
    /// No address to listen at.
    #[error(
        "{0} has no address in hosts.ip; set it, for its engine listens there and its certificate says so"
    )]
    NoAddress(NodeName),
}

impl Identity {
    /// The host's, as the tables have it.
    pub(crate) fn of(host: &NodeName, port: u16, tables: &Inventory) -> Result<Self, IdentityError> {
        let column =
            |name| tables.value(host.as_str(), name).map(|value| value.unwrap_or_default().trim().to_owned());
        let first: IpAddr =
            column("hosts.ip")?.parse().map_err(|_| IdentityError::NoAddress(host.clone()))?;
        let mut names = vec![host.to_string()];
        let domain = tables.rows("site")?.iter().find(|row| row.get("key") == Some("domain"));
        let domain = domain.and_then(|row| row.get("value")).filter(|domain| !domain.is_empty());
        names.extend(domain.map(|domain| format!("{host}.{domain}")));
        let others = column("hosts.hostnames")?;
        names.extend(others.split([',', ' ']).filter(|name| is_name(name)).map(str::to_owned));
        let mut addresses = vec![first];
        let (ips, types) = (column("nics.nicips")?, column("nics.nictypes")?);
        let nics = Nics::parse(host.as_str(), |name| match name {
            "nicips" => Some(ips.clone()),
            "nictypes" => Some(types.clone()),
            _ => None,
        })?;
        // what answers at a service processor is no engine of this host
        let own = nics
            .iter()
            .filter(|nic| !matches!(nic.kind, Some(NicKind::Bmc | NicKind::Unused | NicKind::Unknown)));
        addresses.extend(own.flat_map(|nic| nic.ips.iter().copied()));
        Ok(Self {
            host: host.to_string(),
            names: unique(names),
            addresses: unique(addresses),
            listen: SocketAddr::new(first, port),
        })
    }

    /// All that its certificate says, for a person.
    pub(crate) fn words(&self) -> String {
        let addresses = self.addresses.iter().map(ToString::to_string);
        self.names.iter().cloned().chain(addresses).collect::<Vec<_>>().join(", ")
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn unique<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut once = Vec::with_capacity(items.len());
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "# <xCAT data object stanza file>\n\nclustersite:\n    objtype=site\n    domain=lab.test\n\n\
        host1:\n    objtype=node\n    ip=10.99.0.11\n    hostnames=big,b_d, big\n    nicips.br98=10.98.0.11|fd00:98::b\n    \
        nictypes.bmc0=bmc\n    nicips.bmc0=10.97.0.11\n\n\
        host2:\n    objtype=node\n    groups=all\n\n\
        host3:\n    objtype=node\n    ip=10.99.0.13\n    nicips.br98=10.98.0.x\n";

    #[test]
    fn a_host_is_what_the_tables_say() {
        let tables = Inventory::from_stanzas(TABLES).unwrap();
        let found = Identity::of(&"host1".parse().unwrap(), 2376, &tables).unwrap();
        assert_eq!(found.words(), "host1, host1.lab.test, big, 10.99.0.11, 10.98.0.11, fd00:98::b");
        assert_eq!(found.listen.to_string(), "10.99.0.11:2376");
        let none = Identity::of(&"host2".parse().unwrap(), 2376, &tables).unwrap_err();
        let told = "host2 has no address in hosts.ip; set it, for its engine listens there and its certificate says so";
        assert_eq!(none.to_string(), told);
        let broken = Identity::of(&"host3".parse().unwrap(), 2376, &tables).unwrap_err().to_string();
        assert!(broken.contains("nics.nicips") && broken.contains("10.98.0.x"), "{broken}");
    }
}
