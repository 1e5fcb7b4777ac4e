//! The promises that only a whole machine can show: Debian's own kernel with all its modules, xCAT's deployment mode at a
//! first boot, real reboots and a real power cut. One machine for all trials, in the order in which they stand; a failing
//! line says which promise broke.

mod deployed;
mod healing;
mod restarts;
mod world;

use world::World;

fn main() {
    let promises = [deployed::promises(), healing::promises(), restarts::promises()];
    acceptance::promise::run(promises.into_iter().flatten().collect(), |runtime| {
        runtime.block_on(World::make())
    });
}
