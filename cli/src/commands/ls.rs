//! `ls`: containers as their engines see them, or what is on a host.

mod row;
mod table;

use std::cell::RefCell;

use inventory::{Cluster, DockerHost, NodeName};

use super::{CommandError, Done, power};
use crate::app::App;
use crate::args::LsArgs;
use crate::engine::{Container, Network};
use crate::fleet::{self, Answer, Group, Member, Outcome, Replies, Sequence};
use crate::plan;
use crate::targets;
use crate::xcat;

use row::Row;
use table::Table;

pub(super) async fn run(args: &LsArgs, app: &mut App) -> Result<Done, CommandError> {
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let mut containers = Vec::new();
    let mut places = Vec::new();
    for node in &nodes {
        let is_container = inventory.is_container(node)?;
        let own = DockerHost { name: node.clone(), port: None };
        if is_container { containers.push(node.clone()) } else { places.push((node.clone(), own)) }
    }
    places.extend(targets::places(&containers, &inventory)?);
    places.sort();
    let groups = targets::groups(&places, app, &inventory)?;
    let cluster = inventory.cluster()?;
    let (long, json, xcat) = (args.long, app.printer.is_json(), app.printer.is_of_xcat());
    // a table is whole before it is shown; what reads a pipe gets line by line
    let table = (long && !xcat && app.printer.shows_tables()).then(RefCell::default);
    let work = |group: Group, replies: Replies| {
        let view = View { cluster: &cluster, long, json, xcat, table: table.as_ref() };
        async move { view.list(&group, &replies).await }
    };
    let failed = fleet::run(groups, &nodes, Sequence::Noderange, &mut app.printer, work).await;
    for line in table.map(RefCell::into_inner).unwrap_or_default().lines(app.printer.shows_colours()) {
        app.printer.line(&line);
    }
    Ok(Done::of(failed))
}

struct View<'a> {
    cluster: &'a Cluster<'a>,
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
        let (listed, networks) = match tokio::try_join!(engine.containers(), networks) {
            Ok(listed) => listed,
            Err(error) => return replies.end_all(&group.members, &Outcome::failed(&error)),
        };
        let host = &group.host.name;
        for member in &group.members {
            if member.node == *host {
                let shown = || listed.iter().filter(|container| !self.xcat || xcat::is_listed(container));
                shown().for_each(|container| self.tell(member, host, (container, &networks), replies));
                let none = if self.xcat { "No running docker" } else { "no container" };
                replies.end(
                    member,
                    if shown().next().is_none() { Outcome::status(none) } else { Outcome::Silent },
                );
                continue;
            }
            let outcome = match power::own(member, &group.host, &listed) {
                Ok(container) => {
                    self.tell(member, host, (container, &networks), replies);
                    Outcome::Silent
                }
                Err(error) => power::none(&error),
            };
            replies.end(member, outcome);
        }
    }

    fn tell(
        &self,
        member: &Member,
        host: &NodeName,
        (container, networks): (&Container, &[Network]),
        replies: &Replies,
    ) {
        if self.xcat && !self.long {
            return replies.tell(member, Answer::Step(xcat::row(container, member.node == *host)));
        }
        let spec = container.name.parse().ok().and_then(|node| self.cluster.container(&node).ok());
        let faults = if self.long || self.json { plan::faults_of(container, networks) } else { Vec::new() };
        let row = Row { node: &member.node, host, container, spec: spec.as_ref(), faults: &faults };
        if let Some(table) = self.table {
            for fault in &faults {
                replies.tell(member, Answer::ErrorLine(format!("{}: {fault}", container.name)));
            }
            return table.borrow_mut().add(member.index, &row);
        }
        replies.tell(
            member,
            match (self.json, self.xcat) {
                (true, _) => Answer::Line(row.json()),
                (_, true) => Answer::Step(row.cut(self.long)),
                _ => Answer::Line(row.text(self.long)),
            },
        );
    }
}
