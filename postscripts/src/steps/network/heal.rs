//! `xdockhost watch`: the running host restores what is missing of its confirmed network.
//!
//! ```text
//! object.rs     what a step restores, as a fight is counted and a message names it
//! plan.rs       the steps that restore what is missing. Pure
//! last_good.rs  what the tables leave open: MTUs of NICs, metrics of default routes
//! lease.rs      DHCP clients of devices that were created again
//! limit.rs      three times a minute for one object, then a pause. Pure
//! hold.rs       why nothing is restored now
//! repair.rs     one repair, under the lock of a change
//! report.rs     the state that `xdockhost status` and netd show
//! watch.rs      the service
//! service.rs    its unit
//! ```
//!
//! The plan, its steps and their execution are those of the network step and of `xdockhost restore`.

mod hold;
mod last_good;
mod lease;
mod limit;
mod object;
mod plan;
mod repair;
mod report;
pub mod service;
mod watch;

pub use last_good::LastGood;
pub use limit::{Limiter, PAUSE, TIMES, WINDOW};
pub use object::Object;
pub use plan::{Repair, plan};
pub use repair::{RepairError, restore_now};
pub use report::status;
pub use watch::run;
