//! Published ports as ranges. Pure.

use std::fmt;
use std::net::IpAddr;

use super::PublishedPort;

/// Consecutive ports of the host that lead to as many consecutive ports of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: PublishedPort,
    pub(super) last: PublishedPort,
}

/// Ports as runs, sorted by protocol, address and port.
pub(super) fn runs(ports: impl IntoIterator<Item = PublishedPort>) -> Vec<Run> {
    let mut ports: Vec<PublishedPort> = ports.into_iter().collect();
    ports.sort_unstable_by_key(|port| (port.protocol, port.address, port.host, port.container));
    ports.dedup();
    let mut runs: Vec<Run> = Vec::new();
    for port in ports {
        match runs.last_mut() {
            Some(run) if follows(&run.last, &port) => run.last = port,
            _ => runs.push(Run { first: port, last: port }),
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
        let runs = runs(self.0.iter().copied());
        runs.iter().enumerate().try_for_each(|(at, run)| {
            f.write_str(if at == 0 { "" } else { ", " })?;
            run.fmt(f)
        })
    }
}

impl fmt::Display for Run {
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
    use inventory::Protocol;

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
}
