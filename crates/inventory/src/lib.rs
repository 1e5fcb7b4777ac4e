//! The cluster's tables as typed values. No kernel, no Docker, no async.
//!
//! The [`Inventory`] reads xCAT's tables or a [`stanza`] file. It selects nodes by
//! [`noderange`] and computes values by [`regex_value`]. A [`Cluster`] compiles containers, host plans and the
//! [`Snapshot`] that a host needs.

mod attributes;
pub mod cell;
pub mod check;
pub mod columns;
pub mod compile;
pub mod container;
pub mod hostplan;
pub mod inventory;
pub mod mac;
pub mod name;
pub mod networks;
pub mod nics;
pub mod noderange;
pub mod regex_value;
pub mod snapshot;
mod source;
pub mod stanza;
mod tables;

pub use cell::CellError;
pub use check::{Finding, Severity, check};
pub use compile::{AddressColumns, AttachError, Cluster, Duplicate, ExtraError, HostError, SpecError};
pub use container::{
    Attachment, ContainerSpec, Cpus, Device, DockerHost, ExposedPorts, ExtraHost, Gpus, Health, Link,
    Network, PortList, PortRange, PortRun, Protocol, PublishedPort, PublishedPorts, Settings, Swap, Tmpfs,
    Ulimit, VolumeMount, port_runs,
};
pub use hostplan::{
    BondOptions, BridgedNetwork, Datapath, DeviceKind, DevicePlan, HostPlan, HostPlanError, HostTables, Port,
};
pub use inventory::{Inventory, InventoryError};
pub use mac::MacAddr;
pub use name::{IfName, NetName, NodeName};
pub use networks::{Gateway, NetworkError, NetworkRow};
pub use nics::{IgnoredEntry, Nic, NicKind, Nics};
pub use noderange::{NoderangeError, NumberNames};
pub use snapshot::{
    Fabric, HostName, HostNetwork, Names, NetworkDomain, Origin, OwnSettings, Snapshot, SnapshotNode, Stamp,
};
pub use source::{
    Cfgloc, CfglocError, Choice, Database, DatabaseError, DatabaseUrlError, Engine, InventoryUrl, Malformed,
    Password, Problem, Server, SourceError, UrlError, XcatTables,
};
pub use tables::Row;
