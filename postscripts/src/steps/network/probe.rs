//! Who must answer through a new network: the management node, asked by TCP and, where it is a neighbour, by ARP or neighbour
//! discovery; the gateway, which need not talk to us in any other way; and the management node's ssh, which must get in where it
//! got in before.

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
use super::stack::Stack;

/// One attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(1);
/// A neighbour is asked twice in it.
const WINDOW: Duration = Duration::from_millis(500);
/// A refused attempt comes back at once.
const PAUSE: Duration = Duration::from_millis(100);

/// All who must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// The management node.
    pub master: SocketAddr,
    /// Neighbours, each through the device that leads to it.
    #[serde(default)]
    pub neighbours: Vec<Neighbour>,
    /// The management node's ssh, where it got in before.
    #[serde(default)]
    pub knock: Option<Knock>,
}

/// A host on the same Ethernet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Who it is: `the gateway`.
    pub who: String,
    /// Its address.
    pub address: IpAddr,
    /// Through which device of ours it must answer.
    pub device: IfName,
}

/// Who did not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Silence {
    /// No connection.
    #[error("the management node does not answer at {0}")]
    Master(SocketAddr),
    /// No answer from a neighbour.
    #[error("{who} {address} does not answer {} on {device}", question(address))]
    Neighbour {
        /// Who it is.
        who: String,
        /// Its address.
        address: IpAddr,
        /// The device through which it was asked.
        device: IfName,
    },
    /// No way in.
    #[error("new ssh connections from the management node do not get in ({0})")]
    WayIn(String),
}

fn question(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "ARP" } else { "neighbour discovery" }
}

impl Probes {
    /// Who must answer through these devices: the gateways that the tables say, not those that were kept.
    pub fn of(plan: &HostPlan, stack: &Stack, master: SocketAddr) -> Self {
        let mut probes = Self { master, neighbours: Vec::new(), knock: None };
        for device in &stack.devices {
            let said = plan.device(&device.name).map(|device| device.gateways.as_slice()).unwrap_or_default();
            let said = said.iter().filter(|gateway| device.gateways.contains(gateway));
            let near = |address: &IpAddr| device.addresses.iter().any(|own| own.contains(address));
            let asked = said.map(|gateway| ("the gateway", *gateway));
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

    /// Without the gateways that are in use now and do not answer now either: nothing that we do makes them.
    pub async fn without_silent(mut self, observed: &Observed) -> Self {
        let mut answering = Vec::new();
        for neighbour in self.neighbours {
            let through = observed.defaults().find(|(_, gateway)| *gateway == neighbour.address);
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

    /// Waits until all have answered, that long at most.
    ///
    /// # Errors
    /// The first that did not.
    pub async fn answer(&self, patience: Duration) -> Result<(), Silence> {
        let end = Instant::now() + patience;
        self.answer_us(patience).await?;
        match self.knocked(end).await {
            Knocked::In => Ok(()),
            Knocked::Out(why) | Knocked::NoHelper(why) => Err(Silence::WayIn(why)),
        }
    }

    /// As [`Probes::answer`], at a boot some time later: a management node that no longer has the helper proves nothing.
    ///
    /// # Errors
    /// The first that did not.
    pub async fn answer_at_boot(&self, patience: Duration) -> Result<(), Silence> {
        let end = Instant::now() + patience;
        self.answer_us(patience).await?;
        match self.knocked(end).await {
            Knocked::In | Knocked::NoHelper(_) => Ok(()),
            Knocked::Out(why) => Err(Silence::WayIn(why)),
        }
    }

    /// Knocks until the management node gets in, or until that moment.
    async fn knocked(&self, end: Instant) -> Knocked {
        let Some(knock) = self.knock else { return Knocked::In };
        loop {
            let knocked = knock.knock().await;
            if knocked == Knocked::In || Instant::now() >= end {
                return knocked;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits for those that we ask.
    async fn answer_us(&self, patience: Duration) -> Result<(), Silence> {
        let end = Instant::now() + patience;
        if !answers(self.master, patience).await {
            return Err(Silence::Master(self.master));
        }
        for neighbour in &self.neighbours {
            while !neighbour.answers().await {
                if Instant::now() >= end {
                    return Err(neighbour.silence());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

impl Neighbour {
    /// Whether it answers once.
    async fn answers(&self) -> bool {
        let answer: Result<_, PacketError> = match self.address {
            IpAddr::V4(v4) => arp::probe(&self.device, v4, WINDOW, &[]).await,
            IpAddr::V6(v6) => ndp::probe(&self.device, v6, WINDOW, &[]).await,
        };
        // a device that is not there or down yet is no other silence
        answer.is_ok_and(|found| found.is_some())
    }

    fn silence(&self) -> Silence {
        Silence::Neighbour { who: self.who.clone(), address: self.address, device: self.device.clone() }
    }
}

/// Whether the management node answers (accepts a connection) within that time.
pub async fn answers(master: SocketAddr, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    loop {
        let next = Instant::now() + ATTEMPT;
        if let Ok(Ok(_)) = timeout(ATTEMPT, TcpStream::connect(master)).await {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        // a refused connection comes back at once
        sleep_until(next.min(end)).await;
    }
}
