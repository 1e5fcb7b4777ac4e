//! What an administrator does with containers all day. A failing line says which promise broke.

mod consoles;
mod containers;
mod xcat;

use acceptance::{Cluster, Failure, Tables};
use tokio::runtime::Runtime;

/// Two hosts; each promise makes the containers that it needs, out of the rows here.
fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("life{}", std::process::id()).parse()?;
        let tables = xcat::rows(containers::rows(consoles::rows(Tables::of_lab(2))));
        Cluster::provision(&name, 2, &tables, &|line| eprintln!("  {line}")).await
    })
}

fn main() {
    let promises = [consoles::promises(), containers::promises(), xcat::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), provision);
}
