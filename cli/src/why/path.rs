//! The addresses between which packets go.

use std::net::IpAddr;

use inventory::NetName;

use super::end::{End, EndAddress};

/// One pair of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) from: EndAddress,
    pub(crate) to: EndAddress,
    /// The network that both are on; `None`: packets go through a gateway.
    pub(crate) network: Option<NetName>,
}

/// All pairs of addresses on networks that both ends have. Without a common network, one pair of each address family.
pub(crate) fn paths(from: &End, to: &End) -> Vec<Path> {
    let (Ok(ours), Ok(theirs)) = (&from.addresses, &to.addresses) else { return Vec::new() };
    let mut all: Vec<Path> = Vec::new();
    for one in ours {
        let shared = theirs.iter().filter(|other| {
            one.network.is_some() && one.network == other.network && same_family(one.address, other.address)
        });
        all.extend(shared.map(|other| Path {
            from: one.clone(),
            to: other.clone(),
            network: one.network.clone(),
        }));
    }
    for family in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
        if all.iter().any(|path| family(&path.from.address)) {
            continue;
        }
        let first = |all: &[EndAddress]| all.iter().find(|one| family(&one.address)).cloned();
        if let (true, Some(from), Some(to)) = (all.is_empty(), first(ours), first(theirs)) {
            all.push(Path { from, to, network: None });
        }
    }
    all
}

fn same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

impl Path {
    /// The way back.
    pub(crate) fn back(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone(), network: self.network.clone() }
    }
}
