//! Computes the steps of a host from desired and observed state.

mod body;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use inventory::{Network, NodeName};
use serde_json::{Map, Value};

pub(super) use self::body::seal;
use self::body::{for_old_engine, networks_of, primary_of, unsealed};
use super::attachments::{self, Fault, faults, mend};
use super::differ::differences;
use super::ignored::is_plain;
use super::links;
use super::network::{self, NetworkDiffers};
use super::replace::{self, Replaced};
use super::{API_ENDPOINTS, NotOwn, Step, Subject};
use crate::engine::{self, ApiVersion, Container};

/// What the tables say for one host.
#[derive(Debug)]
pub(crate) struct Desired<'a> {
    pub(crate) host: &'a str,
    /// Its containers.
    pub(crate) containers: Vec<Wanted>,
    /// The networks that they are on.
    pub(crate) networks: &'a [Network],
    /// Whether they are to run.
    pub(crate) start: bool,
    /// Whether a container that differs is recreated.
    pub(crate) replace: bool,
    /// If a container with this name exists, let the engine report the conflict.
    pub(crate) new: bool,
}

/// A container that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its node.
    pub(crate) node: NodeName,
    /// Its image.
    pub(crate) image: String,
    /// Its create body in the newest form of the API.
    pub(crate) body: Value,
    /// The part of its environment that is from links.
    pub(crate) link_env: Vec<String>,
}

/// What its engine says.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The API's version.
    pub(crate) api: Option<ApiVersion>,
    /// All networks.
    pub(crate) networks: Vec<engine::Network>,
    /// Of the images that are wanted, those that are there.
    pub(crate) images: BTreeSet<String>,
    /// All containers.
    pub(crate) containers: Vec<Container>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// Networks and images: what several containers wait for.
    pub(crate) shared: Vec<Step>,
    /// Each node's own part, as they were wanted.
    pub(crate) nodes: Vec<(NodeName, Verdict)>,
}

/// What becomes of a node.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Steps; those of `shared` that concern it come before.
    Make {
        /// Its networks that are to be made.
        networks: Vec<String>,
        /// Its image, where it is to be pulled.
        pull: Option<String>,
        /// Its own steps.
        steps: Vec<Step>,
        /// The container whose place it takes.
        replaces: Option<Replaced>,
    },
    /// Its container is there and is what the tables say.
    Already {
        /// Its networks that are to be made again.
        networks: Vec<String>,
        /// Where its networks are not as it was made.
        faults: Vec<Fault>,
        /// It runs: what is connected to it gets the next name of an interface.
        runs: bool,
        /// The steps that are left.
        steps: Vec<Step>,
    },
    /// Nothing can be done.
    Refused(String),
}

/// Desired minus observed.
pub(crate) fn settle(desired: &Desired<'_>, observed: &Observed) -> Plan {
    let verdicts: Vec<(NodeName, Verdict)> = desired
        .containers
        .iter()
        .map(|wanted| (wanted.node.clone(), verdict(desired, observed, wanted)))
        .collect();
    Plan { shared: shared(desired.networks, &verdicts), nodes: verdicts }
}

fn verdict(desired: &Desired<'_>, observed: &Observed, wanted: &Wanted) -> Verdict {
    match replace::There::of(&wanted.node, desired.host, &observed.containers) {
        Ok(Some(there)) if !desired.new => existing(desired, observed, &there, wanted),
        Ok(_) => make(desired, observed, wanted, None),
        // the engine refuses, with its error message
        Err(NotOwn::Stranger { .. }) if desired.new => make(desired, observed, wanted, None),
        Err(error) => Verdict::Refused(error.to_string()),
    }
}

/// Its networks, its image and itself, in the place of `replaces` where there is one.
fn make(desired: &Desired<'_>, observed: &Observed, wanted: &Wanted, replaces: Option<Replaced>) -> Verdict {
    let on = networks_of(&wanted.body);
    match missing(desired, observed, &on) {
        Err(differs) => Verdict::Refused(differs.to_string()),
        Ok(networks) => {
            let steps = steps(desired, observed, wanted);
            Verdict::Make {
                networks,
                pull: (!observed.images.contains(&wanted.image)).then(|| wanted.image.clone()),
                steps: match &replaces {
                    Some(replaced) => replaced.around(wanted.node.as_str(), steps),
                    None => steps,
                },
                replaces,
            }
        }
    }
}

fn existing(
    desired: &Desired<'_>,
    observed: &Observed,
    there: &replace::There<'_>,
    wanted: &Wanted,
) -> Verdict {
    let (node, host, found) = (&wanted.node, desired.host, there.container());
    let Some(made_from) = seal(found) else {
        let (node, host) = (node.to_string(), host.to_owned());
        return Verdict::Refused(NotOwn::Stranger { node, host }.to_string());
    };
    let comparable = links::comparable(&made_from, unsealed(&wanted.body), &wanted.link_env);
    let differ = differences(&made_from, &comparable);
    if !differ.is_empty() && desired.replace {
        return make(desired, observed, &replace::keeping(wanted, found), Some(there.replaced(differ)));
    }
    if !differ.is_empty() {
        return Verdict::Refused(format!(
            "the container on {host} differs in {}; xdock mk --replace {node} recreates it",
            differ.join(", ")
        ));
    }
    let starts = desired.start && found.state != "running";
    let faults = faults(&made_from, found, &observed.networks);
    let mended = || faults.iter().filter(|fault| fault.kind.is_mended());
    let on: Vec<String> = mended().map(|fault| fault.network.clone()).collect();
    if let Err(differs) = missing(desired, observed, &on) {
        return Verdict::Refused(differs.to_string());
    }
    let of = Subject::Listed(found.id.clone());
    let mut steps: Vec<Step> = compared(of, &wanted.body).into_iter().chain([Step::Tables]).collect();
    steps.extend(mend(&made_from, found, &faults, takes_mac(observed)));
    steps.extend(there.tidied(starts));
    let networks = attachments::missing(&faults, &observed.networks).map(str::to_owned).collect();
    Verdict::Already { networks, faults, runs: found.state == "running", steps }
}

/// With the image as the engine is asked for it.
fn referring(mut body: Value) -> Value {
    if let Some(Value::String(image)) = body.get_mut("Image") {
        *image = engine::reference(image);
    }
    body
}

/// An older engine drops what it does not know, and says nothing.
fn compared(of: Subject, body: &Value) -> Option<Step> {
    (!is_plain(body)).then(|| Step::Compare { of, body: referring(unsealed(body)) })
}

/// Whether a MAC address of an endpoint is heard.
fn takes_mac(observed: &Observed) -> bool {
    observed.api.is_some_and(|api| api >= API_ENDPOINTS)
}

fn missing(desired: &Desired<'_>, observed: &Observed, on: &[String]) -> Result<Vec<String>, NetworkDiffers> {
    let mut missing = Vec::new();
    for network in
        desired.networks.iter().filter(|network| on.iter().any(|name| name == network.name.as_str()))
    {
        if network::find(desired.host, network, &observed.networks)?.is_none() {
            missing.push(network.name.to_string());
        }
    }
    Ok(missing)
}

fn steps(desired: &Desired<'_>, observed: &Observed, wanted: &Wanted) -> Vec<Step> {
    let newest = takes_mac(observed);
    let primary = primary_of(&wanted.body);
    let (body, later) =
        if newest { (wanted.body.clone(), Map::new()) } else { for_old_engine(&wanted.body, &primary) };
    let body = referring(body);
    let mut steps = vec![Step::Create { image: wanted.image.clone(), network: primary, body }];
    steps.extend(compared(Subject::Made, &wanted.body));
    steps.extend(later.into_iter().map(|(network, endpoint)| Step::Connect {
        of: Subject::Made,
        network,
        endpoint,
    }));
    steps.push(Step::Tables);
    steps.extend(desired.start.then_some(Step::Start(Subject::Made)));
    steps
}

fn shared(networks: &[Network], verdicts: &[(NodeName, Verdict)]) -> Vec<Step> {
    let mut wanted = BTreeSet::new();
    let mut images = BTreeSet::new();
    for (_, verdict) in verdicts {
        match verdict {
            Verdict::Make { networks, pull, .. } => {
                wanted.extend(networks.iter().map(String::as_str));
                images.extend(pull.clone());
            }
            Verdict::Already { networks, .. } => wanted.extend(networks.iter().map(String::as_str)),
            Verdict::Refused(_) => {}
        }
    }
    let networks = networks.iter().filter(|network| wanted.contains(network.name.as_str()));
    networks.map(Step::create_network).chain(images.into_iter().map(Step::PullImage)).collect()
}
