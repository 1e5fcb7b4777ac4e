//! Messages to the daemon's main loop.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hostnet::Link;
use inventory::{IfName, Stamp};
use plugin::{Call, EndpointId, Reply};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::accept::LoadResult;
use crate::boot_time::BootTime;
use crate::reconcile::{Observation, Step};
use crate::refusal::Refusal;
use crate::state::Endpoint;
use crate::status::{Reconciled, Status};

/// Takes the answer to a plugin call. If dockerd was killed nobody receives it; the call is executed anyway.
pub(crate) type ReplySender = oneshot::Sender<Result<Reply, String>>;

/// The state of a link; `Ok(None)`: it does not exist; `Err`: the kernel did not answer.
pub(crate) type LinkState = Result<Option<Link>, ()>;

/// A message to the daemon's main loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// A call of dockerd.
    Call(Call, ReplySender),
    /// `netd status`.
    Status(oneshot::Sender<Status>),
    /// The dropped frames of each port were counted for `netd status`.
    Counted(BTreeMap<IfName, u64>, oneshot::Sender<Status>),
    /// `netd snapshot load`.
    Load(LoadSnapshot, oneshot::Sender<Result<LoadResult, String>>),
    /// `netd reconcile`. The answer is the result of a full pass.
    Reconcile(oneshot::Sender<Reconciled>),
    /// An endpoint was attached, or why not.
    Attached(Box<Endpoint>, Result<(), String>),
    /// An endpoint's addresses were probed; a refusal if one is in use.
    Probed(EndpointId, Option<Refusal>),
    /// The ports of an endpoint were published, or why not.
    Published(EndpointId, Result<(), String>),
    /// The link of a conflicting endpoint was checked.
    ConflictChecked(Box<Conflict>, LinkState),
    /// The link of an endpoint that Docker seems to have forgotten was checked.
    StaleChecked(EndpointId, LinkState),
    /// The host was observed.
    Observed(Result<Box<Observation>, String>),
    /// Repairs were executed. `false`: a repair was no longer necessary.
    Executed(Vec<(Step, Result<bool, String>)>),
    /// Flows of a bridge may be missing.
    FlowsRemoved,
    /// The host changed.
    Changed(Scope),
    /// [`Message::Changed`] came some time ago: observe the host now.
    Settled,
}

/// A request to load a snapshot. It contains a path, because the snapshot of a large cluster exceeds the size
/// of a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadSnapshot {
    pub(crate) path: PathBuf,
    /// The loaded snapshot that it replaces, whatever its version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<Stamp>,
}

/// A `CreateEndpoint` call for a node that already has an endpoint on the network.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) call: Call,
    pub(crate) answer: ReplySender,
    /// The existing endpoint.
    pub(crate) with: EndpointId,
    /// The answer if the existing endpoint is still in use at the deadline.
    pub(crate) refusal: Refusal,
    pub(crate) deadline: BootTime,
}

/// The part of the host to observe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Interfaces: a netlink dump.
    Links,
    /// Interfaces, and the filters of netd's ports.
    Filters,
    /// All of these and the packet filter, which takes two runs of a program.
    All,
}
