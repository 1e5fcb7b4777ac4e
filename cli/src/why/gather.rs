//! Collects the facts of both hosts at the same time.

use std::net::SocketAddr;
use std::time::Duration;

use chain::chain;
use inspection::Inspection;
use inventory::compile::Cluster;
use inventory::{DockerHost, Fabric, Inventory, NodeName};
use process::ExecuteError;

use super::end::{End, Kind};
use super::facts::{EndFacts, HostFacts, Publisher, fabric_of};
use super::path::Path;
use super::rungs::container::ABSENT;
use crate::app::App;
use crate::delivery::Tables;
use crate::engine::SessionError;
use crate::host::Host;
use crate::plan;

/// Time limit of `netd inspect`, without the connection: two probes that are not answered, and what it reads.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Containers of a silent host that are probed, to find out whether the whole host is silent.
const WITNESSES: usize = 3;

/// Settings and tables.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a, 't> {
    pub(crate) app: &'a App,
    pub(crate) inventory: &'a Inventory,
    pub(crate) tables: &'a Tables<'t>,
    pub(crate) cluster: &'a Cluster<'t>,
}

/// Collects the facts of both ends.
pub(crate) async fn gather(
    (from, to): (End, End),
    paths: &[Path],
    context: Context<'_, '_>,
) -> (EndFacts, EndFacts) {
    let back: Vec<Path> = paths.iter().map(Path::back).collect();
    let (mut ours, mut theirs) = tokio::join!(context.end(&from, &to, paths), context.end(&to, &from, &back));
    let (our_witness, their_witness) = tokio::join!(
        context.witness(ours.as_ref(), theirs.as_ref(), &to),
        context.witness(theirs.as_ref(), ours.as_ref(), &from)
    );
    if let Some(host) = &mut ours {
        host.witness = our_witness;
    }
    if let Some(host) = &mut theirs {
        host.witness = their_witness;
    }
    (EndFacts { end: from, host: ours }, EndFacts { end: to, host: theirs })
}

impl Context<'_, '_> {
    /// Facts of the host of `end`, which probes `peer`. `None`: a machine outside.
    async fn end(&self, end: &End, peer: &End, paths: &[Path]) -> Option<HostFacts> {
        let name = end.host.clone()?;
        let plan = self.cluster.host_plan(&name).map_err(|error| chain(&error));
        let container = end.node.clone().filter(|_| end.kind == Kind::Container);
        let words = request(end, peer, paths, plan.as_ref().ok());
        let port = end.port.filter(|_| end.kind == Kind::Host);
        let publisher = port.and_then(|port| self.cluster.publisher(&name, port));
        let watched = container.as_ref().or(publisher.map(|(node, _)| node));
        let (state, inspection) = match self.reach(end, &name) {
            Ok(host) => {
                let state = async {
                    match watched {
                        Some(node) => Some(state(&host, node).await),
                        None => None,
                    }
                };
                tokio::join!(state, inspect(&host, container.as_ref(), &words))
            }
            Err(error) => (watched.map(|_| Err(error.clone())), Err(error)),
        };
        let publisher = publisher.zip(state.clone());
        let publisher = publisher.map(|((node, port), state)| Publisher { node: node.clone(), port, state });
        let desired = self.tables.snapshot(&name).map(|snapshot| snapshot.stamp());
        let withheld = self.cluster.withheld(&name).find(|(node, _)| Some(*node) == end.node.as_ref());
        Some(HostFacts {
            withheld: withheld.map(|(_, reason)| reason.to_owned()),
            desired: desired.map_err(|error| chain(&error)),
            container: state.filter(|_| container.is_some()),
            publisher,
            inspection,
            witness: None,
            plan,
            name,
        })
    }

    fn reach(&self, end: &End, name: &NodeName) -> Result<Host, String> {
        let of_row = end.node.as_ref().filter(|_| end.kind == Kind::Container);
        let of_row = of_row.and_then(|node| self.cluster.attachments(node).ok()).map(|(host, _)| host);
        let host = of_row.unwrap_or_else(|| DockerHost { name: name.clone(), port: None });
        Host::of(&host, &self.app.settings, self.inventory).map_err(|error| chain(&error))
    }

    /// If `silent` does not answer and `live` does: a container of the silent host that answers.
    async fn witness(
        &self,
        silent: Option<&HostFacts>,
        live: Option<&HostFacts>,
        live_end: &End,
    ) -> Option<String> {
        let (silent, live) = (silent.filter(|host| host.inspection.is_err())?, live?);
        if live.inspection.is_err() {
            return None;
        }
        let networks: Vec<_> =
            live_end.addresses.as_ref().ok()?.iter().filter_map(|on| on.network.as_ref()).collect();
        let there = self.cluster.attached().filter(|(_, host, _)| **host == silent.name);
        let reachable = there.flat_map(|(node, _, nics)| nics.iter().map(move |nic| (node, nic)));
        let reachable = reachable.filter(|(_, nic)| networks.contains(&&nic.network));
        let some: Vec<_> = reachable
            .filter_map(|(node, nic)| Some((node, *nic.addresses.first()?)))
            .take(WITNESSES)
            .collect();
        if some.is_empty() {
            return None;
        }
        let words = some
            .iter()
            .flat_map(|(_, address)| ["--probe".to_owned(), address.to_string()])
            .collect::<Vec<_>>();
        let host = self.reach(live_end, &live.name).ok()?;
        let node = live_end.node.as_ref().filter(|_| live_end.kind == Kind::Container);
        let facts = inspect(&host, node, &words).await.ok()?;
        let answered = |(_, address): &&(&NodeName, std::net::IpAddr)| {
            facts.probes.iter().any(|probe| probe.to == *address && probe.is_answered())
        };
        some.iter().find(answered).map(|(node, address)| format!("{node} ({address})"))
    }
}

/// What `end` probes and looks up.
fn request(end: &End, peer: &End, paths: &[Path], plan: Option<&inventory::HostPlan>) -> Vec<String> {
    let mut words = Vec::new();
    for path in paths {
        let to = path.to.address;
        let target = peer.port.map_or_else(|| to.to_string(), |port| SocketAddr::new(to, port).to_string());
        words.extend(["--probe".to_owned(), target]);
        for mac in [path.from.mac, path.to.mac].into_iter().flatten() {
            words.extend(["--mac".to_owned(), mac.to_string()]);
        }
    }
    let on_switch = |path: &Path| {
        let bridge = plan.and_then(|plan| plan.bridge_of(path.from.network.as_ref()?));
        bridge.is_some_and(|(device, _)| fabric_of(device) == Fabric::Ovs)
    };
    // netd answers for the nodes of the tables
    if let Some(name) = peer.called.as_ref().filter(|_| end.kind == Kind::Container) {
        words.extend(["--name".to_owned(), name.clone()]);
    }
    if let Some(port) = end.port.filter(|_| end.kind == Kind::Host) {
        words.extend(["--port".to_owned(), port.to_string()]);
    }
    if end.host.is_some() && paths.iter().any(on_switch) {
        words.push("--switch".to_owned());
    }
    words
}

/// State of a container.
async fn state(host: &Host, node: &NodeName) -> Result<String, String> {
    let listed = host.engine.containers().await.map_err(|error| chain(&error))?;
    match plan::belonging(node.as_str(), &listed).own(node.as_str(), host.name.as_str()) {
        Ok(container) => Ok(container.state.clone()),
        Err(plan::NotOwn::Absent(_)) => Ok(ABSENT.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn inspect(host: &Host, node: Option<&NodeName>, words: &[String]) -> Result<Inspection, String> {
    let all = ["inspect", "--json"].into_iter().chain(node.map(NodeName::as_str));
    let all: Vec<&str> = all.chain(words.iter().map(String::as_str)).collect();
    let ran = host.programs.netd(&all, Vec::new(), INSPECT_TIMEOUT).await;
    let text = ran.map_err(|error| failure(host, &error))?.text();
    serde_json::from_str(&text).map_err(|error| format!("{} ({error})", outdated(host)))
}

fn failure(host: &Host, error: &SessionError) -> String {
    match error {
        // exit status 127 of a shell: no such program (POSIX, 2.8.2)
        SessionError::Run(ExecuteError::Status { status, .. }) if status.code() == Some(127) => {
            format!("netd is not installed; run \"updatenode {} -P xdock\"", host.name)
        }
        SessionError::Run(ExecuteError::Status { stderr, .. })
            if stderr.contains("unrecognized subcommand") =>
        {
            outdated(host)
        }
        error => chain(error),
    }
}

fn outdated(host: &Host) -> String {
    format!("netd is of another release; run \"updatenode {} -P xdock\"", host.name)
}
