//! `host enroll`: issues certificates for engines.

use std::collections::BTreeMap;

use inventory::NodeName;
use serde_json::{Map, Value};

use super::Chosen;
use crate::app::{self, App};
use crate::args::EnrollArgs;
use crate::enroll::{self, Authority, EnrollError, Enrolled, Enrolment, Identity, Ledger, Others, Plan};
use crate::error::{CommandError, Done};
use crate::fleet::{self, Group, Outcome, Replies, Sequence};
use crate::targets;

pub(super) async fn run(args: &EnrollArgs, chosen: &Chosen, app: &mut App) -> Result<Done, CommandError> {
    if args.revoke {
        return revoke(chosen, args.dry_run, app);
    }
    let identities = identities(args.port, chosen)?;
    let targets = targets::groups(&chosen.locations(), &chosen.hosts, app, &chosen.inventory)?;
    let enrolment = match args.dry_run {
        true => None,
        false => Some(enrolment(args, app)?),
    };
    let ledger = Ledger::read(&app.settings.tls.directory)?;
    let work = |group: Group, replies: Replies| {
        let (enrolment, identities, ledger) = (&enrolment, &identities, &ledger);
        async move {
            let Group { host, members } = group;
            let Some(wanted) = identities.get(&host.name) else { return };
            let outcome = match enrolment {
                Some(enrolment) => outcome(&enrolment.enroll(&host, wanted).await),
                None => would(
                    &enroll::plan(ledger.standing(&wanted.host), wanted, enroll::now(), args.renew),
                    wanted,
                ),
            };
            replies.end_all(&members, &outcome);
        }
    };
    let failed = fleet::run(targets, &chosen.hosts, Sequence::Noderange, &mut app.printer, work).await;
    Ok(Done::of(failed))
}

/// Identities of all hosts, read before anything is changed.
fn identities(port: u16, chosen: &Chosen) -> Result<BTreeMap<NodeName, Identity>, CommandError> {
    let (mut identities, mut wrong) = (BTreeMap::new(), Vec::new());
    let others = Others::read(&chosen.inventory, &app::machine_name())?;
    for host in &chosen.hosts {
        match Identity::of(host, port, &others) {
            Ok(identity) => drop(identities.insert(host.clone(), identity)),
            Err(error) => wrong.push((host.clone(), chain::chain(&error))),
        }
    }
    if wrong.is_empty() { Ok(identities) } else { Err(CommandError::Nodes(wrong)) }
}

fn enrolment(args: &EnrollArgs, app: &App) -> Result<Enrolment, CommandError> {
    let files = app.settings.tls.clone();
    let authority = Authority::open_or_make(&files)?;
    enroll::renew_client(&files)?;
    Ok(Enrolment { authority, files, timeout: app.settings.timeout, renew: args.renew })
}

fn outcome(ended: &Result<Enrolled, EnrollError>) -> Outcome {
    let (word, days) = match ended {
        Ok(Enrolled::Already(days)) => ("already enrolled", days),
        Ok(Enrolled::Now(days)) => ("enrolled", days),
        Err(error) => return Outcome::failed(error),
    };
    Outcome::Status(format!("{word}, {days} days left"), days_field(*days))
}

fn would(plan: &Plan, wanted: &Identity) -> Outcome {
    match plan {
        Plan::Keep { days } => {
            Outcome::Status(format!("already enrolled, {days} days left"), days_field(*days))
        }
        Plan::Issue(reason) => Outcome::status(format!(
            "would get a certificate for {} and listen on {} ({reason})",
            wanted.words(),
            wanted.listen
        )),
    }
}

fn days_field(days: i64) -> Map<String, Value> {
    Map::from_iter([("days".to_owned(), Value::from(days))])
}

/// Revokes certificates. Hosts are not contacted: clients of this management node no longer accept them.
fn revoke(chosen: &Chosen, dry_run: bool, app: &mut App) -> Result<Done, CommandError> {
    let known = Ledger::read(&app.settings.tls.directory)?;
    let has: Vec<(&NodeName, bool)> =
        chosen.hosts.iter().map(|host| (host, known.clone().revoke(host.as_str()))).collect();
    let any = has.iter().any(|(_, has)| *has);
    if any && !dry_run {
        Ledger::update(&app.settings.tls.directory, |ledger| {
            for host in &chosen.hosts {
                ledger.revoke(host.as_str());
            }
        })?;
    }
    let mut failed = 0;
    for (host, has) in has {
        match has {
            true if dry_run => {
                app.printer.node(host.as_str(), "would revoke its certificates", &Map::new());
            }
            true => app.printer.node(host.as_str(), "revoked", &Map::new()),
            false => {
                failed += 1;
                app.printer.node_error(
                    host.as_str(),
                    "it has no certificate of this certificate authority",
                    None,
                );
            }
        }
    }
    Ok(Done::of(failed))
}
