//! Interface names: the two ends of a container's veth pair on the host, and the container end's name in the
//! container.

use inventory::IfName;
use sha2::{Digest as _, Sha256};

/// Prefix of all host ends. A device with it in the host's network namespace belongs to netd.
pub(crate) const HOST_PREFIX: &str = "xh";
/// Prefix of all container ends while they are on the host.
pub(crate) const CONTAINER_PREFIX: &str = "xc";

/// The names of an endpoint's host end and container end. They depend only on the endpoint's ID, so that netd
/// recognizes its devices without a record.
pub(crate) fn ends(endpoint: &str) -> (IfName, IfName) {
    let key = hex(endpoint, 5);
    (named(&format!("{HOST_PREFIX}{key}")), named(&format!("{CONTAINER_PREFIX}{key}")))
}

/// Whether a device of this name belongs to netd.
pub(crate) fn is_ours(name: &str) -> bool {
    let key = name.strip_prefix(HOST_PREFIX).or_else(|| name.strip_prefix(CONTAINER_PREFIX));
    key.is_some_and(|key| key.len() == 10 && key.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether a device of this name is the host end of a container's veth pair.
pub(crate) fn is_host_end(name: &str) -> bool {
    is_ours(name) && name.starts_with(HOST_PREFIX)
}

/// The prefix from which Docker makes the interface name in the container: it appends a number, counted from 0 for
/// each prefix (libnetwork `osl/interface_linux.go`), and joins a container's networks in any order. With one prefix
/// per NIC of the tables the number is always 0: `eth0` -> `eth` -> `eth0`, `eth1` -> `eth1-` -> `eth1-0`.
pub(crate) fn prefix(nic: &IfName) -> String {
    let nic = nic.as_str();
    let plain = nic.strip_suffix('0').filter(|stem| stem.ends_with(|c: char| c.is_ascii_alphabetic()));
    match plain {
        Some(stem) => stem.to_owned(),
        // IFNAMSIZ is 16 with the final NUL: the prefix and a digit must fit 15
        None if nic.len() <= 13 => format!("{nic}-"),
        None => format!("{}{}-", nic.get(..9).unwrap_or_default(), hex(nic, 2)),
    }
}

fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Prefix and hexadecimal digits are always a valid name.
fn named(text: &str) -> IfName {
    text.parse().unwrap_or_else(|_| unreachable!("{text} is an interface's name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_derived_from_the_endpoint() {
        let (host, container) = ends(&"a".repeat(64));
        assert_eq!(host.as_str(), "xhffe054fe7a");
        assert_eq!(container.as_str(), "xcffe054fe7a");
        assert!(is_ours(host.as_str()) && is_ours(container.as_str()));
        for other in ["xh0", "eth0", "xhffe054fe7g", "xhffe054fe7a1"] {
            assert!(!is_ours(other), "{other}");
        }
        assert!(is_host_end(host.as_str()) && !is_host_end(container.as_str()));
    }

    #[test]
    fn every_nic_has_a_prefix_of_its_own_that_fits() {
        let prefix = |nic: &str| prefix(&nic.parse().unwrap());
        assert_eq!(prefix("eth0"), "eth");
        assert_eq!(prefix("ib0"), "ib");
        assert_eq!(prefix("eth1"), "eth1-");
        assert_eq!(prefix("eth10"), "eth10-", "0 after a digit is part of the number");
        assert_eq!(prefix("enp0s3.100"), "enp0s3.100-");
        let long = prefix("abcdefghijklmn1");
        assert_eq!(long, "abcdefghi9982-");
        assert!(long.len() < 15);
    }
}
