//! `ls`: containers of nodes, or all containers of a host.

mod natural;
mod row;
mod table;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use inventory::{Cluster, DockerHost, NodeName};

use super::power;
use crate::app::App;
use crate::args::LsArgs;
use crate::engine::{Container, Network};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Member, Outcome, Replies, Sequence};
use crate::plan;
use crate::targets::{self, NodeLocations};
use crate::xcat;

use row::Row;
use table::Table;

pub(super) async fn run(args: &LsArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let mut nodes = app.select(&inventory, &args.nodes.noderange)?;
    nodes.sort_by(|one, other| natural::compare(one.as_str(), other.as_str()));
    let (mut containers, mut hosts) = (Vec::new(), Vec::new());
    for node in &nodes {
        if inventory.is_container(node)? { containers.push(node.clone()) } else { hosts.push(node.clone()) }
    }
    let mut locations = targets::locations(&containers, &inventory)?;
    let asked = Asked::of(&locations);
    let own = hosts.into_iter().map(|name| (name.clone(), DockerHost { name, port: None }));
    locations.good.extend(own);
    let targets = locations.grouped(&nodes, app, &inventory)?;
    let cluster = inventory.cluster()?;
    let (long, json, xcat) = (args.long, app.printer.is_json(), app.printer.is_xcat_format());
    // a table needs all rows for its widths; a pipe gets each line immediately
    let table = (long && !xcat && app.printer.shows_tables()).then(RefCell::default);
    let work = |group: Group, replies: Replies| {
        let view = View { cluster: &cluster, asked: &asked, long, json, xcat, table: table.as_ref() };
        async move { view.list(&group, &replies).await }
    };
    let failed = fleet::run(targets, &nodes, Sequence::Noderange, &mut app.printer, work).await;
    for line in table.map(RefCell::into_inner).unwrap_or_default().lines(app.printer.shows_colours()) {
        app.printer.line(&line);
    }
    Ok(Done::of(failed))
}

/// Selected container nodes, by host. The list of a host does not repeat them.
struct Asked(HashMap<NodeName, Vec<NodeName>>);

impl Asked {
    fn of(locations: &NodeLocations) -> Self {
        let mut by_host: HashMap<NodeName, Vec<NodeName>> = HashMap::new();
        for (node, host) in &locations.good {
            by_host.entry(host.name.clone()).or_default().push(node.clone());
        }
        Self(by_host)
    }

    /// Names of their containers on a host.
    fn shown<'a>(&self, host: &NodeName, listed: &'a [Container]) -> HashSet<&'a str> {
        let nodes = self.0.get(host).map(Vec::as_slice).unwrap_or_default();
        let own =
            |node: &NodeName| plan::belonging(node.as_str(), listed).own(node.as_str(), host.as_str()).ok();
        nodes.iter().filter_map(own).map(|container| container.id.as_str()).collect()
    }
}

struct View<'a> {
    cluster: &'a Cluster<'a>,
    asked: &'a Asked,
    long: bool,
    json: bool,
    xcat: bool,
    table: Option<&'a RefCell<Table>>,
}

impl View<'_> {
    async fn list(&self, group: &Group, replies: &Replies) {
        let engine = &group.host.engine;
        let networks =
            async { if self.long || self.json { engine.networks().await } else { Ok(Vec::new()) } };
        let (mut listed, networks) = match tokio::try_join!(engine.containers(), networks) {
            Ok(listed) => listed,
            Err(error) => return replies.end_all(&group.members, &Outcome::failed(&error)),
        };
        listed.sort_by(|one, other| natural::compare(&one.name, &other.name));
        let host = &group.host.name;
        for member in &group.members {
            if member.node == *host {
                self.list_host(member, (&listed, &networks), replies);
                continue;
            }
            let outcome = match power::own(member, &group.host, &listed) {
                Ok(container) => {
                    self.report(member, host, (container, &networks), replies);
                    Outcome::Silent
                }
                Err(error) => power::none(&error),
            };
            replies.end(member, outcome);
        }
    }

    /// Lists the containers of a host. xCAT's command lists them even if other nodes are selected.
    fn list_host(&self, member: &Member, (listed, networks): (&[Container], &[Network]), replies: &Replies) {
        let host = &member.node;
        let own = if self.xcat { HashSet::new() } else { self.asked.shown(host, listed) };
        let none = if self.xcat { "No running docker" } else { "no container" };
        let on_host: Vec<&Container> =
            listed.iter().filter(|container| !self.xcat || xcat::is_listed(container)).collect();
        for container in on_host.iter().filter(|container| !own.contains(container.id.as_str())) {
            self.report(member, host, (container, networks), replies);
        }
        replies.end(member, if on_host.is_empty() { Outcome::status(none) } else { Outcome::Silent });
    }

    fn report(
        &self,
        member: &Member,
        host: &NodeName,
        (container, networks): (&Container, &[Network]),
        replies: &Replies,
    ) {
        if self.xcat && !self.long {
            return replies.send(member, Answer::Step(xcat::row(container, member.node == *host)));
        }
        let spec = container.name.parse().ok().and_then(|node| self.cluster.container(&node).ok());
        let problems = if self.long || self.json {
            let faults = plan::faults_of(container, networks).into_iter().map(|fault| fault.to_string());
            faults.chain(spec.iter().flat_map(|spec| self.cluster.dangling_links(spec))).collect()
        } else {
            Vec::new()
        };
        let row = Row { node: &member.node, host, container, spec: spec.as_ref(), problems: &problems };
        if let Some(table) = self.table {
            for problem in &problems {
                replies.send(member, Answer::ErrorLine(format!("{}: {problem}", container.name)));
            }
            return table.borrow_mut().add(member.index, &row);
        }
        replies.send(
            member,
            match (self.json, self.xcat) {
                (true, _) => Answer::Line(row.json()),
                (_, true) => Answer::Step(row.cut(self.long)),
                _ => Answer::Line(row.text(self.long)),
            },
        );
    }
}
