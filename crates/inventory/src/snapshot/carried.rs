//! Previous rows of containers whose rows became invalid. Pure.
//!
//! A mistake in a row must not disconnect a running container or prevent its restart. The host keeps
//! the previous row until the row is corrected or removed, or moves the container to another host. Addresses that the tables
//! assign to another node are no longer kept.
//!
//! If only `vm.othersettings` is invalid, the row still has the container's addresses. Then its links, name servers, further
//! addresses and permission to send with any address are kept. They are part of one column: without it nobody knows which of
//! them the mistake concerns.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use super::{Snapshot, SnapshotNode};
use crate::container::Attachment;
use crate::mac::MacAddr;
use crate::name::NetName;

impl Snapshot {
    /// The snapshot as it becomes active on a host that had `before`.
    #[must_use]
    pub fn succeeding(mut self, before: Option<&Self>) -> Self {
        let Some(before) = before.filter(|before| before.host == self.host) else { return self };
        for node in self.nodes.iter_mut().filter(|node| node.keeps_settings) {
            if let Some(had) = before.node(node.node.as_str()) {
                (node.links, node.own) = (had.links.clone(), had.own.clone());
            }
        }
        if self.withheld.is_empty() {
            return Self { carried: Vec::new(), ..self };
        }
        let macs: HashSet<MacAddr> =
            self.nodes.iter().flat_map(|node| &node.nics).map(|nic| nic.mac).collect();
        let is_free = |nic: &Attachment| {
            let others = nic
                .addresses
                .iter()
                .filter(|address| self.index.holders(&self.nodes, **address).next().is_some());
            others.count() == 0 && !macs.contains(&nic.mac)
        };
        let names: BTreeSet<_> = self.withheld.iter().collect();
        let had = names.into_iter().filter_map(|name| before.node(name.as_str()));
        let carried = had.filter(|node| node.nics.iter().all(is_free)).cloned().collect();
        Self { carried, ..self }
    }
}

/// The node with this address on this network; `nodes` are few.
pub(super) fn holder<'a>(
    nodes: &'a [SnapshotNode],
    network: &NetName,
    address: IpAddr,
) -> Option<(&'a SnapshotNode, &'a Attachment)> {
    let nics = nodes.iter().flat_map(|node| node.nics.iter().map(move |nic| (node, nic)));
    nics.into_iter().find(|(_, nic)| nic.network == *network && nic.addresses.contains(&address))
}

/// The node with this address on any network.
pub(super) fn owner(nodes: &[SnapshotNode], address: IpAddr) -> Option<(&SnapshotNode, &Attachment)> {
    let nics = nodes.iter().flat_map(|node| node.nics.iter().map(move |nic| (node, nic)));
    nics.into_iter().find(|(_, nic)| nic.addresses.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::super::OwnSettings;
    use super::*;
    use crate::container::Link;

    fn node(name: &str, host: &str, address: &str) -> SnapshotNode {
        let network: NetName = "mynet0".parse().unwrap();
        let nic = Attachment {
            mac: MacAddr::derive(&name.parse().unwrap(), &network),
            network,
            nic: "eth0".parse().unwrap(),
            addresses: vec![address.parse().unwrap()],
        };
        SnapshotNode::new(name.parse().unwrap(), host.parse().unwrap(), vec![nic])
    }

    fn snapshot(version: u64, nodes: &[(&str, &str)], withheld: &[&str]) -> Snapshot {
        let nodes = nodes.iter().map(|(name, address)| node(name, "host1", address)).collect();
        let sealed = Snapshot::seal("host1".parse().unwrap(), version, vec![], nodes);
        sealed.withholding(withheld.iter().map(|name| name.parse().unwrap()).collect())
    }

    fn holder_of(snapshot: &Snapshot, address: &str) -> Option<String> {
        let found = snapshot.holder(&"mynet0".parse().unwrap(), address.parse().unwrap());
        found.map(|(node, _)| node.node.to_string())
    }

    #[test]
    fn a_node_whose_row_became_wrong_keeps_what_it_had() {
        let before = snapshot(1, &[("c1", "10.99.1.1"), ("c2", "10.99.1.2")], &[]);
        let after = snapshot(2, &[("c1", "10.99.1.1")], &["c2", "c3"]).succeeding(Some(&before));
        assert_eq!(holder_of(&after, "10.99.1.2").as_deref(), Some("c2"));
        assert_eq!(after.node("c2"), before.node("c2"));
        assert_eq!(after.node("c3"), None, "never known");
        // once more, over a file
        let read = Snapshot::parse(after.to_text().as_bytes()).unwrap();
        assert_eq!(read, after);
        let later = snapshot(3, &[], &["c2"]).succeeding(Some(&read));
        assert_eq!(holder_of(&later, "10.99.1.2").as_deref(), Some("c2"));
    }

    #[test]
    fn a_row_that_is_right_again_or_gone_ends_it() {
        let before = snapshot(1, &[("c2", "10.99.1.2")], &[]);
        let wrong = snapshot(2, &[], &["c2"]).succeeding(Some(&before));
        let right = snapshot(3, &[("c2", "10.99.1.9")], &[]).succeeding(Some(&wrong));
        assert_eq!(
            (holder_of(&right, "10.99.1.2"), holder_of(&right, "10.99.1.9").as_deref()),
            (None, Some("c2"))
        );
        let gone = snapshot(3, &[], &[]).succeeding(Some(&wrong));
        assert_eq!((holder_of(&gone, "10.99.1.2"), gone.carried.len()), (None, 0));
    }

    #[test]
    fn what_the_tables_give_to_another_node_is_that_nodes() {
        let before = snapshot(1, &[("c2", "10.99.1.2")], &[]);
        let other = snapshot(2, &[("c9", "10.99.1.2")], &["c2"]).succeeding(Some(&before));
        assert_eq!((holder_of(&other, "10.99.1.2").as_deref(), other.node("c2")), (Some("c9"), None));
        let mut with_mac = node("c9", "host1", "10.99.1.9");
        with_mac.nics[0].mac = before.nodes[0].nics[0].mac;
        let sealed = Snapshot::seal("host1".parse().unwrap(), 2, vec![], vec![with_mac]);
        assert_eq!(sealed.withholding(vec!["c2".parse().unwrap()]).succeeding(Some(&before)).carried, []);
    }

    #[test]
    fn a_node_with_invalid_settings_keeps_those_that_it_had() {
        let tables = |version, change: fn(&mut SnapshotNode)| {
            let mut node = node("c1", "host1", "10.99.1.9");
            change(&mut node);
            Snapshot::seal("host1".parse().unwrap(), version, vec![], vec![node])
        };
        let before = tables(1, |node| {
            node.links = vec![Link { node: "c2".parse().unwrap(), alias: "db".to_owned() }];
            node.own = OwnSettings { spoofing: true, ..OwnSettings::default() }.boxed();
        });
        let had = &before.nodes[0];
        let sealed = tables(2, |node| node.keeps_settings = true);
        let wrong = sealed.clone().succeeding(Some(&before));
        assert_eq!((&wrong.nodes[0].links, &wrong.nodes[0].own), (&had.links, &had.own));
        // the same tables, over a file, and once more
        assert_eq!(wrong.digest, sealed.digest);
        let read = Snapshot::parse(wrong.to_text().as_bytes()).unwrap();
        assert_eq!(sealed.succeeding(Some(&read)).nodes, wrong.nodes);
        // right again
        assert_eq!(tables(3, |_| {}).succeeding(Some(&read)).nodes[0].own, None);
    }

    #[test]
    fn only_wrong_rows_change_the_digest() {
        let sealed = |withheld: &[&str]| snapshot(1, &[("c1", "10.99.1.1")], withheld).digest;
        let plain =
            Snapshot::seal("host1".parse().unwrap(), 1, vec![], vec![node("c1", "host1", "10.99.1.1")]);
        assert_eq!(sealed(&[]), plain.digest);
        assert_ne!(sealed(&["c2"]), plain.digest);
        assert_ne!(sealed(&["c2"]), sealed(&["c3"]));
        assert_eq!(sealed(&["c2", "c3"]), sealed(&["c3", "c2"]));
    }
}
