//! What survives a reboot and a power cut of the whole machine.

use acceptance::Failure;

use crate::world::World;

acceptance::promises![
    on World:
    containers_are_back_after_a_reboot,
    containers_are_back_after_a_power_cut_while_they_restart,
];

async fn containers_are_back_after_a_reboot(world: &World) -> Result<(), Failure> {
    world.machine.reboot().await?;
    world.containers_are_back().await
}

async fn containers_are_back_after_a_power_cut_while_they_restart(world: &World) -> Result<(), Failure> {
    // the power goes while endpoints, records and Docker's own files are being written
    world.sh("nohup docker restart -t 1 $(docker ps -q) >/dev/null 2>&1 & systemctl restart netd").await?;
    world.machine.cut().await?;
    world.machine.on().await?;
    world.containers_are_back().await
}
