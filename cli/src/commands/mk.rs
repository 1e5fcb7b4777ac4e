//! `mk`: creates containers. All nodes are checked before the first change.

pub(super) mod execute;
mod prepare;
pub(super) mod steps;

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use inventory::NodeName;

use crate::app::App;
use crate::args::MkArgs;
use crate::delivery::{TableSync, Tables};
use crate::engine::EngineError;
use crate::error::{CommandError, Done};
use crate::fleet::{self, Answer, Group, Member, Outcome, Replies, Sequence};
use crate::host::Host;
use crate::plan::{self, Desired, Observed, Plan, Step, Verdict};
use crate::targets;

use execute::{Shared, Warnings};
use prepare::{Job, Prepared, Work};
use steps::Site;

pub(super) async fn run(args: &MkArgs, app: &mut App) -> Result<Done, CommandError> {
    let overrides = prepare::overrides(&args.words)?;
    let inventory = app.inventory()?;
    let nodes = app.select(&inventory, &args.nodes.noderange)?;
    let tables = Tables::new(&inventory, &app.settings.installdir);
    let Prepared { job, locations, left_out } =
        prepare::prepared(targets::locations(&nodes, &inventory)?, &overrides, &tables)?;
    let targets = locations.grouped(&nodes, app, &inventory)?;
    let work = |group: Group, replies: Replies| {
        let maker = Maker { tables: &tables, job: &job, args };
        async move {
            if let Err(outcome) = maker.make(&group, &replies).await {
                replies.end_all(&group.members, &outcome);
            }
        }
    };
    let failed = fleet::run(targets, &nodes, Sequence::Noderange, &mut app.printer, work).await;
    left_out.iter().chain(&tables.outdated()).for_each(|text| app.printer.hint(text));
    Ok(Done::of(failed))
}

/// Creates the containers of a host.
struct Maker<'a> {
    tables: &'a Tables<'a>,
    job: &'a Job,
    args: &'a MkArgs,
}

impl Maker<'_> {
    /// Creates the containers of a group. An error applies to all nodes of the host.
    async fn make(&self, group: &Group, replies: &Replies) -> Result<(), Outcome> {
        let Group { host, members } = group;
        let Some(work) = self.job.hosts.get(&host.name) else { return Ok(()) };
        // the first request, which has the connection timeout
        host.engine.version().await.map_err(|error| Outcome::failed(&error))?;
        let observed = async { observe(host, work, members).await.map_err(|error| Outcome::failed(&error)) };
        if self.args.dry_run {
            tell(&self.settle(host, work, members, &observed.await?), members, replies);
            return Ok(());
        }
        let tables = TableSync::new(self.tables, host, Some(&work.snapshot));
        let site = Site::new(host, tables);
        let made = async {
            let observed = observed.await?;
            site.knows(&observed.networks);
            self.execute(&site, members, self.settle(host, work, members, &observed), replies).await;
            Ok(())
        };
        // in parallel: an ssh session takes as long as fifty containers
        tokio::join!(made, site.tables.done()).0
    }

    fn settle(&self, host: &Host, work: &Work, members: &[Member], observed: &Observed) -> Plan {
        let own = |member: &Member| work.containers.get(&member.node).cloned();
        let desired = Desired {
            host: host.name.as_str(),
            containers: members.iter().filter_map(own).collect(),
            networks: &work.networks,
            start: self.args.start,
            replace: self.args.replace,
            new: self.args.new,
        };
        plan::settle(&desired, observed)
    }

    async fn execute(&self, site: &Site<'_, '_>, members: &[Member], plan: Plan, replies: &Replies) {
        let Plan { shared, nodes } = plan;
        let mut verdicts: HashMap<NodeName, Verdict> = nodes.into_iter().collect();
        execute::announce(members, &verdicts, replies);
        let shared = Shared::make(site, shared).await;
        let all: Vec<(Member, Verdict)> = members
            .iter()
            .filter_map(|member| Some((member.clone(), verdicts.remove(&member.node)?)))
            .collect();
        let (shared, count, strict) = (&shared, all.len(), self.args.strict);
        fleet::each(all, count, |(member, verdict)| async move {
            replies.end(
                &member,
                execute::node(site, verdict, shared, &Warnings::new(&member, replies, strict)).await,
            );
        })
        .await;
    }
}

async fn observe(host: &Host, work: &Work, members: &[Member]) -> Result<Observed, EngineError> {
    let wanted = || members.iter().filter_map(|member| work.containers.get(&member.node));
    let images: BTreeSet<&str> = wanted().map(|container| container.image.as_str()).collect();
    let engine = &host.engine;
    let api = Some(engine.version().await?);
    let there = async |image: &str| Ok(engine.has_image(image).await?.then(|| image.to_owned()));
    let (containers, networks, images) = tokio::try_join!(
        engine.containers(),
        engine.networks(),
        stream::iter(images).map(there).buffer_unordered(host.requests).try_collect::<Vec<_>>(),
    )?;
    Ok(Observed { api, networks, images: images.into_iter().flatten().collect(), containers })
}

/// Prints the steps without running them.
fn tell(plan: &Plan, members: &[Member], replies: &Replies) {
    for (member, (_, verdict)) in members.iter().zip(&plan.nodes) {
        let tell = |text: String| replies.send(member, Answer::Step(format!("would {text}")));
        let say = |step: &Step| {
            if step.is_change() {
                tell(step.to_string());
            }
        };
        match verdict {
            Verdict::Refused(text) => {
                replies.end(member, Outcome::Failed(text.clone(), None));
                continue;
            }
            Verdict::Already { networks, faults, steps, .. } => {
                replies.send(member, Answer::Step("already created".to_owned()));
                faults.iter().for_each(|fault| replies.send(member, Answer::Step(fault.to_string())));
                let needs = |step: &&Step| needs(step, networks, None);
                plan.shared.iter().filter(needs).chain(steps).for_each(say);
            }
            Verdict::Make { networks, pull, steps, replaces } => {
                if let Some(replaced) = replaces {
                    replies.send(member, Answer::Step(replaced.to_string()));
                }
                let needs = |step: &&Step| needs(step, networks, pull.as_ref());
                plan.shared.iter().filter(needs).chain(steps).for_each(say);
            }
        }
        replies.end(member, Outcome::Silent);
    }
}

/// Whether a node waits for a shared step.
fn needs(step: &Step, networks: &[String], pull: Option<&String>) -> bool {
    match step {
        Step::CreateNetwork { name, .. } => networks.contains(name),
        Step::PullImage(image) => pull == Some(image),
        _ => false,
    }
}
