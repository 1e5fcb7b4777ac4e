//! `xdock why`: follows a packet from one node to another, compares each step with the tables, and probes.
//!
//! ```text
//! end.rs       the two ends, from the words of the command line
//! path.rs      the addresses between which packets go
//! gather.rs    collects the facts of both hosts
//! facts.rs     the facts
//! rung.rs      one check
//! rungs/       the checks, one file per layer. Pure
//! ladder.rs    all checks in the order of a packet. Pure
//! verdict.rs   decides what is broken. Pure
//! report.rs    text and JSON
//! ```
//!
//! The probes decide whether packets arrive. The checks only explain why they do not.

mod end;
mod facts;
mod gather;
mod ladder;
mod path;
mod report;
mod rung;
mod rungs;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use end::{End, EndError};
pub(crate) use gather::{Context, gather};
pub(crate) use path::paths;
pub(crate) use report::Report;
