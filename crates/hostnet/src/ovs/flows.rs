//! Flows of ours on a bridge, beside those of an administrator.
//!
//! They are in table 0, where every frame begins, with priorities above all flows that people usually write. A frame
//! that passes a filter is not forwarded by it: the flow marks it in a register and looks it up in table 0 again, where
//! our flows for unmarked frames no longer match. So the flow `NORMAL` of a standalone bridge, or the flows of an
//! administrator, decide what happens to it.
//!
//! Each flow carries in its cookie who made it and a hash of its content. A list of cookies is enough to compare the
//! flows of a bridge with those that it should have.
//!
//! ```text
//! filter.rs      what a container sends
//! isolation.rs   which containers exchange packets
//! publish.rs     published ports: the switch translates addresses
//! field.rs       fields that flows match
//! message.rs     OpenFlow messages; action.rs: their actions
//! connection.rs  requests; watch.rs: notifications of removed flows
//! ```

mod action;
mod connection;
mod field;
mod filter;
mod isolation;
mod message;
mod publish;
mod watch;

use std::collections::BTreeMap;
use std::net::IpAddr;

use inventory::{IfName, MacAddr};
use sha2::{Digest as _, Sha256};

use super::{Switch, SwitchError};

pub use filter::filter_flows;
pub use isolation::network_flows;
pub use publish::{HostPort, SwitchedPorts, publish_flows};
pub use watch::FlowWatch;

/// The part of a cookie that says whose flow it is.
const OWNER_MASK: u64 = 0xffff_0000_0000_0000;

/// What our flows are for. Each has the first 16 bits of its cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Filters of ports.
    Filter = 0x7864,
    /// Published ports.
    Publish = 0x7865,
}

impl Purpose {
    fn cookie(self) -> u64 {
        (self as u64) << 48
    }
}

/// A flow in table 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    purpose: Purpose,
    priority: u16,
    fields: Vec<Field>,
    action: Action,
}

/// What happens to a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    /// It is dropped.
    Drop,
    /// It is looked up again with a value in a register.
    Mark(Register, u32),
    /// These operations.
    Perform(Vec<Operation>),
}

/// One operation on a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    /// Sets a register.
    Load(Register, u32),
    /// Sets the destination MAC.
    SetDestination(MacAddr),
    /// Looks the frame up in table 0 again.
    LookUpAgain,
    /// Translates the addresses of its connection, and looks the frame up in table 0 again.
    Track(Track),
    /// Performs operations on a copy of the frame.
    OnCopy(Vec<Operation>),
}

/// Connection tracking with address translation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Track {
    /// Zone of the connection.
    zone: u16,
    /// Where a new connection goes to; `None`: only the frames of known connections are translated.
    to: Option<Target>,
}

/// A new destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    address: IpAddr,
    /// `None`: the port stays.
    port: Option<u16>,
}

/// A register of the switch for one frame (`NXM_NX_REG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Register {
    /// How far the filter of the sending port has examined the frame.
    Sender = 15,
    /// The same for the receiving port.
    Receiver = 14,
    /// How far a frame of a published port has been translated.
    Published = 13,
}

/// A field that must have a value (OpenFlow Extensible Match).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    class: u16,
    number: u8,
    value: Vec<u8>,
    mask: Option<Vec<u8>>,
}

/// The flows of ours that a bridge has: frames counted by each, by cookie.
pub type FlowCounts = BTreeMap<u64, u64>;

impl Flow {
    /// Its cookie.
    pub fn cookie(&self) -> u64 {
        let digest = Sha256::digest(message::content(self));
        let hash = digest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)).unwrap_or_default();
        self.purpose.cookie() | (hash & !OWNER_MASK)
    }

    /// Whether it drops frames.
    pub fn drops(&self) -> bool {
        self.action == Action::Drop
    }
}

impl Switch {
    /// Replaces our flows for the frames that a port sends. In between they all pass: only for a port that cannot send
    /// yet.
    ///
    /// # Errors
    /// [`SwitchError::Flows`].
    pub async fn set_port_flows(
        &self,
        bridge: &IfName,
        number: i64,
        flows: &[Flow],
    ) -> Result<(), SwitchError> {
        let mut requests = vec![message::delete_port(port_number(number))];
        requests.extend(flows.iter().map(message::add));
        self.flow_requests(bridge, &requests).await.map(drop)
    }

    /// Adds flows, then removes others by cookie.
    ///
    /// # Errors
    /// [`SwitchError::Flows`].
    pub async fn change_flows(
        &self,
        bridge: &IfName,
        add: &[Flow],
        remove: &[u64],
    ) -> Result<(), SwitchError> {
        let added = add.iter().map(message::add);
        let requests: Vec<_> = added.chain(remove.iter().map(|cookie| message::delete(*cookie))).collect();
        self.flow_requests(bridge, &requests).await.map(drop)
    }

    /// Our flows on a bridge for one purpose.
    ///
    /// # Errors
    /// [`SwitchError::Flows`].
    pub async fn flows(&self, bridge: &IfName, purpose: Purpose) -> Result<FlowCounts, SwitchError> {
        self.flow_requests(bridge, &[message::list(purpose)]).await
    }

    /// Removes all our flows for one purpose.
    ///
    /// # Errors
    /// [`SwitchError::Flows`].
    pub async fn remove_flows(&self, bridge: &IfName, purpose: Purpose) -> Result<(), SwitchError> {
        self.flow_requests(bridge, &[message::delete_all(purpose)]).await.map(drop)
    }

    async fn flow_requests(&self, bridge: &IfName, requests: &[Vec<u8>]) -> Result<FlowCounts, SwitchError> {
        let failed = |source| SwitchError::Flows { bridge: bridge.clone(), source };
        let socket = self.openflow(bridge).map_err(failed)?;
        connection::request(&socket, requests).await.map_err(failed)
    }
}

/// OpenFlow 1.3 numbers have 32 bits. A port that ovs-vswitchd cannot use has the number -1, which no frame has.
fn port_number(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
