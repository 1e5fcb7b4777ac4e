//! `host`: docker hosts themselves.

mod enroll;
mod status;

use inventory::{DockerHost, Inventory, NodeName};

use crate::app::App;
use crate::args::{HostAction, HostArgs};
use crate::commands::sync::refuse_containers;
use crate::error::{CommandError, Done};
use crate::targets::NodeLocation;

pub(super) async fn run(args: &HostArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let hosts = app.select(&inventory, &args.hosts)?;
    refuse_containers(&hosts, &inventory, "host")?;
    let chosen = Chosen { hosts, inventory };
    match &args.action {
        HostAction::Status => status::run(&chosen, app).await,
        HostAction::Enroll(args) => enroll::run(args, &chosen, app).await,
    }
}

/// Hosts of a command.
struct Chosen {
    hosts: Vec<NodeName>,
    inventory: Inventory,
}

impl Chosen {
    /// Each host as its own location.
    fn locations(&self) -> Vec<NodeLocation> {
        let place = |host: &NodeName| (host.clone(), DockerHost { name: host.clone(), port: None });
        self.hosts.iter().map(place).collect()
    }
}
