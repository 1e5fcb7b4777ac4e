//! Every firewall on every network manager: 16 hosts, a host for each pair, and four more hosts for what does not depend on the
//! firewall. `tests/run long` runs it; a failing line says which pair broke.

mod boots;
mod helper;
mod pairs;

use acceptance::{Cluster, Failure, Tables};
use lab::{Manager, Spec};
use tokio::runtime::Runtime;

/// In this order the lab gives them to its hosts, in turn.
const MANAGERS: [Manager; 4] =
    [Manager::Ifupdown, Manager::Networkd, Manager::NetworkManager, Manager::Netplan];
/// One for each pair, and one for each manager.
const HOSTS: u8 = 20;

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("matrix{}", std::process::id()).parse()?;
        let spec = Spec { managers: MANAGERS.to_vec(), ..Spec::new(name, HOSTS) };
        Cluster::bare(&spec, &Tables::of_lab(HOSTS), &|line| eprintln!("  {line}")).await
    })
}

fn main() {
    let promises = [pairs::promises(), boots::promises(), helper::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
