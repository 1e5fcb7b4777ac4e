//! Replaces a container. The old one is renamed until the new one is up, so that one of them exists at any failure.

use std::fmt;

use inventory::NodeName;
use serde_json::Value;

use super::settle::Wanted;
use super::{Belonging, NotOwn, Step, Subject, belonging, left_aside};
use crate::engine::{Container, ContainerId};

/// Temporary name of the old container.
pub(crate) fn aside(node: &str) -> String {
    format!("{node}.xdock-replaced")
}

/// Container of a node, leftover of an interrupted replacement, or both.
#[derive(Debug)]
pub(super) struct There<'a> {
    node: &'a NodeName,
    container: &'a Container,
    /// It already has the temporary name.
    is_aside: bool,
    /// Leftover of an interrupted replacement.
    left: Option<&'a Container>,
}

/// The old container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// Its ID.
    of: ContainerId,
    /// Its temporary name.
    pub(crate) aside: String,
    /// Its differences from the tables.
    pub(crate) differs: Vec<String>,
    /// It was running: the new one is started, and the old one after a rollback.
    pub(crate) ran: bool,
    /// It already has the temporary name from an interrupted replacement.
    is_aside: bool,
    /// Leftover of an interrupted replacement.
    left: Option<ContainerId>,
}

impl<'a> There<'a> {
    /// `None`: neither exists.
    pub(super) fn of(
        node: &'a NodeName,
        host: &str,
        containers: &'a [Container],
    ) -> Result<Option<Self>, NotOwn> {
        let left = left_aside(node.as_str(), containers);
        Ok(match belonging(node.as_str(), containers) {
            Belonging::None => left.map(|container| Self { node, container, is_aside: true, left: None }),
            other => {
                let container = other.own(node.as_str(), host)?;
                Some(Self { node, container, is_aside: false, left })
            }
        })
    }

    /// The node's container.
    pub(super) fn container(&self) -> &'a Container {
        self.container
    }

    fn aside(&self) -> String {
        aside(self.node.as_str())
    }

    /// The container as the one to replace.
    pub(super) fn replaced(&self, differs: Vec<String>) -> Replaced {
        Replaced {
            of: self.container.id.clone(),
            aside: self.aside(),
            differs,
            ran: ["running", "paused", "restarting"].contains(&self.container.state.as_str()),
            is_aside: self.is_aside,
            left: self.left.map(|left| left.id.clone()),
        }
    }

    /// Remaining steps if it matches the tables.
    pub(super) fn tidied(&self, starts: bool) -> Vec<Step> {
        let of = || self.container.id.clone();
        let back = || Step::Rename { of: of(), from: self.aside(), to: self.node.to_string() };
        let mut steps = Vec::new();
        steps.extend(self.is_aside.then(back));
        steps.extend(starts.then(|| Step::Start(Subject::Listed(of()))));
        steps.extend(self.left.map(|left| Step::Remove { of: left.id.clone(), name: self.aside() }));
        steps
    }
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "differs in {}", self.differs.join(", "))
    }
}

impl Replaced {
    /// Steps that create the new container and rename the old one, which runs until the new one is created.
    pub(super) fn around(&self, node: &str, make: Vec<Step>) -> Vec<Step> {
        let remove = |of: &ContainerId| Step::Remove { of: of.clone(), name: self.aside.clone() };
        let start = Step::Start(Subject::Made);
        let mut steps = Vec::new();
        steps.extend(self.left.as_ref().map(remove));
        steps.extend((!self.is_aside).then(|| Step::Rename {
            of: self.of.clone(),
            from: node.to_owned(),
            to: self.aside.clone(),
        }));
        let starts = self.ran || make.contains(&start);
        steps.extend(make.into_iter().filter(|step| *step != start));
        steps.extend(self.ran.then(|| Step::Stop { of: self.of.clone(), name: self.aside.clone() }));
        steps.extend(starts.then_some(start));
        steps.push(remove(&self.of));
        steps
    }
}

/// Rollback steps after the failed step `at`: remove the new container and restore the old one.
pub(crate) fn back(node: &str, steps: &[Step], at: usize, replaces: Option<&Replaced>) -> Vec<Step> {
    let (done, failed) = (steps.get(..at).unwrap_or_default(), steps.get(at));
    let Some(old) = replaces else {
        // connected to only some of its networks, or netd refused its start
        let half = matches!(failed, Some(Step::Connect { of: Subject::Made, .. } | Step::Tables));
        return if half { vec![Step::Discard(node.to_owned())] } else { Vec::new() };
    };
    let is_aside = old.is_aside || done.iter().any(|step| matches!(step, Step::Rename { .. }));
    let is_up = at + 1 == steps.len();
    if !is_aside || is_up {
        return Vec::new();
    }
    let (of, from, to) = (old.of.clone(), old.aside.clone(), node.to_owned());
    let mut back = vec![Step::Discard(node.to_owned()), Step::Rename { of: of.clone(), from, to }];
    back.extend(old.ran.then_some(Step::Start(Subject::Listed(of))));
    back
}

/// The desired container with the anonymous volumes of the old one. Later runs do not compare them.
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
                binds.push(format!("{}:{target}", name.as_str()).into());
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
    use crate::engine::VolumeName;
    use crate::plan::{NODE_LABEL, SPEC_LABEL};

    /// One that xdock made for d1.
    fn container((name, state): (&str, &str)) -> Container {
        let labels = [(NODE_LABEL, "d1"), (SPEC_LABEL, "{}")];
        Container {
            id: ContainerId::of_test(name),
            name: name.into(),
            state: state.into(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..Container::default()
        }
    }

    fn shown(steps: &[Step]) -> Vec<String> {
        steps.iter().map(Step::to_string).collect()
    }

    fn make() -> Vec<Step> {
        let create = Step::Create { image: "new".into(), network: "mynet0".into(), body: Value::Null };
        vec![create, Step::Tables, Step::Start(Subject::Made)]
    }

    fn replaced(containers: &[(&str, &str)]) -> Replaced {
        let all: Vec<Container> = containers.iter().copied().map(container).collect();
        There::of(&"d1".parse().unwrap(), "host1", &all).unwrap().unwrap().replaced(vec![])
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
        let (node, all) = ("d1".parse().unwrap(), [container(aside)]);
        let there = There::of(&node, "host1", &all).unwrap().unwrap();
        assert_eq!(shown(&there.tidied(false)), ["rename d1.xdock-replaced to d1"]);
        // one that could not be removed: mk --replace tries again
        let all = [container(aside), container(("d1", "running"))];
        let there = There::of(&node, "host1", &all).unwrap().unwrap();
        assert_eq!(shown(&there.tidied(false)), ["remove d1.xdock-replaced, but not its volumes"]);
    }

    #[test]
    fn volumes_without_a_name_are_kept() {
        let wanted = |binds: Value| Wanted {
            node: "d1".parse().unwrap(),
            image: "new".into(),
            body: json!({"HostConfig": {"Binds": binds}}),
            link_env: Vec::new(),
        };
        let old = Container {
            anonymous: vec![(VolumeName::of_test("aa"), "/data".into())],
            ..Container::default()
        };
        assert_eq!(
            keeping(&wanted(json!(["x:/x"])), &old).body,
            json!({"HostConfig": {"Binds": ["x:/x", "aa:/data"]}})
        );
        assert_eq!(
            keeping(&wanted(json!(["own:/data:ro"])), &old).body,
            json!({"HostConfig": {"Binds": ["own:/data:ro"]}})
        );
        assert_eq!(keeping(&wanted(json!([])), &Container::default()).body, json!({"HostConfig": {}}));
    }
}
