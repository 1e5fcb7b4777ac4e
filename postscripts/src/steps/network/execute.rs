//! The changes of the running kernel, one after the other; all of them taken back when one fails or when the management
//! node does not answer afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use hostnet::{Kernel, NetError};
use inventory::IfName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::plan::Step;

/// One attempt to reach the management node.
const ATTEMPT: Duration = Duration::from_secs(1);
/// How long it may take until it answers: a switch's port may need some seconds when a MTU changes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a bridge over a live NIC may take until it is operational; it is some milliseconds.
const SETTLED: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(1);

/// A change that was not made, or taken back.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// A step failed; those before it were taken back.
    #[error("cannot {step}; the old network is back")]
    Step {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: NetError,
    },
    /// Nobody answered; all steps were taken back.
    #[error(
        "the management node does not answer at {master} through the new network within {} s; the old network is back",
        PATIENCE.as_secs()
    )]
    Silence {
        /// Who was asked.
        master: SocketAddr,
    },
    /// The kernel did everything and is still not what it shall be; all steps were taken back.
    #[error("still to do after the change: {rest}; the old network is back")]
    Unfinished {
        /// The steps that a new plan has.
        rest: String,
    },
    /// The way back failed too.
    #[error("{first}; and the old network could not be put back: {rest}")]
    Stuck {
        /// What failed first.
        first: Box<ExecuteError>,
        /// What failed on the way back.
        rest: String,
    },
}

/// The steps that were done, so that they can be taken back.
#[derive(Debug, Default)]
pub struct Done(Vec<Step>);

/// Does the steps, all or none.
///
/// # Errors
/// Names the step that failed.
pub async fn apply(kernel: &Kernel, steps: &[Step]) -> Result<Done, ExecuteError> {
    let mut done = Done::default();
    for step in steps {
        match act(kernel, step).await {
            Ok(()) => done.0.push(step.clone()),
            Err(source) => {
                let first = ExecuteError::Step { step: step.to_string(), source };
                return Err(done.take_back(kernel, first).await);
            }
        }
    }
    Ok(done)
}

impl Done {
    /// The old network, last step first, past errors. The error to report: `first`, or that this failed as well.
    pub async fn take_back(self, kernel: &Kernel, first: ExecuteError) -> ExecuteError {
        let mut rest = Vec::new();
        for step in self.0.iter().rev().filter_map(Step::inverse) {
            if let Err(error) = act(kernel, &step).await {
                rest.push(chain::chain(&error));
            }
        }
        if rest.is_empty() {
            return first;
        }
        ExecuteError::Stuck { first: Box::new(first), rest: rest.join("; ") }
    }
}

async fn act(kernel: &Kernel, step: &Step) -> Result<(), NetError> {
    match step {
        Step::AddBridge(spec) => kernel.add_bridge(spec).await.map(drop),
        Step::DeleteBridge(name) => kernel.delete(name).await.map(drop),
        Step::SetMtu { device, to, .. } => kernel.set_mtu(device, *to).await,
        Step::SetUp(device) => kernel.set_up(device, true).await,
        Step::AddAddress(device, address) => kernel.add_address(device, *address).await,
        Step::DelAddress(device, address) => kernel.del_address(device, *address).await,
        Step::Settle(bridge) => settle(kernel, bridge).await,
        Step::Release { port } => kernel.set_master(port, None).await,
        Step::Route { device, route, .. } => kernel.add_route(device, route).await,
        Step::DelRoute(device, route) => kernel.del_route(device, route).await,
        Step::Enslave { port, bridge } => {
            let link = kernel.link(bridge).await?;
            let index = link.ok_or_else(|| NetError::Missing { device: bridge.clone() })?.index;
            kernel.set_master(port, Some(index)).await
        }
    }
}

/// A bridge that is not operational by then is judged by whether the management node answers through it.
async fn settle(kernel: &Kernel, bridge: &IfName) -> Result<(), NetError> {
    let end = Instant::now() + SETTLED;
    while Instant::now() < end && !kernel.is_operational(bridge).await? {
        sleep(AGAIN).await;
    }
    Ok(())
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
