//! Index from addresses to nodes. It takes eight bytes per address, so that 10,000 nodes need little memory in netd.

use std::net::IpAddr;
use std::sync::OnceLock;

use super::SnapshotNode;
use crate::container::Attachment;

/// Position of an address: node, attachment, address.
type Place = (u32, u16, u16);

/// Positions of all addresses, sorted by address. The first lookup creates them. They are not part of a
/// snapshot's value: snapshots are equal with and without them.
#[derive(Debug, Clone, Default)]
pub(super) struct AddressIndex(OnceLock<Box<[Place]>>);

impl PartialEq for AddressIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AddressIndex {}

impl AddressIndex {
    /// All attachments with this address.
    pub(super) fn holders<'a>(
        &'a self,
        nodes: &'a [SnapshotNode],
        address: IpAddr,
    ) -> impl Iterator<Item = (&'a SnapshotNode, &'a Attachment)> {
        let places = self.0.get_or_init(|| sorted_places(nodes));
        let first = places.partition_point(|place| address_at(nodes, *place) < Some(address));
        let from_first = places.get(first..).unwrap_or_default().iter();
        from_first
            .take_while(move |place| address_at(nodes, **place) == Some(address))
            .filter_map(|place| nic_at(nodes, *place))
    }
}

fn sorted_places(nodes: &[SnapshotNode]) -> Box<[Place]> {
    let mut places = Vec::with_capacity(nodes.len());
    for (node, at) in nodes.iter().zip(0..) {
        for (nic, at_nic) in node.nics.iter().zip(0..) {
            places.extend((0..).take(nic.addresses.len()).map(|at_address| (at, at_nic, at_address)));
        }
    }
    places.sort_unstable_by_key(|place| address_at(nodes, *place));
    places.into()
}

fn nic_at(nodes: &[SnapshotNode], (node, nic, _): Place) -> Option<(&SnapshotNode, &Attachment)> {
    let node = nodes.get(usize::try_from(node).ok()?)?;
    Some((node, node.nics.get(usize::from(nic))?))
}

fn address_at(nodes: &[SnapshotNode], place: Place) -> Option<IpAddr> {
    nic_at(nodes, place)?.1.addresses.get(usize::from(place.2)).copied()
}
