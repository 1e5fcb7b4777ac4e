//! Whether two published ports are the same port of the host. Pure.

use std::net::IpAddr;

use super::PublishedPort;

/// Whether one packet to the host could be meant for both.
pub fn overlaps(one: &PublishedPort, other: &PublishedPort) -> bool {
    one.protocol == other.protocol && one.host == other.host && addresses_meet(one.address, other.address)
}

fn addresses_meet(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    match (one, other) {
        (None, _) | (_, None) => true,
        (Some(one), Some(other)) if one.is_ipv4() != other.is_ipv4() => false,
        (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use inventory::Protocol;

    use super::*;

    #[test]
    fn a_port_is_taken_at_one_address_or_at_all() {
        let port = |address: &str| PublishedPort {
            protocol: Protocol::Tcp,
            address: Some(address).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()),
            host: 80,
            container: 80,
        };
        let meets =
            [("", ""), ("", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "10.0.0.1"), ("::", "")];
        for (one, other) in meets {
            assert!(
                overlaps(&port(one), &port(other)) && overlaps(&port(other), &port(one)),
                "{one} {other}"
            );
        }
        for (one, other) in
            [("10.0.0.1", "10.0.0.2"), ("0.0.0.0", "::"), ("::", "10.0.0.1"), ("::1", "fd00::1")]
        {
            assert!(!overlaps(&port(one), &port(other)), "{one} {other}");
        }
        assert!(!overlaps(&port(""), &PublishedPort { protocol: Protocol::Udp, ..port("") }));
        assert!(!overlaps(&port(""), &PublishedPort { host: 81, ..port("") }));
    }
}
