//! Names of interfaces: the two ends of a container's veth pair on the host, and what Docker renames the
//! container's end to.

use inventory::IfName;
use sha2::{Digest as _, Sha256};

/// What begins the name of every host end. Such a device in the host's main namespace is netd's.
pub(crate) const HOST_PREFIX: &str = "xh";
/// What begins the name of every container end, as long as it is on the host.
pub(crate) const CONTAINER_PREFIX: &str = "xc";

/// The host end and the container end of an endpoint's pair: a function of the endpoint's id alone, so that any
/// later netd finds whose a device is without a record of it.
pub(crate) fn ends(endpoint: &str) -> (IfName, IfName) {
    let key = hex(endpoint, 5);
    (named(&format!("{HOST_PREFIX}{key}")), named(&format!("{CONTAINER_PREFIX}{key}")))
}

/// Whether a device of that name is netd's.
pub(crate) fn is_ours(name: &str) -> bool {
    let key = name.strip_prefix(HOST_PREFIX).or_else(|| name.strip_prefix(CONTAINER_PREFIX));
    key.is_some_and(|key| key.len() == 10 && key.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// What Docker is to call the container's end: it appends a number, counted from 0 for each prefix
/// (libnetwork `osl/interface_linux.go`), and joins the networks of a container in no promised order. One
/// prefix a NIC of the tables makes the number 0 always: `eth0` -> `eth` -> `eth0`, `eth1` -> `eth1-` -> `eth1-0`.
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
