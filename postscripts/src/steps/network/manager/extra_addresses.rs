//! Static addresses of foreign definitions that are not in the tables. The running bridge takes them over
//! with all other addresses of its NIC. Here they are added to its file, or reported. Pure.

use ipnet::IpNet;

use super::dialect::{DroppedSetting, StaticAddress};
use super::tree::Tree;
use crate::steps::network::resolved::{Device, ResolvedNetwork};

/// Result for the addresses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ExtraAddresses {
    /// Added to the device's file.
    pub(super) taken: Vec<IpNet>,
    /// Reported as not taken over.
    pub(super) lost: Vec<DroppedSetting>,
}

/// The addresses that definitions give a device or its ports, and that no device of the tables has.
pub(super) fn extra_addresses(
    tree: &Tree,
    network: &ResolvedNetwork,
    device: &Device,
    parsed: &[StaticAddress],
) -> ExtraAddresses {
    let mut extra = ExtraAddresses::default();
    let has_lines = |address: IpNet| !tree.manager().dialect().address_lines(&[address]).is_empty();
    let is_known = |address: &IpNet| {
        network.devices.iter().any(|device| device.has(address.addr())) || is_local(address)
    };
    for StaticAddress { address, location } in parsed.iter().filter(|known| !is_known(&known.address)) {
        // the tables have the host's IPv4 address in this network, so another one is obsolete
        let is_old = |own: &IpNet| own.addr().is_ipv4() && own.contains(&address.addr());
        if device.addresses.iter().any(is_old) || !has_lines(*address) {
            extra.lost.push(location.clone());
        } else if !extra.taken.contains(address) {
            extra.taken.push(*address);
        }
    }
    extra
}

/// Every IPv6 interface has a link-local address.
fn is_local(address: &IpNet) -> bool {
    matches!(address, IpNet::V6(v6) if v6.addr().is_unicast_link_local())
}
