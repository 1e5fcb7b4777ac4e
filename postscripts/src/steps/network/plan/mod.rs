//! From what a host's devices shall be and what is there, to the changes of the running kernel and switch. Pure.
//!
//! ```text
//! step.rs       one change, and what takes it back
//! words.rs      the same as --dry-run prints it
//! make.rs       devices made or put right, each after those below it
//! bond.rs       a bond, and the NICs that nobody uses yet
//! ovs.rs        an Open vSwitch bridge
//! mtu.rs        larger from below, smaller from above
//! addresses.rs  addresses that are missing, and those that are left
//! routes.rs     default gateways, and routes that move
//! ports.rs      NICs into their bonds and bridges
//! hearing.rs    NICs that only a switch in user space hears
//! removal.rs    devices that left the tables
//! ```
//!
//! The order keeps the host reachable. The device above gets the address while the NIC still has it; routes with a gateway are
//! replaced in place; the NIC becomes its port; when the bridge is operational, the NIC loses the
//! address, and the bridge's own route to the subnet, which stood second until now, takes over (an equal prefix is
//! appended: kernel net/ipv4/fib_frontend.c, fib_magic). A run that is killed between two steps is completed by the next one.
//! From the one before the last on, for some milliseconds, the host does not hear neighbours that it does not know yet.
//!
//! A bond takes only NICs that are down. So those that nobody uses go in first, and the one that the host is reached through goes
//! last, out of its address and in again with nothing between. An Open vSwitch bridge takes its port when it is made: its
//! address follows at once.

mod addresses;
mod bond;
mod create;
mod daemon_step;
mod host_isolation;
mod kernel_step;
mod mtu;
mod ovs;
mod ports;
mod removal;
mod routes;
mod step;
mod switch_step;

pub use self::daemon_step::DaemonStep;
pub use self::kernel_step::{KernelStep, LinkKind, RouteText};
pub use self::removal::{Removal, removal, remove};
pub use self::step::{Step, inverses};
pub use self::switch_step::SwitchStep;
use super::observe::Observed;
use super::resolved::{Device, ResolvedNetwork};

/// The changes that make the machine follow; none when it does.
pub fn plan(network: &ResolvedNetwork, observed: &Observed) -> Vec<Step> {
    let components = network.components();
    let components: Vec<Component<'_>> =
        components.iter().map(|devices| Component { network, observed, devices }).collect();
    let released = components.iter().flat_map(Component::leave_bonds);
    released.chain(components.iter().flat_map(Component::plan)).collect()
}

/// Devices that stand on each other, and what is there of them.
struct Component<'a> {
    network: &'a ResolvedNetwork,
    observed: &'a Observed,
    /// Each after those that it stands on.
    devices: &'a [&'a Device],
}

impl Component<'_> {
    fn plan(&self) -> Vec<Step> {
        let mut steps = self.end_isolation();
        steps.extend(self.create());
        steps.extend(self.smaller_mtus());
        steps.extend(self.missing_addresses());
        steps.extend(self.routes());
        steps.extend(self.late_ports());
        steps.extend(self.stale_addresses());
        steps.extend(self.isolate_uplinks());
        steps
    }
}
