//! Answers from the tables. Pure: snapshot, consumer and question -> answer.
//!
//! Only names of the cluster are answered. Everything else may exist elsewhere and is forwarded ([`Answer::Foreign`]).

use std::net::IpAddr;

use inventory::{Attachment, Snapshot, SnapshotNode};

/// What the question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// All addresses.
    Any,
    /// Name of this address.
    Ptr(IpAddr),
    /// Any other type: names of the cluster have none.
    Other,
}

/// An answer from the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Addresses of the requested kind; empty: the name exists, but has none (NODATA).
    Addresses(Vec<IpAddr>),
    /// Name of an address, with domain.
    Name(String),
    /// The name does not exist (NXDOMAIN): the alias of a link whose target is no longer in the tables.
    Missing,
    /// The tables do not decide this name.
    Foreign,
}

/// The snapshot as one consumer sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// The asking container. `None`: its row is no longer in the tables.
    pub(crate) consumer: Option<&'a SnapshotNode>,
}

impl<'a> View<'a> {
    /// The view of the node with this name.
    pub(crate) fn of(snapshot: &'a Snapshot, consumer: &str) -> Self {
        Self { snapshot, consumer: snapshot.node(consumer) }
    }

    /// Answers a question. `name` has no dot at its end.
    pub(crate) fn answer(self, name: &str, kind: Kind) -> Answer {
        let family = |addresses: Vec<IpAddr>| {
            let asked = |address: &IpAddr| match kind {
                Kind::A => address.is_ipv4(),
                Kind::Aaaa => address.is_ipv6(),
                Kind::Any => true,
                Kind::Ptr(_) | Kind::Other => false,
            };
            Answer::Addresses(addresses.into_iter().filter(asked).collect())
        };
        if let Kind::Ptr(address) = kind {
            return self.name_of(address).map_or(Answer::Foreign, Answer::Name);
        }
        match self.linked(name) {
            Some(Some(addresses)) => family(addresses),
            Some(None) => Answer::Missing,
            None => self.resolve(name).map_or(Answer::Foreign, family),
        }
    }

    /// Whether a name or address belongs to the cluster: one of its domains or subnets, or a name without domain. If
    /// there is no name server to forward to, nobody else knows it.
    pub(crate) fn is_of_cluster(self, name: &str, kind: Kind) -> bool {
        let subnets = || self.snapshot.networks.iter().flat_map(|on| &on.network.subnets);
        match kind {
            Kind::Ptr(address) => subnets().any(|subnet| subnet.contains(&address)),
            _ => !name.contains('.') || self.domains().any(|domain| without_domain(name, domain).is_some()),
        }
    }

    /// Whether a resolver made the name of one of ours and a search domain of its own. It asks for ours itself only after it
    /// got the answer that this one does not exist; musl gives up after any other failure.
    pub(crate) fn is_of_search_list(self, name: &str) -> bool {
        let ours = |short: &str| self.linked(short).is_some() || self.resolve_short(short).is_some();
        name.split_once('.').is_some_and(|(short, _)| ours(short))
    }

    /// Addresses of a link of the consumer. `Some(None)`: its target is missing.
    pub(super) fn linked(self, alias: &str) -> Option<Option<Vec<IpAddr>>> {
        let links = self.consumer.iter().flat_map(|consumer| &consumer.links);
        let link = links.into_iter().find(|link| link.alias.eq_ignore_ascii_case(alias))?;
        Some(self.resolve_short(link.node.as_str()))
    }

    /// Addresses of a name with or without domain.
    fn resolve(self, name: &str) -> Option<Vec<IpAddr>> {
        self.resolve_short(name).or_else(|| self.domains().find_map(|domain| self.in_domain(name, domain)))
    }

    /// A name of the site's domain has the same addresses as without domain. A name of a network's domain has those in
    /// that network only.
    fn in_domain(self, name: &str, domain: &str) -> Option<Vec<IpAddr>> {
        let short = without_domain(name, domain)?;
        let names = &self.snapshot.names;
        if names.domain.as_deref().is_some_and(|site| site.eq_ignore_ascii_case(domain)) {
            return self.resolve_short(short);
        }
        let of_node = self.snapshot.node_called(short).into_iter().flat_map(|node| &node.nics);
        let of_node = of_node.flat_map(|nic| &nic.addresses);
        let listed = names.find(short).into_iter().flat_map(|host| &host.addresses);
        let in_domain =
            |address: &&IpAddr| names.domain_of(**address).is_some_and(|of| of.eq_ignore_ascii_case(domain));
        let mut addresses: Vec<IpAddr> = of_node.chain(listed).filter(in_domain).copied().collect();
        addresses.dedup();
        (!addresses.is_empty()).then_some(addresses)
    }

    /// Addresses of a name without domain. A container that is in several networks has the address in the one that it
    /// shares with the consumer, else its first one.
    fn resolve_short(self, name: &str) -> Option<Vec<IpAddr>> {
        let node = self.snapshot.node_called(name);
        let shared = node.and_then(|node| self.shared_nic(node));
        if let Some(nic) = shared {
            return Some(nic.addresses.clone());
        }
        // the first network of a container may not be on this host
        if let Some(host) = self.snapshot.names.find(name) {
            return Some(host.addresses.clone());
        }
        node?.nics.first().map(|nic| nic.addresses.clone())
    }

    fn shared_nic(self, target: &'a SnapshotNode) -> Option<&'a Attachment> {
        let consumer = self.consumer?;
        let is_shared = |nic: &&Attachment| consumer.nics.iter().any(|own| own.network == nic.network);
        target.nics.iter().find(is_shared)
    }

    /// Name of an address with its domain, as `makedns` writes it.
    fn name_of(self, address: IpAddr) -> Option<String> {
        let names = &self.snapshot.names;
        let owner = self.snapshot.owner(address);
        let is_first = |(node, nic): &(&SnapshotNode, &Attachment)| {
            // a node whose first network is not on this host is in `names`
            let is_listed = names.find(node.node.as_str()).is_some_and(|host| !host.alias);
            !is_listed && node.nics.first().is_some_and(|first| first.nic == nic.nic)
        };
        let own = owner.filter(is_first).map(|(node, _)| node.node.as_str());
        let listed = || names.of_address(address).map(|host| &*host.name);
        let any = || owner.map(|(node, _)| node.node.as_str());
        let name = own.or_else(listed).or_else(any)?;
        Some(match names.domain_of(address) {
            Some(domain) if without_domain(name, domain).is_none() => format!("{name}.{domain}"),
            _ => name.to_owned(),
        })
    }

    fn domains(self) -> impl Iterator<Item = &'a str> {
        let names = &self.snapshot.names;
        names.domain.as_deref().into_iter().chain(names.domains.iter().map(|of| &*of.domain))
    }
}

/// `host1` of `host1.cluster.test` in `cluster.test`.
fn without_domain<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(domain.len())?;
    let (short, rest) = (name.get(..at)?, name.get(at..)?);
    rest.eq_ignore_ascii_case(domain)
        .then(|| short.strip_suffix('.'))
        .flatten()
        .filter(|short| !short.is_empty())
}

#[cfg(test)]
mod tests {
    use inventory::{Fabric, HostName, HostNetwork, Link, Names, Network, NetworkDomain};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(name: &str, subnets: &[&str]) -> HostNetwork {
        let network = Network {
            name: name.parse().unwrap(),
            subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
            gateways: vec![],
            vlan: None,
            mtu: None,
            isolate: false,
        };
        HostNetwork { network, fabric: Fabric::Flat, bridge: name.parse().unwrap(), tag: None }
    }

    fn node(name: &str, host: &str, nics: &[(&str, &str, &[&str])], links: &[(&str, &str)]) -> SnapshotNode {
        let nics = nics.iter().map(|(network, nic, addresses)| Attachment {
            network: network.parse().unwrap(),
            nic: nic.parse().unwrap(),
            mac: "02:42:0a:63:01:01".parse().unwrap(),
            addresses: addresses.iter().map(|address| ip(address)).collect(),
        });
        let node = SnapshotNode::new(name.parse().unwrap(), host.parse().unwrap(), nics.collect());
        let link =
            |(node, alias): &(&str, &str)| Link { node: node.parse().unwrap(), alias: (*alias).to_owned() };
        SnapshotNode { links: links.iter().map(link).collect(), ..node }
    }

    fn host(name: &str, addresses: &[&str], alias: bool) -> HostName {
        HostName {
            name: name.into(),
            addresses: addresses.iter().map(|address| ip(address)).collect(),
            alias,
        }
    }

    /// host1c1 and host1c2 use one alias for different targets. host2c1 is in two networks, host3c1 in net98 and in one
    /// that this host lacks.
    fn snapshot() -> Snapshot {
        let nodes = vec![
            node(
                "host1c1",
                "host1",
                &[("mynet0", "eth0", &["10.99.1.1"])],
                &[("host2c1", "db"), ("gone", "old")],
            ),
            node(
                "host1c2",
                "host1",
                &[("net98", "eth1", &["10.98.1.2", "fd98::12"])],
                &[("host3c1", "db"), ("host2c1", "two")],
            ),
            node(
                "host2c1",
                "host2",
                &[("mynet0", "eth0", &["10.99.2.1", "fd99::21"]), ("net98", "eth1", &["10.98.2.1"])],
                &[],
            ),
            node("host3c1", "host3", &[("net98", "eth1", &["10.98.3.1"])], &[]),
        ];
        let hosts = vec![
            host("host1", &["10.99.0.11"], false),
            host("login", &["10.99.0.11"], true),
            host("host2c1-eth1", &["10.98.2.1"], false),
            host("host3c1", &["10.97.3.1"], false),
            host("host3c1-eth1", &["10.98.3.1"], false),
        ];
        let domains = vec![NetworkDomain { net: "10.98.0.0/16".parse().unwrap(), domain: "ib.test".into() }];
        let networks =
            vec![network("mynet0", &["10.99.0.0/16", "fd99::/64"]), network("net98", &["10.98.0.0/16"])];
        Snapshot::seal("host1".parse().unwrap(), 1, networks, nodes).naming(Names::new(
            Some("cluster.test".into()),
            domains,
            hosts,
        ))
    }

    fn asked(consumer: &str, name: &str, kind: Kind) -> String {
        let snapshot = snapshot();
        match View::of(&snapshot, consumer).answer(name, kind) {
            Answer::Addresses(addresses) => {
                addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            }
            Answer::Name(name) => name,
            Answer::Missing => "NXDOMAIN".to_owned(),
            Answer::Foreign => "foreign".to_owned(),
        }
    }

    #[test]
    fn an_alias_resolves_for_its_consumer_only() {
        assert_eq!(asked("host1c1", "db", Kind::A), "10.99.2.1");
        assert_eq!(asked("host1c2", "DB", Kind::A), "10.98.3.1", "another target for the same alias");
        assert_eq!(asked("host2c1", "db", Kind::A), "foreign");
        assert_eq!(asked("unknown", "db", Kind::A), "foreign", "a consumer whose row is gone has no links");
    }

    #[test]
    fn a_target_in_several_networks_has_the_address_of_the_shared_one() {
        assert_eq!(asked("host1c2", "two", Kind::A), "10.98.2.1");
        assert_eq!(asked("host1c2", "host2c1", Kind::A), "10.98.2.1");
        assert_eq!(asked("host1c1", "host2c1", Kind::A), "10.99.2.1");
        assert_eq!(asked("unknown", "host2c1", Kind::A), "10.99.2.1");
        assert_eq!(
            asked("host1c1", "host3c1", Kind::A),
            "10.97.3.1",
            "its first network is not on this host"
        );
    }

    #[test]
    fn a_link_without_target_is_denied_and_not_forwarded() {
        assert_eq!(asked("host1c1", "old", Kind::A), "NXDOMAIN");
        assert_eq!(asked("host1c2", "old", Kind::A), "foreign");
    }

    #[test]
    fn names_have_the_domain_of_the_site_or_of_their_network() {
        for (name, addresses) in [
            ("host1", "10.99.0.11"),
            ("HOST1.cluster.TEST", "10.99.0.11"),
            ("login.cluster.test", "10.99.0.11"),
            ("host2c1.cluster.test", "10.99.2.1"),
            ("host2c1.ib.test", "10.98.2.1"),
            ("host2c1-eth1.ib.test", "10.98.2.1"),
            ("host1.ib.test", "foreign"),
            ("host1.other.test", "foreign"),
            ("cluster.test", "foreign"),
            (".cluster.test", "foreign"),
            ("www.cluster.test", "foreign"),
            ("example.org", "foreign"),
            ("", "foreign"),
        ] {
            assert_eq!(asked("host1c1", name, Kind::A), addresses, "{name}");
        }
    }

    #[test]
    fn a_name_without_an_address_of_the_family_exists() {
        assert_eq!(asked("host1c1", "host2c1", Kind::Aaaa), "fd99::21");
        assert_eq!(asked("host1c1", "host1", Kind::Aaaa), "", "NODATA");
        assert_eq!(asked("host1c1", "db", Kind::Other), "", "NODATA");
        assert_eq!(asked("host1c1", "host2c1", Kind::Any), "10.99.2.1,fd99::21");
        assert_eq!(asked("host1c1", "nobody", Kind::Aaaa), "foreign");
    }

    #[test]
    fn an_address_has_the_name_that_the_tables_give_it() {
        for (address, name) in [
            ("10.99.0.11", "host1.cluster.test"),
            ("10.99.2.1", "host2c1.cluster.test"),
            ("fd99::21", "host2c1.cluster.test"),
            ("10.98.2.1", "host2c1-eth1.ib.test"),
            ("10.97.3.1", "host3c1.cluster.test"),
            ("10.98.3.1", "host3c1-eth1.ib.test"),
            ("10.98.1.2", "host1c2.ib.test"),
            ("10.99.9.9", "foreign"),
            ("192.0.2.1", "foreign"),
        ] {
            assert_eq!(asked("host1c1", "", Kind::Ptr(ip(address))), name, "{address}");
        }
    }

    #[test]
    fn only_the_cluster_s_own_names_are_denied_where_nobody_else_can_be_asked() {
        let snapshot = snapshot();
        let view = View::of(&snapshot, "host1c1");
        assert!(view.is_of_cluster("nobody", Kind::A) && view.is_of_cluster("no.ib.test", Kind::Other));
        assert!(view.is_of_cluster("", Kind::Ptr(ip("10.99.9.9"))));
        assert!(view.is_of_search_list("host2c1.example.org") && !view.is_of_search_list("www.example.org"));
        assert!(!view.is_of_search_list("host2c1"));
        assert!(
            !view.is_of_cluster("example.org", Kind::A)
                && !view.is_of_cluster("", Kind::Ptr(ip("192.0.2.1")))
        );
    }
}
