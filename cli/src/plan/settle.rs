//! From what is wanted and what is there to steps, for one host.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use inventory::{Network, NodeName};
use serde_json::{Map, Value};

use super::differ::differences;
use super::network::{self, NetworkDiffers};
use super::replace::{self, Replaced};
use super::{API_ENDPOINTS, SPEC_LABEL, Step};
use crate::engine::{self, ApiVersion, Container};

/// What the tables say for one host.
#[derive(Debug)]
pub(crate) struct Desired<'a> {
    /// The host.
    pub(crate) host: &'a str,
    /// Its containers.
    pub(crate) containers: Vec<Wanted>,
    /// The networks that they are on.
    pub(crate) networks: &'a [Network],
    /// Whether they are to run.
    pub(crate) start: bool,
    /// Whether one that differs is made anew.
    pub(crate) replace: bool,
    /// Whether one that is there is for the engine to refuse.
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
}

/// What its engine says.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The API's version.
    pub(crate) api: Option<ApiVersion>,
    /// Of the networks that are wanted, those that are there.
    pub(crate) networks: BTreeMap<String, engine::Network>,
    /// Of the images that are wanted, those that are there.
    pub(crate) images: BTreeSet<String>,
    /// All containers by name.
    pub(crate) containers: HashMap<String, Container>,
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
    /// Its container is there and is what the tables say; the steps that are left.
    Already(Vec<Step>),
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
    let there = replace::There::of(&wanted.node, &observed.containers);
    match there.container() {
        Some(found) if !desired.new => existing(desired, observed, &there, found, wanted),
        _ => make(desired, observed, wanted, None),
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
    found: &Container,
    wanted: &Wanted,
) -> Verdict {
    let (node, host) = (&wanted.node, desired.host);
    let Some(made_from) = seal(found) else {
        return Verdict::Refused(format!(
            "a container {node} that xdock did not make is on {host}; remove or rename it there"
        ));
    };
    let differ = differences(&made_from, &unsealed(&wanted.body));
    if !differ.is_empty() && desired.replace {
        return make(desired, observed, &replace::keeping(wanted, found), Some(there.replaced(differ)));
    }
    if !differ.is_empty() {
        return Verdict::Refused(format!(
            "the container on {host} differs in {}; xdock mk --replace {node} makes it anew",
            differ.join(", ")
        ));
    }
    let starts = desired.start && found.state != "running";
    Verdict::Already(there.tidied(starts))
}

fn seal(found: &Container) -> Option<Value> {
    found.labels.get(SPEC_LABEL).and_then(|text| serde_json::from_str(text).ok())
}

fn missing(desired: &Desired<'_>, observed: &Observed, on: &[String]) -> Result<Vec<String>, NetworkDiffers> {
    let mut missing = Vec::new();
    for network in
        desired.networks.iter().filter(|network| on.iter().any(|name| name == network.name.as_str()))
    {
        match observed.networks.get(network.name.as_str()) {
            Some(found) => network::compare(desired.host, network, found)?,
            None => missing.push(network.name.to_string()),
        }
    }
    Ok(missing)
}

fn steps(desired: &Desired<'_>, observed: &Observed, wanted: &Wanted) -> Vec<Step> {
    let newest = observed.api.is_some_and(|api| api >= API_ENDPOINTS);
    let primary = primary_of(&wanted.body);
    let (body, later) =
        if newest { (wanted.body.clone(), Map::new()) } else { for_old_engine(&wanted.body, &primary) };
    let mut steps = vec![Step::Create { image: wanted.image.clone(), network: primary, body }];
    steps.extend(later.into_iter().map(|(network, endpoint)| Step::Connect { network, endpoint }));
    steps.extend(desired.start.then_some(Step::Start));
    steps
}

/// Before 1.44 create takes one network, and a MAC address of an endpoint is not heard: netd gives the table's.
fn for_old_engine(body: &Value, primary: &str) -> (Value, Map<String, Value>) {
    let mut body = body.clone();
    let mut later = Map::new();
    if let Some(Value::Object(endpoints)) = body.pointer_mut("/NetworkingConfig/EndpointsConfig") {
        for endpoint in endpoints.values_mut().filter_map(Value::as_object_mut) {
            endpoint.remove("MacAddress");
        }
        let (first, others) = std::mem::take(endpoints).into_iter().partition(|(name, _)| name == primary);
        *endpoints = first;
        later = others;
    }
    (body, later)
}

fn shared(networks: &[Network], verdicts: &[(NodeName, Verdict)]) -> Vec<Step> {
    let mut wanted = BTreeSet::new();
    let mut images = BTreeSet::new();
    for (_, verdict) in verdicts {
        if let Verdict::Make { networks, pull, .. } = verdict {
            wanted.extend(networks.iter().map(String::as_str));
            images.extend(pull.clone());
        }
    }
    let networks = networks.iter().filter(|network| wanted.contains(network.name.as_str()));
    let create = |network: &Network| Step::CreateNetwork {
        name: network.name.to_string(),
        subnets: network.subnets.clone(),
        body: network::body(network),
    };
    networks.map(create).chain(images.into_iter().map(Step::PullImage)).collect()
}

fn primary_of(body: &Value) -> String {
    body.pointer("/HostConfig/NetworkMode").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn networks_of(body: &Value) -> Vec<String> {
    let endpoints = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
    endpoints.map(|of| of.keys().cloned().collect()).unwrap_or_default()
}

fn unsealed(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(Value::Object(labels)) = body.get_mut("Labels") {
        labels.remove(SPEC_LABEL);
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::network::tests::{mynet0, there};
    use super::*;

    fn wanted(image: &str) -> Wanted {
        let bare = json!({
            "Image": image, "Labels": {"xdock.node": "d1"}, "HostConfig": {"NetworkMode": "mynet0"},
            "NetworkingConfig": {"EndpointsConfig": {
                "mynet0": {"MacAddress": "02:00:00:00:00:01", "IPAMConfig": {"IPv4Address": "10.99.1.1"}},
                "net98": {"MacAddress": "02:00:00:00:00:02"}
            }}
        });
        let mut body = bare.clone();
        body["Labels"][SPEC_LABEL] = bare.to_string().into();
        Wanted { node: "d1".parse().unwrap(), image: image.into(), body }
    }

    fn made(image: &str, state: &str) -> Container {
        let labels =
            [(SPEC_LABEL.to_owned(), wanted(image).body["Labels"][SPEC_LABEL].as_str().unwrap().to_owned())];
        Container { name: "d1".into(), state: state.into(), labels: labels.into(), ..Container::default() }
    }

    fn run(api: ApiVersion, networks: &[Network], containers: Vec<Container>, there_too: bool) -> Plan {
        let desired = Desired {
            host: "host1",
            containers: vec![wanted("busybox")],
            networks,
            start: true,
            replace: false,
            new: false,
        };
        let observed = Observed {
            api: Some(api),
            networks: if there_too { [("mynet0".to_owned(), there())].into() } else { BTreeMap::new() },
            images: if there_too { ["busybox".to_owned()].into() } else { BTreeSet::new() },
            containers: containers.into_iter().map(|container| (container.name.clone(), container)).collect(),
        };
        settle(&desired, &observed)
    }

    fn verdict_of(plan: Plan) -> Verdict {
        plan.nodes.into_iter().next().unwrap().1
    }

    #[test]
    fn what_is_missing_is_made_first_and_once() {
        let plan = run(ApiVersion(1, 47), &[mynet0()], vec![], false);
        let shown: Vec<String> = plan.shared.iter().map(Step::to_string).collect();
        assert_eq!(shown, ["create network mynet0 (10.99.0.0/16, fd00:99::/64)", "pull image busybox"]);
        let Verdict::Make { networks, pull, steps, .. } = verdict_of(plan) else { panic!() };
        assert_eq!((networks, pull), (vec!["mynet0".to_owned()], Some("busybox".to_owned())));
        let shown: Vec<String> = steps.iter().map(Step::to_string).collect();
        assert_eq!(shown, ["create from busybox on mynet0", "start"]);
        let Step::Create { body, .. } = &steps[0] else { panic!() };
        assert_eq!(*body, wanted("busybox").body);
    }

    #[test]
    fn an_old_engine_gets_one_network_at_create_and_no_mac() {
        let plan = run(ApiVersion(1, 41), &[mynet0()], vec![], true);
        assert_eq!(plan.shared, []);
        let Verdict::Make { steps, .. } = verdict_of(plan) else { panic!() };
        let [Step::Create { body, .. }, Step::Connect { network, endpoint }, Step::Start] = steps.as_slice()
        else {
            panic!("{steps:?}")
        };
        assert_eq!(
            body["NetworkingConfig"]["EndpointsConfig"],
            json!({"mynet0": {"IPAMConfig": {"IPv4Address": "10.99.1.1"}}})
        );
        assert_eq!((network.as_str(), endpoint), ("net98", &json!({})));
    }

    #[test]
    fn a_container_that_is_so_already_is_left_alone() {
        let plan = run(ApiVersion(1, 41), &[], vec![made("busybox", "running")], false);
        assert_eq!(verdict_of(plan), Verdict::Already(vec![]));
        let plan = run(ApiVersion(1, 41), &[], vec![made("busybox", "exited")], false);
        assert_eq!(verdict_of(plan), Verdict::Already(vec![Step::Start]));
    }

    #[test]
    fn a_container_that_differs_is_refused_with_its_fields() {
        let refused = |container| {
            let plan = run(ApiVersion(1, 41), &[], vec![container], true);
            assert_eq!(plan.shared, []);
            let Verdict::Refused(text) = verdict_of(plan) else { panic!() };
            text
        };
        assert_eq!(
            refused(made("debian", "running")),
            "the container on host1 differs in Image (debian, now busybox); \
             xdock mk --replace d1 makes it anew"
        );
        assert_eq!(
            refused(Container { name: "d1".into(), ..Container::default() }),
            "a container d1 that xdock did not make is on host1; remove or rename it there"
        );
    }

    #[test]
    fn a_network_of_another_kind_refuses_its_nodes() {
        let other = Network { subnets: vec!["10.5.0.0/16".parse().unwrap()], ..mynet0() };
        let Verdict::Refused(text) = verdict_of(run(ApiVersion(1, 41), &[other], vec![], true)) else {
            panic!()
        };
        assert_eq!(
            text,
            "network mynet0 on host1 has 10.99.0.0/16, fd00:99::/64, the tables say 10.5.0.0/16; \
             remove it there (docker network rm mynet0)"
        );
    }
}
