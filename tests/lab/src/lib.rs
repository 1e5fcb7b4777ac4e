//! Several real hosts on one machine: booted Debians in namespaces of their own, each with its own Docker
//! engine, joined by a fabric that has no way out.
//!
//! ```no_run
//! # async fn doc() -> Result<(), lab::LabError> {
//! let lab = lab::Lab::up(&lab::Spec::new("mine".parse()?, 2)).await?;
//! let said = lab.exec("host1", &["ip", "-br", "addr"], std::time::Duration::from_secs(10)).await?;
//! println!("{}", said.text());
//! lab.down().await
//! # }
//! ```
//!
//! From the outside in: [`lab`] does what the commands say; [`plan`] is what a lab will be; [`fabric`],
//! [`cgroup`], [`mounts`] and [`host`] make it; [`cache`] keeps what is built once.

pub mod cache;
pub mod cgroup;
pub mod dirs;
pub mod disk;
pub mod exec;
pub mod fabric;
pub mod host;
pub mod lab;
pub mod manager;
pub mod mounts;
pub mod name;
pub mod plan;
pub mod power;
pub mod proc;
pub mod setup;
pub mod state;
pub mod status;
pub mod sweep;
pub mod updatenode;
pub mod watch;

pub use disk::Disk;
pub use lab::{Lab, LabError};
pub use manager::{Assignment, Manager};
pub use name::{LabName, Member};
pub use plan::{Fabric, Spec};
pub use power::Power;
pub use status::Status;
pub use updatenode::NodeRun;
pub use watch::{Pings, Watch};
