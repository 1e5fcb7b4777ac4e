//! Single published ports, and as ranges. Pure.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::ports::Protocol;

/// One port of a host that leads to one of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPort {
    /// Protocol.
    pub protocol: Protocol,
    /// Address of the host; `None`: all of its addresses. `0.0.0.0` and `::`: all of one family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Port of the host.
    pub host: u16,
    /// Port of the container.
    pub container: u16,
}

impl PublishedPort {
    /// Whether one packet to the host could be meant for both ports.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.host == other.host
            && addresses_meet(self.address, other.address)
    }
}

/// Whether a port at one address is also at the other. `None`: all addresses.
pub(crate) fn addresses_meet(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    match (one, other) {
        (None, _) | (_, None) => true,
        (Some(one), Some(other)) if one.is_ipv4() != other.is_ipv4() => false,
        (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
    }
}

impl fmt::Display for PublishedPort {
    /// `10.99.0.11:8080->80/tcp`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PortRun { first: *self, last: *self }.fmt(f)
    }
}

/// Consecutive ports of the host that lead to as many consecutive ports of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRun {
    /// The first.
    pub first: PublishedPort,
    /// The last.
    pub last: PublishedPort,
}

/// Ports as runs, sorted by protocol, address and port.
pub fn port_runs(ports: impl IntoIterator<Item = PublishedPort>) -> Vec<PortRun> {
    let mut ports: Vec<PublishedPort> = ports.into_iter().collect();
    ports.sort_unstable_by_key(|port| (port.protocol, port.address, port.host, port.container));
    ports.dedup();
    let mut runs: Vec<PortRun> = Vec::new();
    for port in ports {
        match runs.last_mut() {
            Some(run) if follows(&run.last, &port) => run.last = port,
            _ => runs.push(PortRun { first: port, last: port }),
        }
    }
    runs
}

fn follows(last: &PublishedPort, next: &PublishedPort) -> bool {
    let (host, container) = (last.host.checked_add(1), last.container.checked_add(1));
    let same = last.protocol == next.protocol && last.address == next.address;
    same && host == Some(next.host) && container == Some(next.container)
}

/// Ports as a person reads them: `8080->80/tcp, 127.0.0.1:7000-7002->7000-7002/udp`.
#[derive(Debug, Clone, Copy)]
pub struct PortList<'a>(pub &'a [PublishedPort]);

impl fmt::Display for PortList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = port_runs(self.0.iter().copied());
        runs.iter().enumerate().try_for_each(|(at, run)| {
            f.write_str(if at == 0 { "" } else { ", " })?;
            run.fmt(f)
        })
    }
}

impl fmt::Display for PortRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        match first.address {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
            Some(address) => write!(f, "{address}:")?,
            None => {}
        }
        if first.host == last.host {
            write!(f, "{}->{}/{}", first.host, first.container, first.protocol)
        } else {
            let (host, container) = ((first.host, last.host), (first.container, last.container));
            write!(f, "{}-{}->{}-{}/{}", host.0, host.1, container.0, container.1, first.protocol)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_ports_are_one_range() {
        let port = |protocol, address: Option<&str>, host, container| PublishedPort {
            protocol,
            address: address.map(|text| text.parse().unwrap()),
            host,
            container,
        };
        let ports = [
            port(Protocol::Udp, Some("127.0.0.1"), 7001, 7001),
            port(Protocol::Tcp, Some("::1"), 81, 80),
            port(Protocol::Tcp, None, 8080, 80),
            port(Protocol::Tcp, None, 8081, 82),
            port(Protocol::Udp, Some("127.0.0.1"), 7000, 7000),
            port(Protocol::Tcp, None, 65535, 65535),
            port(Protocol::Tcp, None, 65534, 65534),
        ];
        let expected = "8080->80/tcp, 8081->82/tcp, 65534-65535->65534-65535/tcp, [::1]:81->80/tcp, 127.0.0.1:7000-7001->7000-7001/udp";
        assert_eq!(PortList(&ports).to_string(), expected);
        assert_eq!(PortList(&[]).to_string(), "");
    }

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
            assert!(port(one).overlaps(&port(other)) && port(other).overlaps(&port(one)), "{one} {other}");
        }
        for (one, other) in
            [("10.0.0.1", "10.0.0.2"), ("0.0.0.0", "::"), ("::", "10.0.0.1"), ("::1", "fd00::1")]
        {
            assert!(!port(one).overlaps(&port(other)), "{one} {other}");
        }
        assert!(!port("").overlaps(&PublishedPort { protocol: Protocol::Udp, ..port("") }));
        assert!(!port("").overlaps(&PublishedPort { host: 81, ..port("") }));
    }
}
