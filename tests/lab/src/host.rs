//! One machine: its files, its boot, its end.

pub mod boot;
mod dhcp;
pub mod files;
pub mod keys;
mod switch;
mod udev;
