//! `xdockhost network`: creates the devices of the tables on this host, in the running kernel and switch and
//! for every boot.
//!
//! ```text
//! host_state.rs  kernel, switch, the manager's files, and what earlier runs saved
//! replace/       bridges of earlier runs whose NIC or name is used by another bridge
//! resolve/       the desired network on this host (resolved.rs)
//! plan/          the steps from the current to the desired network
//! change.rs      executes steps and writes files, supervised by the guard
//! removal.rs     removes devices that are no longer in the tables, in a second change
//! execute.rs     executes one step
//! probe.rs       the probes that confirm a change
//! references/    firewall rules, settings and services that name a device
//! zones.rs       firewalld's zones of moved devices
//! knock.rs       asks the management node to test ssh; ssh_access.rs decides by the result
//! guard/         rolls back a change that is not confirmed
//! manager/       files of the network manager
//! saved.rs       the confirmed network as a file; restore.rs restores it
//! heal/          the running host restores what is missing of it
//! ```
//!
//! The kernel is changed first. The files are written after the management node has answered through the new
//! network, so a run that is killed or a power failure during the change boots the previous network.

pub mod backend;
mod change;
pub mod error;
pub mod execute;
pub mod guard;
pub mod heal;
pub mod host_state;
pub mod knock;
pub mod manager;
pub mod modules;
pub mod observe;
pub mod plan;
pub mod probe;
pub mod references;
mod removal;
pub mod replace;
pub mod resolve;
pub mod resolved;
pub mod restore;
pub mod saved;
pub mod ssh_access;
pub mod switch;
pub mod zones;

use std::net::SocketAddr;
use std::time::SystemTime;

use hostnet::ovs;
use inventory::HostPlan;

use self::backend::HostBackend;
use self::change::NetworkChange;
pub use self::error::NetworkError;
use self::execute::Backends;
use self::guard::StateDir;
use self::host_state::{HostPaths, HostState};
use self::knock::Knock;
use self::manager::{ConfirmedFiles, desired_files, lost};
use self::plan::plan;
use self::probe::Probes;
use self::references::{Moved, NewSsh, Survey, further_routes, moved, survey};
use self::replace::{ReplaceError, replaced};
use self::resolve::resolve;
use super::{Outcome, Plan, Run};
use crate::files::changed;
use crate::log::stamp;

/// Runs the step.
///
/// # Errors
/// See [`NetworkError`].
pub async fn run(run: &Run) -> Result<Outcome, NetworkError> {
    let host = HostPaths::host();
    let host_plan = HostPlan::compile(&run.environment.tables()?)?;
    host_plan.ignored.iter().for_each(|why| run.log.summary("network", why));
    let node = run.environment.node()?;
    let master = SocketAddr::new(node.master, node.http_port);
    if !run.options.dry_run {
        roll_back_pending(run).await?;
    }
    let backends = Backends::open(ovs::REMOTE).map_err(NetworkError::Observe)?;
    let found = HostState::collect(&backends, &host, &host_plan).await?;
    let mut change = prepare(run, &host, &host_plan, &found, master)?;
    let zones = zones::follow(&host.root, &change.moved).await?;
    // before the new device has the address
    change.steps.splice(..0, zones.steps);
    change.files.extend(zones.files);
    change.survey =
        survey(&host.root, &change.moved, NewSsh { source: node.master, port: change.knock.ssh.get() }).await;
    change.survey.references.extend(further_routes(&found.observed, &change.moved));
    let mut names_devices = change.survey.lines(&change.moved);
    names_devices.extend(change.lost.iter().map(|lost| format!("{lost} (not taken over)")));
    if run.options.dry_run {
        let left = if change.has_replaced { Vec::new() } else { change.removal(&found.observed).steps };
        let steps = [change.steps.clone(), left].concat();
        return Ok(Outcome::Planned(Plan::new(&steps, change.files).with_notes(names_devices)));
    }
    names_devices.iter().for_each(|line| run.log.summary("network", line));
    let changed = change.execute(&backends, &run.templates, &found.observed).await?;
    let removed = removal::remove(change, &backends, run, &host, &host_plan).await?;
    Ok(changed.and(removed))
}

/// Rolls back a change that an earlier run left pending, because no plan may start from it.
async fn roll_back_pending(run: &Run) -> Result<(), NetworkError> {
    let state_dir = StateDir::host();
    if state_dir.change().exists() {
        let backend = HostBackend::open().map_err(NetworkError::Observe)?;
        let back = guard::boot::roll_back_pending(&state_dir, &backend).await?;
        back.into_iter().for_each(|back| run.log.note("network", back));
    }
    Ok(())
}

/// Makes all decisions and renders all files before the first change.
fn prepare(
    run: &Run,
    host: &HostPaths,
    host_plan: &HostPlan,
    found: &HostState,
    master: SocketAddr,
) -> Result<NetworkChange, NetworkError> {
    let created = saved::created(&host.state)?;
    let replaced = replaced(&created, host_plan, &found.observed, found.snapshot.as_ref())?;
    let by_dhcp = replaced.names.iter().find(|(old, _)| found.tree.is_dhcp(old));
    if let Some((old, _)) = by_dhcp {
        let manager = found.tree.manager().to_string();
        return Err(ReplaceError::ByDhcp { old: old.clone(), manager }.into());
    }
    let network = resolve(host_plan, &replaced.observed, &found.memory)?;
    let tree = found.tree.clone().renamed(&replaced.names);
    let files = desired_files(&tree, &network, &run.templates, &stamp(SystemTime::now()))?;
    let confirmed_files = saved::desired_files_record(&host.state, &ConfirmedFiles::after(&tree, &files))?;
    let files = changed(files).map_err(NetworkError::Unread)?;
    let left = created.devices_not_in(&network).cloned().collect();
    let has_replaced = !replaced.names.is_empty();
    let steps = plan(&network, &replaced.observed);
    let renamed = replaced.names.iter().filter(|(old, new)| old != new).cloned();
    let renamed = renamed.map(|(from, to)| Moved { from, to });
    let moved = moved(&steps, &network, &found.observed).into_iter().chain(renamed).collect();
    let steps = replaced.change(steps, found.tree.manager());
    Ok(NetworkChange {
        moved,
        has_replaced,
        survey: Survey::default(),
        knock: Knock::new(master.ip(), run.environment.get("SSH_CONNECTION")),
        ignore_firewall: run.options.ignore_firewall,
        steps,
        files,
        saved: saved::desired_files(&host.state, &network, left)?,
        confirmed_files,
        lost: lost(&found.tree, &network),
        probes: Probes::of(host_plan, &network, master),
        manager: found.tree.manager(),
        confirm: run.options.confirm,
        is_repair: saved::read(&host.state)?.as_ref() == Some(&network),
        summary: None,
        created,
        network,
    })
}
