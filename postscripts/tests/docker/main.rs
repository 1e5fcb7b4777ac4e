//! The docker step as it runs on hosts of other distributions: the real program in a root of its own, with recorded
//! `os-release` files and small scripts in the place of package managers and systemd, which print their
//! arguments. The real package manager, systemd and engine are the lab's.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failing test")]

mod configuration;
mod host;
mod management;
mod offline;
mod packages;
mod releases;
