//! Plans the changes of the running kernel and switch that turn the current into the desired network. Pure.
//!
//! ```text
//! step.rs            one step and its inverse; kernel_step.rs, switch_step.rs, daemon_step.rs
//! create.rs          devices that are created or repaired, each after those below it
//! bond.rs            a bond and its unused NICs
//! ovs.rs             an Open vSwitch bridge
//! mtu.rs             larger MTUs from below, smaller ones from above
//! addresses.rs       missing addresses, and addresses that remain below
//! routes.rs          default gateways, and routes that move
//! ports.rs           ports of bonds and bridges
//! host_isolation.rs  NICs that only a userspace datapath may use
//! removal.rs         devices that are no longer in the tables
//! ```
//!
//! The order keeps the host reachable:
//!
//! 1. The upper device gets the address while the NIC still has it.
//! 2. Routes with a gateway are replaced in place.
//! 3. The NIC becomes a port of the upper device.
//! 4. When the bridge is operational, the NIC loses the address. The bridge's own subnet route, which was the
//!    second one so far, takes over (the kernel appends an equal prefix: net/ipv4/fib_frontend.c, fib_magic).
//!
//! If a run is killed between two steps, the next run completes them. Between the last two steps, for some
//! milliseconds, the host does not receive answers of neighbours that it does not know yet.
//!
//! A bond accepts only NICs that are down. So unused NICs are attached first. The NIC in use is last: it
//! loses its address and is attached at once. An Open vSwitch bridge gets its port when it is created, and
//! the address follows at once.

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

/// The steps to the desired network; empty if nothing differs.
pub fn plan(network: &ResolvedNetwork, observed: &Observed) -> Vec<Step> {
    let components = network.components();
    let components: Vec<Component<'_>> =
        components.iter().map(|devices| Component { network, observed, devices }).collect();
    let released = components.iter().flat_map(Component::leave_bonds);
    released.chain(components.iter().flat_map(Component::plan)).collect()
}

/// Devices that are connected with each other, and their current state.
struct Component<'a> {
    network: &'a ResolvedNetwork,
    observed: &'a Observed,
    /// Each after the devices below it.
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
