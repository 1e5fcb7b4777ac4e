//! Published and exposed ports.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Consecutive ports, first and last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PortRange {
    /// The first port, 1 or more.
    pub first: u16,
    /// The last port, not below the first.
    pub last: u16,
}

/// Transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Ports of a host that are forwarded to the same number of ports of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedPorts {
    /// Address of the host; `None`: all of its addresses.
    pub address: Option<IpAddr>,
    /// Ports of the host.
    pub host: PortRange,
    /// Ports of the container, as many as `host`.
    pub container: PortRange,
    /// Protocol.
    pub protocol: Protocol,
}

/// Ports that a container serves and the host does not publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposedPorts {
    /// Ports of the container.
    pub ports: PortRange,
    /// Protocol.
    pub protocol: Protocol,
}

impl PortRange {
    /// Every port.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }
}

impl PublishedPorts {
    /// Pairs of host port and container port.
    pub fn pairs(&self) -> impl Iterator<Item = (u16, u16)> {
        self.host.iter().zip(self.container.iter())
    }
}

impl Protocol {
    /// Name in Docker's form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
