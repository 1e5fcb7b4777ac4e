//! Sets of addresses as sorted ranges: ten thousand consecutive addresses are one range. Pure.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSet {
    /// Sorted and disjoint, first and last address of each.
    v4: Vec<(u32, u32)>,
    /// The same.
    v6: Vec<(u128, u128)>,
}

impl AddressSet {
    /// IPv4 ranges: first and last address of each, sorted.
    pub(super) fn v4(&self) -> &[(u32, u32)] {
        &self.v4
    }

    /// IPv6 ranges.
    pub(super) fn v6(&self) -> &[(u128, u128)] {
        &self.v6
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether an address is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => has(&self.v4, v4.into()),
            IpAddr::V6(v6) => has(&self.v6, v6.into()),
        }
    }

    /// The addresses of this set that are not in `others`.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        Self { v4: subtract(&self.v4, &others.v4), v6: subtract(&self.v6, &others.v6) }
    }

    /// The fewest prefixes with exactly these addresses.
    pub fn prefixes(&self) -> Vec<IpNet> {
        let v4 =
            self.v4.iter().flat_map(|(first, last)| Ipv4Subnets::new((*first).into(), (*last).into(), 0));
        let v6 =
            self.v6.iter().flat_map(|(first, last)| Ipv6Subnets::new((*first).into(), (*last).into(), 0));
        v4.map(IpNet::V4).chain(v6.map(IpNet::V6)).collect()
    }
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<T: IntoIterator<Item = IpAddr>>(addresses: T) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(address) => v4.push(u32::from(address)),
                IpAddr::V6(address) => v6.push(u128::from(address)),
            }
        }
        Self { v4: ranges(v4), v6: ranges(v6) }
    }
}

/// An address as a number.
trait Number: Copy + Ord {
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

impl Number for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Number for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

fn ranges<N: Number>(mut numbers: Vec<N>) -> Vec<(N, N)> {
    numbers.sort_unstable();
    let mut ranges: Vec<(N, N)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if number == *last => {}
            Some((_, last)) if last.next() == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

fn has<N: Number>(ranges: &[(N, N)], number: N) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < number);
    ranges.get(at).is_some_and(|(first, _)| *first <= number)
}

fn subtract<N: Number>(ranges: &[(N, N)], others: &[(N, N)]) -> Vec<(N, N)> {
    let mut left = Vec::with_capacity(ranges.len());
    for (first, last) in ranges.iter().copied() {
        let mut first = Some(first);
        let after = others.partition_point(|(_, end)| first.is_some_and(|first| *end < first));
        for (from, to) in others.iter().skip(after).take_while(|(from, _)| *from <= last).copied() {
            if let (Some(start), Some(end)) = (first, from.previous())
                && start <= end
            {
                left.push((start, end));
            }
            first = to.next();
        }
        if let Some(start) = first.filter(|start| *start <= last) {
            left.push((start, last));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn set(addresses: &[&str]) -> AddressSet {
        addresses.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect()
    }

    #[test]
    fn consecutive_addresses_are_one_range() {
        let many: AddressSet =
            (0..10_000_u32).map(|at| IpAddr::from(Ipv4Addr::from(0x0a63_0100 + at))).collect();
        assert_eq!(many.v4().len(), 1);
        let text = many.prefixes().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text.len(), 7, "{text:?}");
        assert!(many.without(&many).is_empty());
        assert_eq!(many.without(&set(&["10.99.2.7"])).v4().len(), 2);
    }

    #[test]
    fn both_families_and_both_ends() {
        let all = set(&["0.0.0.0", "255.255.255.255", "::", "fd00::1", "fd00::2"]);
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(all.contains("fd00::2".parse().unwrap()) && !all.contains("fd00::3".parse().unwrap()));
        assert_eq!(all.without(&set(&["::", "0.0.0.0", "255.255.255.255", "fd00::1"])), set(&["fd00::2"]));
        assert_eq!(set(&["::", "0.0.0.0"]).without(&set(&["::", "0.0.0.0"])), AddressSet::default());
    }

    proptest! {
        #[test]
        fn a_difference_has_what_is_only_in_the_first(
            first in proptest::collection::btree_set(0_u32..64, 0..40),
            second in proptest::collection::btree_set(0_u32..64, 0..40),
        ) {
            let of = |numbers: &BTreeSet<u32>| -> AddressSet {
                numbers.iter().map(|number| IpAddr::from(Ipv4Addr::from(*number))).collect()
            };
            let expected: BTreeSet<u32> = first.difference(&second).copied().collect();
            let left = of(&first).without(&of(&second));
            prop_assert_eq!(&left, &of(&expected));
            let mut covered = BTreeSet::new();
            for prefix in left.prefixes() {
                let IpNet::V4(net) = prefix else { panic!("IPv4 only") };
                for address in u32::from(net.network())..=u32::from(net.broadcast()) {
                    prop_assert!(covered.insert(address));
                }
            }
            prop_assert_eq!(covered, expected);
        }
    }
}
