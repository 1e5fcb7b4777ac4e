//! Probes that must be answered through a new network: TCP to the management node; ARP or neighbour discovery
//! to the management node and the gateway if they are on the same network; and a new ssh connection from the
//! management node if one worked before the change.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hostnet::{PacketError, arp, ndp};
use inventory::{HostPlan, IfName};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::knock::{Knock, Knocked};
use super::observe::Observed;
use super::resolved::ResolvedNetwork;

/// Timeout of one connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of one neighbour probe, which sends two requests.
const NEIGHBOUR_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause before the next attempt. A refused attempt returns at once.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// All probes of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// The management node.
    pub master: SocketAddr,
    /// Neighbours, each with the device that leads to it.
    #[serde(default)]
    pub neighbours: Vec<Neighbour>,
    /// Test of new ssh connections, if they worked before the change.
    #[serde(default)]
    pub knock: Option<Knock>,
}

/// A host on the same Ethernet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its role: `the gateway`.
    pub who: String,
    /// Its address.
    pub address: IpAddr,
    /// The device through which it must answer.
    pub device: IfName,
}

/// A probe that was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// No TCP connection to the management node.
    #[error("the management node does not answer at {0}")]
    Master(SocketAddr),
    /// No answer from a neighbour.
    #[error("{who} {address} does not answer {} on {device}", protocol(address))]
    Neighbour {
        /// Its role.
        who: String,
        /// Its address.
        address: IpAddr,
        /// The probed device.
        device: IfName,
    },
    /// No new ssh connection; the cause.
    #[error("new ssh connections from the management node are not accepted ({0})")]
    SshAccess(String),
}

fn protocol(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "ARP" } else { "neighbour discovery" }
}

impl Probes {
    /// The probes for the tables' network. Only gateways of the tables are probed, not those that the host
    /// had before.
    pub fn of(plan: &HostPlan, network: &ResolvedNetwork, master: SocketAddr) -> Self {
        let mut probes = Self { master, neighbours: Vec::new(), knock: None };
        for device in &network.devices {
            let gateways =
                plan.device(&device.name).map(|device| device.gateways.as_slice()).unwrap_or_default();
            let gateways = gateways.iter().filter(|gateway| device.gateways.contains(gateway));
            let near = |address: &IpAddr| device.addresses.iter().any(|own| own.contains(address));
            let asked = gateways.map(|gateway| ("the gateway", *gateway));
            for (who, address) in [("the management node", master.ip())].into_iter().chain(asked) {
                let known = probes.neighbours.iter().any(|known| known.address == address);
                if near(&address) && !known && !device.has(address) {
                    probes.neighbours.push(Neighbour {
                        who: who.to_owned(),
                        address,
                        device: device.name.clone(),
                    });
                }
            }
        }
        probes
    }

    /// Removes gateways that are in use and do not answer before the change either.
    pub async fn without_unreachable(mut self, observed: &Observed) -> Self {
        let mut answering = Vec::new();
        for neighbour in self.neighbours {
            let through = observed.default_routes().find(|(_, gateway)| *gateway == neighbour.address);
            let silent = match through {
                Some((device, _)) => {
                    !Neighbour { device: device.clone(), ..neighbour.clone() }.answers().await
                }
                None => false,
            };
            if !silent {
                answering.push(neighbour);
            }
        }
        self.neighbours = answering;
        self
    }

    /// Waits until all probes are answered.
    ///
    /// # Errors
    /// The first probe without an answer.
    pub async fn answer(&self, limit: Duration) -> Result<(), NoAnswer> {
        let end = Instant::now() + limit;
        self.outgoing_probes(limit).await?;
        match self.knocked(end).await {
            Knocked::In => Ok(()),
            Knocked::Out(why) | Knocked::NoHelper(why) => Err(NoAnswer::SshAccess(why)),
        }
    }

    /// Like [`Probes::answer`], at a later boot: without the helper on the management node, the ssh test is
    /// skipped.
    ///
    /// # Errors
    /// The first probe without an answer.
    pub async fn answer_at_boot(&self, limit: Duration) -> Result<(), NoAnswer> {
        let end = Instant::now() + limit;
        self.outgoing_probes(limit).await?;
        match self.knocked(end).await {
            Knocked::In | Knocked::NoHelper(_) => Ok(()),
            Knocked::Out(why) => Err(NoAnswer::SshAccess(why)),
        }
    }

    /// Repeats the ssh test until it succeeds or `end` is reached.
    async fn knocked(&self, end: Instant) -> Knocked {
        let Some(knock) = self.knock else { return Knocked::In };
        loop {
            let knocked = knock.knock().await;
            if knocked == Knocked::In || Instant::now() >= end {
                return knocked;
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    /// Waits for the answers to this host's own probes.
    async fn outgoing_probes(&self, limit: Duration) -> Result<(), NoAnswer> {
        let end = Instant::now() + limit;
        if !answers(self.master, limit).await {
            return Err(NoAnswer::Master(self.master));
        }
        for neighbour in &self.neighbours {
            while !neighbour.answers().await {
                if Instant::now() >= end {
                    return Err(neighbour.no_answer());
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
        Ok(())
    }
}

impl Neighbour {
    /// Whether it answers one probe.
    async fn answers(&self) -> bool {
        let answer: Result<_, PacketError> = match self.address {
            IpAddr::V4(v4) => arp::probe(&self.device, v4, NEIGHBOUR_TIMEOUT, &[]).await,
            IpAddr::V6(v6) => ndp::probe(&self.device, v6, NEIGHBOUR_TIMEOUT, &[]).await,
        };
        // a device that is missing or still down counts as no answer
        answer.is_ok_and(|found| found.is_some())
    }

    fn no_answer(&self) -> NoAnswer {
        NoAnswer::Neighbour { who: self.who.clone(), address: self.address, device: self.device.clone() }
    }
}

/// Whether the management node accepts a TCP connection within the limit.
pub async fn answers(master: SocketAddr, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        let next = Instant::now() + CONNECT_TIMEOUT;
        if let Ok(Ok(_)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(master)).await {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        // a refused connection returns at once
        sleep_until(next.min(end)).await;
    }
}
