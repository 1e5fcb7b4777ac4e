//! A whole machine in qemu, joined to a lab: Debian's own kernel with all its modules, its own initramfs, real
//! reboots and real power cuts. Its NICs are attached to the lab's fabric, so the lab's management node reaches it
//! as it reaches its own hosts.
//!
//! From the outside in: [`machine`] does what the commands say; [`plan`] is what a machine will be; [`cables`],
//! [`seed`] and [`boot`] make it; [`program`] and [`disk`] are built once and kept in the lab's cache; [`deploy`] is
//! xCAT's part before the first boot.

pub mod boot;
pub mod cables;
pub mod deploy;
pub mod disk;
pub mod error;
pub mod machine;
pub mod plan;
pub mod program;
pub mod record;
pub mod seed;

pub use error::MachineError;
pub use machine::Machine;
pub use plan::Order;
