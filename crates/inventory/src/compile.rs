//! From the attributes of nodes to what is built of them: [`ContainerSpec`](crate::ContainerSpec),
//! [`HostPlan`](crate::HostPlan) and [`Snapshot`](crate::Snapshot).
//!
//! A [`Cluster`] reads once what all nodes share (names, networks), so that 10,000 nodes cost 10,000 times one node.

mod attachments;
mod cluster;
mod container;
mod duplicates;
mod host;
mod inventory;
mod snapshot;

pub use attachments::{AddressColumns, AttachError};
pub use cluster::Cluster;
pub use container::SpecError;
pub use duplicates::Duplicate;
pub use host::HostError;
