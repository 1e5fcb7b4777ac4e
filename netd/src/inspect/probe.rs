//! Probes: echo requests, TCP connections, and whether another machine uses the destination's address.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chain::chain;
use hostnet::echo::{Answers, Ping, ping};
use hostnet::{Kernel, NetError, PacketError, arp, ndp};
use inspection::{Link, Probe, Resolved, Stack};
use inventory::MacAddr;

use super::Target;
use super::names;
use super::stack::{self, Selection};

/// Packets per probe: enough that a loss of one in two is seen nearly always.
const COUNT: u16 = 5;
const INTERVAL: Duration = Duration::from_millis(5);
/// A neighbour is resolved in at most 3 s (`retrans_time_ms` times `mcast_solicit`), but the answer comes within
/// milliseconds or never.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The smallest packets: what passes a path of any MTU.
const SHORT: usize = 64;
/// How long another machine has to answer for the address.
const CLAIM_WINDOW: Duration = Duration::from_millis(60);

/// Probes of one namespace, and what it looks like afterwards.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) stack: Stack,
    pub(super) probes: Vec<Probe>,
    pub(super) names: Vec<Resolved>,
}

/// What to do in a network namespace.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) targets: Vec<Target>,
    pub(super) macs: Vec<MacAddr>,
    /// Names to ask the container's name server for.
    pub(super) names: Vec<String>,
}

/// Probes from the network namespace of the calling thread. `namespace`: its path, if it is a container's.
pub(super) fn run(task: &Task, namespace: Option<String>) -> Result<Done, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    let done = runtime.block_on(probe_all(&task.targets, &task.macs)).map_err(|error| chain(&error))?;
    let names = if namespace.is_some() { task.names.as_slice() } else { &[] };
    let names = names.iter().map(|name| names::resolve(name)).collect();
    let stack = Stack { namespace, ..done.stack };
    Ok(Done { stack, names, ..done })
}

async fn probe_all(targets: &[Target], macs: &[MacAddr]) -> Result<Done, NetError> {
    let kernel = Kernel::open()?;
    let links = kernel.links().await?;
    let selection =
        Selection { ports: Vec::new(), addresses: targets.iter().map(|target| target.address).collect() };
    let before = stack::read(&kernel, &links, &selection).await?;
    let probes = targets.iter().map(|target| probe(*target, &before, macs));
    let probes = futures(probes).await;
    // the probes filled the neighbour cache
    let stack = stack::read(&kernel, &links, &selection).await?;
    Ok(Done { stack, probes, names: Vec::new() })
}

/// Runs all at once: a destination that does not answer costs its timeout once.
async fn futures(probes: impl Iterator<Item = impl Future<Output = Vec<Probe>>>) -> Vec<Probe> {
    futures_util::future::join_all(probes).await.into_iter().flatten().collect()
}

/// The probes of one destination: a connection, or short packets and then packets as long as the interface's MTU.
async fn probe(target: Target, stack: &Stack, macs: &[MacAddr]) -> Vec<Probe> {
    let Target { address, port } = target;
    let device = on_link(stack, address);
    let claims = async {
        match device {
            Some(device) if !macs.is_empty() => claimed_by(device, address, macs).await,
            _ => None,
        }
    };
    let first = async {
        match port {
            Some(port) => connect(address, port).await,
            None => echo(address, SHORT).await,
        }
    };
    let (mut short, claimed_by) = tokio::join!(first, claims);
    short.claimed_by.extend(claimed_by);
    let longest = device.map(|device| device.mtu as usize).filter(|_| port.is_none() && short.received > 0);
    match longest {
        Some(length) => vec![short, echo(address, length).await],
        None => vec![short],
    }
}

/// The interface on whose subnet an address is.
fn on_link(stack: &Stack, address: IpAddr) -> Option<&Link> {
    stack.links.iter().find(|link| {
        let reaches = |net: &ipnet::IpNet| net.contains(&address) && net.addr() != address;
        link.up && link.addresses.iter().any(reaches)
    })
}

async fn echo(to: IpAddr, length: usize) -> Probe {
    let asked = Ping { to, length, count: COUNT, interval: INTERVAL, timeout: TIMEOUT };
    let done = tokio::task::spawn_blocking(move || ping(&asked)).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    let error = done.as_ref().err().map(ToString::to_string);
    let Answers { sent, received, first } = done.unwrap_or_default();
    let micros = first.and_then(|time| u64::try_from(time.as_micros()).ok());
    Probe { to, port: None, length, sent, received, micros, error, claimed_by: Vec::new() }
}

async fn connect(to: IpAddr, port: u16) -> Probe {
    let begun = Instant::now();
    let work = move || TcpStream::connect_timeout(&SocketAddr::new(to, port), TIMEOUT);
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    let micros = u64::try_from(begun.elapsed().as_micros()).ok().filter(|_| done.is_ok());
    let received = u16::from(done.is_ok());
    let error = done.err().map(|error| error.to_string());
    Probe { to, port: Some(port), length: 0, sent: 1, received, micros, error, claimed_by: Vec::new() }
}

/// Another machine than `macs` that answers for an address. A request that cannot be sent finds none: the echo requests
/// fail then too.
async fn claimed_by(device: &Link, address: IpAddr, macs: &[MacAddr]) -> Option<MacAddr> {
    let own =
        device.addresses.iter().map(ipnet::IpNet::addr).find(|own| own.is_ipv4() == address.is_ipv4())?;
    let found: Result<Option<MacAddr>, PacketError> = match (own, address) {
        (IpAddr::V4(own), IpAddr::V4(to)) => arp::resolve(&device.name, own, to, CLAIM_WINDOW, macs).await,
        (IpAddr::V6(own), IpAddr::V6(to)) => ndp::resolve(&device.name, own, to, CLAIM_WINDOW, macs).await,
        _ => return None,
    };
    found.ok().flatten()
}
