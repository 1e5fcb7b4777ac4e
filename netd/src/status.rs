//! The output of `netd status`: JSON between daemon and command, and text for the user.

use std::fmt;

use inventory::{IfName, MacAddr, NetName, NodeName, PortList, PublishedPort};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::names::Counts;
use crate::state::Phase;

/// The daemon's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Version of the daemon.
    pub(crate) netd: String,
    /// The loaded snapshot.
    pub(crate) snapshot: Option<SnapshotStatus>,
    /// Networks of this host.
    pub(crate) networks: Vec<NetworkStatus>,
    /// Attached containers.
    pub(crate) endpoints: Vec<EndpointStatus>,
    /// The last repairs, newest last.
    pub(crate) repairs: Vec<Repair>,
    /// Problems for the administrator.
    pub(crate) problems: Vec<String>,
}

/// The loaded snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotStatus {
    pub(crate) host: NodeName,
    pub(crate) version: u64,
    pub(crate) digest: String,
    /// Age of the tables in seconds.
    pub(crate) age_seconds: u64,
    /// Seconds by which the snapshot's version is in the future of this host's clock.
    #[serde(default)]
    pub(crate) ahead_seconds: u64,
    /// The management node that made it, if known.
    #[serde(default)]
    pub(crate) made_by: Option<String>,
    pub(crate) nodes: usize,
    /// Containers of this host whose rows cannot be used.
    #[serde(default)]
    pub(crate) withheld: Vec<NodeName>,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkStatus {
    pub(crate) network: NetName,
    pub(crate) bridge: IfName,
    pub(crate) subnets: Vec<IpNet>,
    /// Docker's network IDs; empty before the first container.
    pub(crate) docker: Vec<String>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndpointStatus {
    pub(crate) node: NodeName,
    pub(crate) network: NetName,
    pub(crate) addresses: Vec<IpNet>,
    pub(crate) mac: MacAddr,
    pub(crate) port: IfName,
    pub(crate) state: Phase,
    /// Published ports of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ports: Vec<PublishedPort>,
    /// Whether it no longer matches the tables. It keeps running.
    pub(crate) orphan: bool,
    /// Whether it can send only with its own MAC and addresses.
    #[serde(default)]
    pub(crate) antispoof: bool,
    /// How many of its frames were dropped since its port has the filter; `None`: unknown.
    #[serde(default)]
    pub(crate) dropped: Option<u64>,
    /// Its DNS sockets. `None`: it has not joined, or no pass has observed them yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) names: Option<NamesStatus>,
}

/// DNS sockets of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamesStatus {
    /// Whether they are open.
    pub(crate) open: bool,
    /// Requests since they were opened.
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Repair {
    pub(crate) seconds_ago: u64,
    pub(crate) text: String,
}

/// The result of a full reconciliation pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reconciled {
    /// Executed repairs.
    pub(crate) repairs: Vec<String>,
    /// Remaining problems.
    pub(crate) problems: Vec<String>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.snapshot {
            None => writeln!(f, "snapshot: none yet: run \"xdock sync HOST\" on the management node")?,
            Some(snapshot) => writeln!(f, "snapshot: {snapshot}")?,
        }
        self.networks.iter().try_for_each(|network| writeln!(f, "network {network}"))?;
        self.endpoints.iter().try_for_each(|endpoint| writeln!(f, "{endpoint}"))?;
        let repair = |repair: &Repair| writeln!(f, "repaired {} s ago: {}", repair.seconds_ago, repair.text);
        self.repairs.iter().try_for_each(repair)?;
        self.problems.iter().try_for_each(|problem| writeln!(f, "problem: {problem}"))
    }
}

impl fmt::Display for SnapshotStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, version, digest, age_seconds, ahead_seconds, made_by, nodes, withheld } = self;
        let digest = digest.get(..19).unwrap_or(digest);
        let maker = made_by.as_ref().map(|name| format!(", made by {name}")).unwrap_or_default();
        let age = match ahead_seconds {
            0 => format!("{age_seconds} s old"),
            ahead => format!("{ahead} s in the future of this host's clock"),
        };
        write!(f, "version {version} ({digest}, {age}{maker}) for {host}, {nodes} container nodes")?;
        match withheld.as_slice() {
            [] => Ok(()),
            wrong => {
                let names: Vec<&str> = wrong.iter().map(AsRef::as_ref).collect();
                write!(f, "; rows that cannot be used: {} (xdock check)", names.join(", "))
            }
        }
    }
}

impl fmt::Display for NetworkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} on bridge {}",
            self.network,
            crate::tables::list_subnets(&self.subnets),
            self.bridge
        )?;
        match self.docker.as_slice() {
            [] => f.write_str(", not in Docker (xdock mk and xdock power on create it)"),
            ids => {
                let short: Vec<&str> = ids.iter().map(|id| id.get(..12).unwrap_or(id)).collect();
                write!(f, ", in Docker as {}", short.join(" and "))
            }
        }
    }
}

impl fmt::Display for EndpointStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, network, addresses, mac, port, state, ports, orphan, antispoof, dropped, names } =
            self;
        let addresses: Vec<String> = addresses.iter().map(|address| address.addr().to_string()).collect();
        write!(f, "{node}: {network} {} {mac} port {port} {state}", addresses.join(" "))?;
        if !ports.is_empty() {
            write!(f, ", publishes {}", PortList(ports))?;
        }
        match dropped {
            None | Some(0) => Ok(()),
            Some(1) => f.write_str(", 1 frame dropped"),
            Some(dropped) => write!(f, ", {dropped} frames dropped"),
        }?;
        if !antispoof {
            f.write_str(", may send with any address (antispoof=no)")?;
        }
        if *orphan {
            f.write_str(", orphan: it no longer matches the tables")?;
        }
        names.as_ref().map_or(Ok(()), |names| write!(f, ", {names}"))
    }
}

impl fmt::Display for NamesStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { open, counts: Counts { answered, forwarded, failed } } = self;
        let state = if *open { "" } else { "closed, " };
        write!(f, "DNS {state}{answered} answered {forwarded} forwarded {failed} failed")
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intended => "intended",
            Self::Created => "created",
            Self::Joined => "joined",
            Self::Left => "left",
        })
    }
}
