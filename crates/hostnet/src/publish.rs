//! Publishes ports of containers at the host's addresses.
//!
//! The rules are in chains of our own, written with the `iptables` that dockerd uses, because the policy of Docker's
//! FORWARD chain counts for published ports too (see [`crate::firewall`]):
//!
//! * `nat` `XDOCK-PORTS`, from PREROUTING and OUTPUT: a host port leads to the container's port.
//! * `nat` `XDOCK-SOURCE`, from POSTROUTING: hides the addresses of clients that the container could not answer.
//! * `filter` `XDOCK-FORWARD`, from FORWARD: these connections pass.
//! * `raw` `XDOCK-LOOPBACK`, from PREROUTING: no machine reaches the host's loopback addresses through a bridge whose
//!   `route_localnet` is set.
//!
//! A client on the network of a Linux bridge gets its answers directly, since the container is on the same Ethernet.
//! They have the source address of the container until br_netfilter, which sees bridged frames too, gives them that
//! of the host. So each such bridge needs `nf_call_iptables` ([`BridgeFilter`]), and the client's address is kept.

mod bridge;
mod plan;
mod reserve;
mod rules;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use inventory::{IfName, NodeName, PublishedPort};
use ipnet::IpNet;
use process::{Command, ExecuteError};
use thiserror::Error;

use crate::error::NetError;
use crate::firewall::Family;
use crate::kernel::Kernel;

pub use bridge::BridgeFilter;
pub use reserve::{Reservation, ReserveError, reserve};
pub(crate) use rules::FORWARD;

/// Maximum wait for another program's lock on the tables, within a run of at most [`IPTABLES_TIMEOUT`].
const LOCK_SECONDS: &str = "5";
const IPTABLES_TIMEOUT: Duration = Duration::from_secs(10);

/// Its directory exists if the module br_netfilter is loaded.
const BR_NETFILTER: &str = "/proc/sys/net/bridge";

/// Whether a port is published at addresses of this family.
pub fn has_family(port: &PublishedPort, family: Family) -> bool {
    port.address.is_none_or(|address| address.is_ipv4() == (family == Family::V4))
}

/// Clients whose address the container does not see, because it could not answer them through this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Programs of this host with an address outside of the container's subnet.
    Host,
    /// All clients outside of the container's subnet: it has no route to them through the bridge.
    OtherSubnets,
    /// All clients: answers on the same Ethernet bypass this host.
    All,
}

/// The ports that one address of a container gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The container, for comments.
    pub node: NodeName,
    /// Its address, with the prefix length of its subnet.
    pub address: IpNet,
    /// The host's interface with an address of this subnet.
    pub device: IfName,
    /// Host end of the container's veth pair, if the device is a Linux bridge and this its port.
    pub bridge_port: Option<IfName>,
    /// Whose address is hidden.
    pub hidden: Hidden,
    /// The ports. Only those of the address's family count.
    pub ports: Vec<PublishedPort>,
}

/// What the host has. `None`: the program does not exist, or the kernel has no IPv6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Output of `iptables-save`.
    pub v4: Option<String>,
    /// Output of `ip6tables-save`.
    pub v6: Option<String>,
    /// Settings of the devices of published ports.
    pub devices: Vec<BridgeFilter>,
    /// Ports of Linux bridges that do not send frames to themselves.
    pub no_hairpin: Vec<IfName>,
    /// Whether br_netfilter is loaded.
    pub br_netfilter: bool,
}

/// A change of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write our chains and the jumps to them, in one transaction a table.
    Write {
        /// Whose program.
        family: Family,
        /// Input of `iptables-restore --noflush`.
        input: String,
        /// Whether ports remain; otherwise our chains are removed.
        any: bool,
    },
    /// Change the settings of a device.
    Device(BridgeFilter),
    /// Let a port of a bridge send frames to itself: the container reaches its own published ports.
    Hairpin(IfName),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { family, any: true, .. } => write!(f, "write the {family} rules of published ports"),
            Self::Write { family, any: false, .. } => {
                write!(f, "remove the {family} rules of published ports")
            }
            Self::Device(filter) => filter.fmt(f),
            Self::Hairpin(port) => write!(f, "set hairpin mode on port {port}"),
        }
    }
}

/// Ports could not be published.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The rules could not be read.
    #[error("cannot read the rules of {family}")]
    Observe {
        /// The family.
        family: Family,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// The rules could not be written.
    #[error("cannot {step}")]
    Write {
        /// The step.
        step: Box<Step>,
        /// Cause.
        #[source]
        source: ExecuteError,
    },
    /// An interface could not be read or changed.
    #[error(transparent)]
    Device(#[from] NetError),
}

/// Reads the rules, and the settings of the devices of these ports.
///
/// # Errors
/// A program exists and failed, or the kernel did not answer.
pub async fn observe(kernel: &Kernel, published: &[Publication]) -> Result<Observed, PublishError> {
    let v4 = saved(Family::V4).await?;
    let v6 = if Path::new("/proc/net/if_inet6").exists() { saved(Family::V6).await? } else { None };
    let protected = rules::protected_devices(v4.as_deref().unwrap_or_default());
    let before = protected.into_iter().filter_map(|name| name.parse::<IfName>().ok());
    let names: BTreeSet<IfName> = published.iter().map(|on| on.device.clone()).chain(before).collect();
    let mut devices = Vec::new();
    for name in &names {
        devices.extend(kernel.bridge_filter(name).await?);
    }
    let mut no_hairpin = Vec::new();
    for port in published.iter().filter_map(|on| on.bridge_port.as_ref()) {
        no_hairpin.extend((kernel.is_hairpin(port).await? == Some(false)).then(|| port.clone()));
    }
    no_hairpin.dedup();
    let br_netfilter = Path::new(BR_NETFILTER).exists();
    Ok(Observed { v4, v6, devices, no_hairpin, br_netfilter })
}

/// The steps after which exactly these ports are published. Pure.
pub fn plan(published: &[Publication], observed: &Observed) -> Vec<Step> {
    let saved = [(Family::V4, &observed.v4), (Family::V6, &observed.v6)];
    let written = saved.into_iter().filter_map(|(family, saved)| {
        plan::write(family, &rules::tables(family, published), saved.as_deref()?)
    });
    let protected = rules::protected_devices(observed.v4.as_deref().unwrap_or_default());
    let filters = bridge::plan(published, &protected, &observed.devices);
    // route_localnet is never set without the rule that protects the loopback addresses
    let (set, reset): (Vec<_>, Vec<_>) = filters.into_iter().partition(|filter| filter.loopback);
    let (set, reset) = (set.into_iter().map(Step::Device), reset.into_iter().map(Step::Device));
    let hairpins = observed.no_hairpin.iter().cloned().map(Step::Hairpin);
    reset.chain(written).chain(set).chain(hairpins).collect()
}

/// Executes one step of a plan.
///
/// # Errors
/// The program or the kernel refused.
pub async fn apply(kernel: &Kernel, step: &Step) -> Result<(), PublishError> {
    match step {
        Step::Write { family, input, .. } => {
            let command = Command::new(&format!("{}-restore", family.program()), IPTABLES_TIMEOUT);
            let command = command.args(["-w", LOCK_SECONDS, "--noflush"]).stdin(input.as_str());
            let ran = command.execute().await;
            let failed = |source| PublishError::Write { step: Box::new(step.clone()), source };
            ran.map(drop).map_err(failed)
        }
        Step::Device(filter) => Ok(kernel.set_bridge_filter(filter).await?),
        Step::Hairpin(port) => Ok(kernel.set_hairpin(port).await?),
    }
}

async fn saved(family: Family) -> Result<Option<String>, PublishError> {
    let command = Command::new(&format!("{}-save", family.program()), IPTABLES_TIMEOUT);
    match command.execute().await {
        Ok(output) => Ok(Some(output.text())),
        Err(ExecuteError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PublishError::Observe { family, source }),
    }
}
