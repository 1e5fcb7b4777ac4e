//! One machine: its files, its boot, its end.

pub mod boot;
pub mod files;
pub mod keys;
