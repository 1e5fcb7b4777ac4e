//! Compiles the attributes of nodes to [`ContainerSpec`](crate::ContainerSpec),
//! [`HostPlan`](crate::HostPlan) and [`Snapshot`](crate::Snapshot).
//!
//! A [`Cluster`] reads names and networks, which all nodes share, only once. The cost grows linearly with the nodes.

mod attachments;
mod cluster;
mod container;
mod duplicates;
mod extra;
mod host;
mod inventory;
mod names;
mod snapshot;

pub use attachments::{AddressColumns, AttachError};
pub use cluster::Cluster;
pub(crate) use cluster::ISOLATE;
pub use container::SpecError;
pub use duplicates::Duplicate;
pub use extra::ExtraError;
pub use host::HostError;
