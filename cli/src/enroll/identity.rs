//! Identity in a host's certificate: names and addresses of the tables only.

use std::net::{IpAddr, SocketAddr};

use inventory::{CellError, InventoryError, Nic, NicKind, Nics, NodeName};
use thiserror::Error;

use super::claims::{Claim, ClaimError, Others, aliases, refuse_many};

/// Identity of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its node name.
    pub(crate) host: String,
    /// Its names: the node's, with the cluster's domain, and `hosts.hostnames`.
    pub(crate) names: Vec<String>,
    /// Its addresses: `hosts.ip` first, then `nics.nicips` without its service processor's.
    pub(crate) addresses: Vec<IpAddr>,
    /// Address of its engine.
    pub(crate) listen: SocketAddr,
}

/// Why a host cannot have a certificate.
#[derive(Debug, Error)]
pub(crate) enum IdentityError {
    /// The tables.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// A cell of `nics`.
    #[error(transparent)]
    Nics(#[from] CellError),
    /// Rejected value.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// No address to listen on.
    #[error(
        "{0} has no address in hosts.ip; set it: its engine listens on it, and its certificate contains it"
    )]
    NoAddress(NodeName),
}

impl Identity {
    /// Reads the identity of a host from the tables.
    pub(crate) fn of(host: &NodeName, port: u16, others: &Others<'_>) -> Result<Self, IdentityError> {
        let tables = others.tables();
        let column =
            |name| tables.value(host.as_str(), name).map(|value| value.unwrap_or_default().trim().to_owned());
        let first: IpAddr =
            column("hosts.ip")?.parse().map_err(|_| IdentityError::NoAddress(host.clone()))?;
        let mut names = vec![Claim::new("nodelist.node", host.to_string())];
        let domain = others.domain()?.map(|domain| format!("{host}.{domain}"));
        names.extend(domain.map(|name| Claim::new("site.domain", name)));
        names.extend(
            aliases(&column("hosts.hostnames")?).map(|name| Claim::new("hosts.hostnames", name.to_owned())),
        );
        let mut addresses = vec![Claim::new("hosts.ip", first)];
        let (ips, types) = (column("nics.nicips")?, column("nics.nictypes")?);
        let nics = Nics::parse(host.as_str(), |name| match name {
            "nicips" => Some(ips.clone()),
            "nictypes" => Some(types.clone()),
            _ => None,
        })?;
        // a service processor does not run the host's engine
        let is_own =
            |nic: &&Nic| !matches!(nic.kind, Some(NicKind::Bmc | NicKind::Unused | NicKind::Unknown));
        for nic in nics.iter().filter(is_own) {
            let column = format!("nicips.{}", nic.name);
            addresses.extend(nic.ips.iter().map(|ip| Claim::new(&column, *ip)));
        }
        others.refuse(host, &names, &addresses)?;
        let (names, addresses) = (unique(names), unique(addresses));
        refuse_many(host, names.len() + addresses.len())?;
        Ok(Self { host: host.to_string(), names, addresses, listen: SocketAddr::new(first, port) })
    }

    /// Names and addresses for messages.
    pub(crate) fn words(&self) -> String {
        let addresses = self.addresses.iter().map(ToString::to_string);
        self.names.iter().cloned().chain(addresses).collect::<Vec<_>>().join(", ")
    }
}

fn unique<T: PartialEq>(claims: Vec<Claim<T>>) -> Vec<T> {
    let mut once = Vec::with_capacity(claims.len());
    for claim in claims {
        if !once.contains(&claim.value) {
            once.push(claim.value);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use inventory::Inventory;

    use super::*;

    const TABLES: &str = "# <xCAT data object stanza file>\n\nclustersite:\n    objtype=site\n    domain=lab.test\n    \
        master=10.99.0.1\n\n\
        host1:\n    objtype=node\n    ip=10.99.0.11\n    hostnames=big,b_d, big\n    nicips.br98=10.98.0.11|fd00:98::b\n    \
        nictypes.bmc0=bmc\n    nicips.bmc0=10.97.0.11\n    nicips.ipmi0=10.97.0.12\n\n\
        host2:\n    objtype=node\n    groups=all\n\n\
        host3:\n    objtype=node\n    ip=10.99.0.13\n    nicips.br98=10.98.0.x\n";

    fn told(text: &str, host: &str) -> String {
        let tables = Inventory::from_stanzas(text).unwrap();
        let others = Others::read(&tables, "mn.lab.test").unwrap();
        Identity::of(&host.parse().unwrap(), 2376, &others)
            .map_or_else(|error| format!("error: {}", chain::chain(&error)), |identity| identity.words())
    }

    #[test]
    fn a_host_is_what_the_tables_say() {
        let tables = Inventory::from_stanzas(TABLES).unwrap();
        let others = Others::read(&tables, "mn").unwrap();
        let found = Identity::of(&"host1".parse().unwrap(), 2376, &others).unwrap();
        assert_eq!(found.words(), "host1, host1.lab.test, big, b_d, 10.99.0.11, 10.98.0.11, fd00:98::b");
        assert_eq!(found.listen.to_string(), "10.99.0.11:2376");
        assert_eq!(
            told(TABLES, "host2"),
            "error: host2 has no address in hosts.ip; set it: its engine listens on it, and its certificate contains it"
        );
        assert_eq!(
            told(TABLES, "host3"),
            "error: nics.nicips=br98!10.98.0.x of host3: invalid IP address syntax"
        );
    }

    #[test]
    fn a_name_that_is_none_or_anothers_is_never_certified() {
        let form = "a name of a certificate has labels of 1 to 63 letters, digits, '-' or '_', separated by '.', at most 253 bytes; correct the row";
        let long = "a".repeat(64);
        for (alias, why) in [
            ("*", form),
            ("*.lab.test", form),
            ("bücher", form),
            ("a..b", form),
            ("-x", form),
            ("x/CN=host2", form),
            (&long, form),
            ("10.99.0.12", "an address is not a name; correct the row"),
            ("1", "an address is not a name; correct the row"),
            ("localhost", "every machine has this name; correct the row"),
            ("LocalHost.localdomain", "every machine has this name; correct the row"),
            ("host2", "it is the name of node host2; correct one of the two rows"),
            ("HOST2.lab.test", "it is the name of node host2; correct one of the two rows"),
            ("mn", "it is the name of this management node; correct the row"),
            ("mn.lab.test", "it is the name of this management node; correct the row"),
        ] {
            let text = TABLES.replace("hostnames=big,b_d, big", &format!("hostnames={alias}"));
            assert_eq!(told(&text, "host1"), format!("error: hosts.hostnames={alias} of host1: {why}"));
        }
        let alias = TABLES
            .replace("host2:\n    objtype=node\n", "host2:\n    objtype=node\n    hostnames=small big\n");
        assert_eq!(
            told(&alias, "host1"),
            "error: hosts.hostnames=big of host1: it is in hosts.hostnames of host2 too; correct one of the two rows"
        );
        let domain = TABLES.replace("domain=lab.test", "domain=*.test");
        assert_eq!(told(&domain, "host1"), format!("error: site.domain=host1.*.test of host1: {form}"));
        let node = format!("h{}", "1".repeat(63) + "x");
        let renamed = TABLES.replace("host1:", &format!("{node}:"));
        assert_eq!(told(&renamed, &node), format!("error: nodelist.node={node} of {node}: {form}"));
        let dotted = format!("{}.{}", "a".repeat(40), "b".repeat(40));
        assert_eq!(
            told(&TABLES.replace("host1:", &format!("{dotted}:")), &dotted),
            format!(
                "error: nodelist.node={dotted} of {dotted}: a certificate's common name has at most 64 bytes (RFC 5280, ub-common-name); rename the node"
            )
        );
    }

    #[test]
    fn an_address_that_is_none_or_anothers_is_never_certified() {
        for (address, why) in [
            ("0.0.0.0", "an engine cannot have this address; correct the row"),
            ("127.0.0.1", "an engine cannot have this address; correct the row"),
            ("::1", "an engine cannot have this address; correct the row"),
            ("::ffff:127.0.0.1", "an engine cannot have this address; correct the row"),
            ("::", "an engine cannot have this address; correct the row"),
            ("255.255.255.255", "an engine cannot have this address; correct the row"),
            ("239.1.1.1", "an engine cannot have this address; correct the row"),
            ("fe80::1", "an engine cannot have this address; correct the row"),
            (
                "10.99.0.1",
                "it is the address of the management node, site.master; correct one of the two rows",
            ),
        ] {
            let primary = TABLES.replace("ip=10.99.0.11", &format!("ip={address}"));
            assert_eq!(told(&primary, "host1"), format!("error: hosts.ip={address} of host1: {why}"));
            let second = TABLES.replace("10.98.0.11|fd00:98::b", &format!("10.98.0.11|{address}"));
            assert_eq!(told(&second, "host1"), format!("error: nicips.br98={address} of host1: {why}"));
        }
        let duplicate =
            TABLES.replace("10.98.0.11|fd00:98::b", "10.99.0.13").replace("10.98.0.x", "10.98.0.13");
        let told_of = |host| told(&duplicate, host);
        let shared = "error: 10.99.0.13 is the address of host1 and host3: change nicips.br98 of host1 or hosts.ip of host3";
        assert_eq!([told_of("host1"), told_of("host3")], [shared, shared]);
        // the management node may be a docker host itself
        let own = TABLES.replace("host1:", "mn:").replace("10.99.0.11", "10.99.0.1");
        assert_eq!(told(&own, "mn"), "mn, mn.lab.test, big, b_d, 10.99.0.1, 10.98.0.11, fd00:98::b");
    }

    #[test]
    fn a_certificate_has_a_hundred_names_at_most() {
        let ips: Vec<String> = (1..=250).map(|at| format!("10.98.1.{at}")).collect();
        let text = TABLES.replace("10.98.0.11|fd00:98::b", &ips.join("|"));
        assert_eq!(
            told(&text, "host1"),
            "error: host1 has 255 names and addresses in hosts and nics; a certificate has at most 100: remove some"
        );
    }
}
