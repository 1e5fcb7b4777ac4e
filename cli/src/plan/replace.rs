//! A container made anew in the place of another: the old one steps aside under another name until the new one is up, so that
//! whatever fails, and whenever, one of the two is there.

use std::collections::HashMap;
use std::fmt;

use inventory::NodeName;
use serde_json::Value;

use super::Step;
use super::settle::Wanted;
use crate::engine::Container;

/// What the old container is called meanwhile.
pub(crate) fn aside(node: &NodeName) -> String {
    format!("{node}.xdock-replaced")
}

/// What is on a host of a node: its container, and one that an interrupted replacement left aside.
#[derive(Debug)]
pub(super) struct There<'a> {
    node: &'a NodeName,
    own: Option<&'a Container>,
    left: Option<&'a Container>,
}

/// The container that steps aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// What it is called meanwhile.
    pub(crate) aside: String,
    /// In what it differs from the tables.
    pub(crate) differs: Vec<String>,
    /// It ran: the new one is started too, and it itself when it has to come back.
    pub(crate) ran: bool,
    /// An interrupted replacement left it aside: it is so called already.
    is_aside: bool,
    /// Another one that an interrupted replacement left.
    is_left: bool,
}

impl<'a> There<'a> {
    pub(super) fn of(node: &'a NodeName, containers: &'a HashMap<String, Container>) -> Self {
        Self { node, own: containers.get(node.as_str()), left: containers.get(&aside(node)) }
    }

    /// The node's container, under whichever name.
    pub(super) fn container(&self) -> Option<&'a Container> {
        self.own.or(self.left)
    }

    /// It as the one that steps aside.
    pub(super) fn replaced(&self, differs: Vec<String>) -> Replaced {
        let runs = |found: &Container| ["running", "paused", "restarting"].contains(&found.state.as_str());
        Replaced {
            aside: aside(self.node),
            differs,
            ran: self.container().is_some_and(runs),
            is_aside: self.own.is_none(),
            is_left: self.own.is_some() && self.left.is_some(),
        }
    }

    /// What is left to do where it is what the tables say.
    pub(super) fn tidied(&self, starts: bool) -> Vec<Step> {
        let back = || Step::Rename { from: aside(self.node), to: self.node.to_string() };
        let mut steps = Vec::new();
        steps.extend(self.own.is_none().then(back));
        steps.extend(starts.then_some(Step::Start));
        steps.extend((self.own.is_some() && self.left.is_some()).then(|| Step::Remove(aside(self.node))));
        steps
    }
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "differs in {}", self.differs.join(", "))
    }
}

impl Replaced {
    /// The steps that make the new container, with those that take the old one out of its way. It runs until the new one is
    /// made: only what then follows is its absence.
    pub(super) fn around(&self, node: &str, make: Vec<Step>) -> Vec<Step> {
        let mut steps = Vec::new();
        steps.extend(self.is_left.then(|| Step::Remove(self.aside.clone())));
        steps
            .extend((!self.is_aside).then(|| Step::Rename { from: node.to_owned(), to: self.aside.clone() }));
        let starts = self.ran || make.contains(&Step::Start);
        steps.extend(make.into_iter().filter(|step| *step != Step::Start));
        steps.extend(self.ran.then(|| Step::Stop(self.aside.clone())));
        steps.extend(starts.then_some(Step::Start));
        steps.push(Step::Remove(self.aside.clone()));
        steps
    }
}

/// What takes a new container back whose step `at` failed, and brings the old one into its place again.
pub(crate) fn back(node: &str, steps: &[Step], at: usize, replaces: Option<&Replaced>) -> Vec<Step> {
    let (done, failed) = (steps.get(..at).unwrap_or_default(), steps.get(at));
    let Some(old) = replaces else {
        // one that is on some of its networks only, or that netd would not let start
        let half = matches!(failed, Some(Step::Connect { .. } | Step::Tables));
        return if half { vec![Step::Discard(node.to_owned())] } else { Vec::new() };
    };
    let is_aside = old.is_aside || done.iter().any(|step| matches!(step, Step::Rename { .. }));
    let is_up = at + 1 == steps.len();
    if !is_aside || is_up {
        return Vec::new();
    }
    let mut back =
        vec![Step::Discard(node.to_owned()), Step::Rename { from: old.aside.clone(), to: node.to_owned() }];
    back.extend(old.ran.then_some(Step::Start));
    back
}

/// What is wanted, on the volumes that the old container has and no table names. They are no part of what a later run compares.
pub(super) fn keeping(wanted: &Wanted, old: &Container) -> Wanted {
    let mut kept = wanted.clone();
    let Some(Value::Object(host)) = kept.body.pointer_mut("/HostConfig") else { return kept };
    let binds = host.entry("Binds").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(binds) = binds {
        let has = |binds: &[Value], target: &str| {
            binds.iter().filter_map(Value::as_str).any(|bind| bind.split(':').nth(1) == Some(target))
        };
        for (name, target) in &old.anonymous {
            if !has(binds, target) {
                binds.push(format!("{name}:{target}").into());
            }
        }
        if binds.is_empty() {
            host.remove("Binds");
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(state: &str) -> Container {
        Container { state: state.into(), ..Container::default() }
    }

    fn shown(steps: &[Step]) -> Vec<String> {
        steps.iter().map(Step::to_string).collect()
    }

    fn make() -> Vec<Step> {
        let create = Step::Create { image: "new".into(), network: "mynet0".into(), body: Value::Null };
        vec![create, Step::Tables, Step::Start]
    }

    fn replaced(containers: &[(&str, &str)]) -> Replaced {
        let all = containers.iter().map(|(name, state)| ((*name).to_owned(), container(state))).collect();
        There::of(&"d1".parse().unwrap(), &all).replaced(vec![])
    }

    #[test]
    fn the_old_one_runs_until_the_new_one_is_made() {
        let old = replaced(&[("d1", "running")]);
        let steps = old.around("d1", make());
        assert_eq!(
            shown(&steps),
            [
                "rename d1 to d1.xdock-replaced",
                "create from new on mynet0",
                "wait until netd has the tables",
                "stop d1.xdock-replaced",
                "start",
                "remove d1.xdock-replaced, but not its volumes"
            ]
        );
        let come_back = ["remove d1 again", "rename d1.xdock-replaced to d1", "start"];
        assert_eq!(shown(&back("d1", &steps, 0, Some(&old))), [""; 0]);
        for at in 1..=4 {
            assert_eq!(shown(&back("d1", &steps, at, Some(&old))), come_back, "{at}");
        }
        assert_eq!(shown(&back("d1", &steps, 5, Some(&old))), [""; 0], "the new one is up");
    }

    #[test]
    fn one_that_does_not_run_is_not_started() {
        let old = replaced(&[("d1", "exited")]);
        let made: Vec<Step> = make().into_iter().take(2).collect();
        let steps = old.around("d1", made);
        assert_eq!(shown(&steps).len(), 4);
        assert_eq!(
            shown(&back("d1", &steps, 1, Some(&old))),
            ["remove d1 again", "rename d1.xdock-replaced to d1"]
        );
    }

    #[test]
    fn what_netd_would_not_let_start_is_not_left() {
        let steps = make();
        assert_eq!(shown(&back("d1", &steps, 1, None)), ["remove d1 again"]);
        assert_eq!(shown(&back("d1", &steps, 2, None)), [""; 0], "it is made, and can be started later");
    }

    #[test]
    fn what_an_interruption_left_is_taken_up() {
        let aside = ("d1.xdock-replaced", "running");
        let steps = shown(&replaced(&[aside]).around("d1", make()));
        assert_eq!(steps[0], "create from new on mynet0");
        let steps = shown(&replaced(&[aside, ("d1", "created")]).around("d1", make()));
        assert_eq!(
            steps[..2],
            ["remove d1.xdock-replaced, but not its volumes", "rename d1 to d1.xdock-replaced"]
        );
        let (node, all) = ("d1".parse().unwrap(), [(aside.0.to_owned(), container("running"))].into());
        assert_eq!(shown(&There::of(&node, &all).tidied(false)), ["rename d1.xdock-replaced to d1"]);
    }

    #[test]
    fn volumes_without_a_name_are_kept() {
        let wanted = |binds: Value| Wanted {
            node: "d1".parse().unwrap(),
            image: "new".into(),
            body: json!({"HostConfig": {"Binds": binds}}),
        };
        let old = Container { anonymous: vec![("aa".into(), "/data".into())], ..Container::default() };
        assert_eq!(
            keeping(&wanted(json!(["x:/x"])), &old).body,
            json!({"HostConfig": {"Binds": ["x:/x", "aa:/data"]}})
        );
        assert_eq!(
            keeping(&wanted(json!(["own:/data:ro"])), &old).body,
            json!({"HostConfig": {"Binds": ["own:/data:ro"]}})
        );
        assert_eq!(keeping(&wanted(json!([])), &container("")).body, json!({"HostConfig": {}}));
    }
}
