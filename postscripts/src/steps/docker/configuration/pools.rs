//! Addresses for Docker's own bridges that do not overlap the cluster's. Pure.
//!
//! Docker's own choice (moby `libnetwork/ipamutils/utils.go`: from 172.17.0.0/16) considers only the current
//! routes. A cluster network whose route is added later would be hidden, and its nodes unreachable.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

/// Prefix length of the networks in a block: docker_gwbridge and user-defined networks are small.
pub(super) const SIZE: u8 = 24;
/// Number of blocks: 256 networks in each block of 16 bits.
const BLOCKS: usize = 4;

/// Addresses of Docker's own bridges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pools {
    /// Address of `docker0`.
    pub(super) bip: Ipv4Net,
    /// Blocks for networks without a given subnet.
    pub(super) blocks: Vec<Ipv4Net>,
}

/// The first free blocks; `None` if the cluster has all private addresses.
pub(super) fn choose(cluster: &[IpNet]) -> Option<Pools> {
    let free: Vec<Ipv4Net> =
        candidates().filter(|block| touched(*block, cluster).is_none()).take(1 + BLOCKS).collect();
    let (first, rest) = free.split_first()?;
    let gateway = first.hosts().next()?;
    let bip = Ipv4Net::new(gateway, first.prefix_len()).ok()?;
    // Docker's IPAM skips docker0's part of a single block
    let blocks = if rest.is_empty() { vec![*first] } else { rest.to_vec() };
    Some(Pools { bip, blocks })
}

/// The cluster network that overlaps a block.
pub(super) fn touched(block: Ipv4Net, cluster: &[IpNet]) -> Option<IpNet> {
    let block = IpNet::V4(block);
    cluster.iter().copied().find(|net| net.contains(&block.network()) || block.contains(&net.network()))
}

/// RFC 1918. Docker's default comes first, so that docker0 keeps its address on most hosts; 10.0.0.0/8 comes
/// last and from its end, because most clusters start at its beginning; small blocks are for clusters that
/// use a part of everything.
fn candidates() -> impl Iterator<Item = Ipv4Net> {
    let large = (17..=31).chain([16]).map(|second| block(172, second, 0, 16));
    let middle = (0..16).map(|part| block(192, 168, part * 16, 20));
    let ten = (0..=255).rev().map(|second| block(10, second, 0, 16));
    let small = (16..=31).flat_map(|second| (0..=255).map(move |third| block(172, second, third, SIZE)));
    let tens = (0..=255).rev().flat_map(|second| (0..=255).map(move |third| block(10, second, third, SIZE)));
    large.chain(middle).chain(ten).chain(small).chain(tens)
}

fn block(first: u8, second: u8, third: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(first, second, third, 0), length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chosen(cluster: &[&str]) -> (String, String) {
        let cluster: Vec<IpNet> = cluster.iter().map(|net| net.parse().unwrap()).collect();
        let pools = choose(&cluster).unwrap();
        let blocks: Vec<String> = pools.blocks.iter().map(ToString::to_string).collect();
        (pools.bip.to_string(), blocks.join(" "))
    }

    #[test]
    fn dockers_default_stays_where_it_can() {
        let rest = "172.18.0.0/16 172.19.0.0/16 172.20.0.0/16 172.21.0.0/16";
        assert_eq!(chosen(&["10.99.0.0/16", "fd00::/64"]), ("172.17.0.1/16".to_owned(), rest.to_owned()));
        let (bip, blocks) = chosen(&["172.16.0.0/13", "172.25.3.0/24"]);
        assert_eq!((bip.as_str(), blocks.split(' ').next()), ("172.24.0.1/16", Some("172.26.0.0/16")));
    }

    #[test]
    fn crowded_clusters_leave_a_corner_or_none() {
        let (bip, blocks) = chosen(&["172.16.0.0/12", "10.0.0.0/9", "192.168.0.0/16"]);
        assert_eq!((bip.as_str(), blocks.split(' ').next()), ("10.255.0.1/16", Some("10.254.0.0/16")));
        let nearly = ["172.16.0.0/13", "172.24.0.0/14", "172.28.0.0/15", "172.30.0.0/16", "172.31.0.0/17"];
        let mut nearly = nearly.to_vec();
        nearly.extend(["172.31.128.0/18", "172.31.192.0/19", "172.31.224.0/20", "172.31.240.0/21"]);
        nearly.extend(["172.31.248.0/22", "172.31.252.0/23", "172.31.254.0/24"]);
        nearly.extend(["10.0.0.0/8", "192.168.0.0/16"]);
        assert_eq!(chosen(&nearly), ("172.31.255.1/24".to_owned(), "172.31.255.0/24".to_owned()));
        let all: Vec<IpNet> = vec!["0.0.0.0/0".parse().unwrap()];
        assert_eq!(choose(&all), None);
    }

    proptest! {
        #[test]
        fn no_choice_touches_the_cluster(nets in proptest::collection::vec((0u8..4, any::<[u8; 3]>(), 8u8..=28), 0..12)) {
            let net = |(kind, [b, c, d], length): (u8, [u8; 3], u8)| {
                let address = match kind {
                    0 => Ipv4Addr::new(10, b, c, d),
                    1 => Ipv4Addr::new(172, 16 | (b & 15), c, d),
                    2 => Ipv4Addr::new(192, 168, c, d),
                    _ => Ipv4Addr::new(b, c, d, 0),
                };
                IpNet::V4(Ipv4Net::new_assert(address, length).trunc())
            };
            let cluster: Vec<IpNet> = nets.into_iter().map(net).collect();
            if let Some(pools) = choose(&cluster) {
                for block in pools.blocks.iter().copied().chain([pools.bip.trunc()]) {
                    prop_assert_eq!(touched(block, &cluster), None);
                }
                prop_assert!(!pools.blocks.is_empty());
            }
        }
    }
}
