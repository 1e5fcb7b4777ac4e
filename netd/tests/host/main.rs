//! netd on a real kernel: the daemon in a network namespace of its own, and dockerd's calls over its socket.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

mod conflict;
mod control;
mod hostile;
mod life;
mod name_load;
mod names;
mod ovs;
mod repair;
mod support;
mod survival;
