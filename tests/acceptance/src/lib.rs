//! The promises of xdock, tried on real hosts: what the trials, the demonstration and the benchmarks share.

pub mod ask;
pub mod bench;
pub mod cluster;
pub mod container;
#[cfg(test)]
mod documents;
pub mod engine;
pub mod firewall;
pub mod items;
pub mod network;
pub mod promise;
pub mod reach;
mod room;
pub mod shutdown;
pub mod soundness;
pub mod tables;

pub use cluster::{Cluster, Ran};
pub use engine::{Engine, Failure};
pub use promise::Promise;
pub use tables::Tables;
