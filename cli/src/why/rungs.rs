//! The checks, one file per layer. Each compares what the tables say with the facts. Pure.

pub(super) mod bridge;
pub(super) mod container;
pub(super) mod fabric;
pub(super) mod filter;
pub(super) mod forwarding;
pub(super) mod host;
pub(super) mod interface;
pub(super) mod link;
pub(super) mod mtu;
pub(super) mod name;
pub(super) mod neighbour;
pub(super) mod port;
pub(super) mod probe;
pub(super) mod publish;
pub(super) mod spoofing;
pub(super) mod table;
