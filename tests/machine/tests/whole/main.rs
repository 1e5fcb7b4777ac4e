//! The promises that only a whole machine can show: Debian's own kernel with all its modules, xCAT's deployment mode at a
//! first boot, real reboots and a real power cut. One machine for all trials, in the order in which they stand; a failing
//! line says which promise broke.

mod deployed;
mod restarts;
mod world;

use std::sync::{Arc, OnceLock};

use acceptance::Failure;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use world::World;

/// A promise: a name, and what must hold.
struct Promise {
    name: &'static str,
    holds: fn(&Runtime, &World) -> Result<(), Failure>,
}

/// Writes a list of promises out of the names of async functions.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn promises() -> Vec<crate::Promise> {
            vec![$(crate::Promise { name: stringify!($name), holds: |runtime, world| runtime.block_on($name(world)) }),*]
        }
    };
}
pub(crate) use promises;

/// What all trials share; the error of making it is told by each of them.
struct Stage {
    runtime: Runtime,
    world: OnceLock<Result<World, String>>,
}

impl Stage {
    fn try_promise(&self, promise: &Promise) -> Result<(), Failed> {
        let world = self
            .world
            .get_or_init(|| self.runtime.block_on(World::make()).map_err(|error| chain::chain(&*error)));
        let world = world.as_ref().map_err(|error| format!("no machine to try it on: {error}"))?;
        (promise.holds)(&self.runtime, world).map_err(|error| Failed::from(chain::chain(&*error)))
    }
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no tokio runtime: {error}");
            std::process::exit(1);
        }
    };
    let stage = Arc::new(Stage { runtime, world: OnceLock::new() });
    let trials = [deployed::promises(), restarts::promises()].into_iter().flatten().map(|promise| {
        let stage = Arc::clone(&stage);
        Trial::test(promise.name, move || stage.try_promise(&promise))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Ok(world)) = stage.world.get()
        && let Err(error) = stage.runtime.block_on(world.cluster.lab.down())
    {
        eprintln!("the machine could not be taken down: {}", chain::chain(&error));
        std::process::exit(1);
    }
    conclusion.exit();
}
