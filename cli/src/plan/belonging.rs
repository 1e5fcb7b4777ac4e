//! Finds the container of a node: xdock created it for the node, as its labels show, and it still has the node's name.

use serde_json::Value;
use thiserror::Error;

use super::{NODE_LABEL, SPEC_LABEL, aside};
use crate::engine::{self, Container};

/// Containers of a node on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Belonging<'a> {
    /// Nothing.
    None,
    /// Its container.
    Own(&'a Container),
    /// Its container was renamed. `taken`: another container has the node's name.
    Renamed {
        /// Its container.
        container: &'a Container,
        /// Another container has the node's name.
        taken: bool,
    },
    /// A container that only has the node's name. `of`: the node that it was created for.
    Stranger {
        /// Node that xdock created it for, if any.
        of: Option<&'a str>,
    },
    /// Several containers of the node, none with its name.
    Several(Vec<&'a Container>),
}

/// Why a node has no usable container.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NotOwn {
    /// It does not exist. The engine's message, which rpower scripts search for.
    #[error("No such container: {0}")]
    Absent(String),
    /// It was renamed.
    #[error(
        "the container of {node} on {host} was renamed to {name}; rename it back there (docker rename {name} {node})"
    )]
    Renamed {
        node: String,
        host: String,
        /// Its current name.
        name: String,
    },
    /// It was renamed, and another container has the node's name.
    #[error(
        "the container of {node} on {host} was renamed to {name}, and {node} is now another container; \
         rename both there (docker rename {node} OTHER; docker rename {name} {node})"
    )]
    Swapped {
        node: String,
        host: String,
        /// Its current name.
        name: String,
    },
    /// A container with its name was not created by xdock.
    #[error("container {node} on {host} was not created by xdock; remove or rename it there")]
    Stranger { node: String, host: String },
    /// Another node's container has its name.
    #[error(
        "the container {node} on {host} is that of node {of}; rename it back there (docker rename {node} {of})"
    )]
    OfAnother {
        node: String,
        host: String,
        /// Its node.
        of: String,
    },
    /// Several containers.
    #[error(
        "{host} has several containers of {node}, and none has its name: {names}; \
         remove all but one there (docker rm NAME) and rename that (docker rename NAME {node})"
    )]
    Several {
        node: String,
        host: String,
        /// Their names.
        names: String,
    },
}

/// Finds a node's container in the list of its host.
pub(crate) fn belonging<'a>(node: &str, listed: &'a [Container]) -> Belonging<'a> {
    let named = listed.iter().find(|container| container.name == node);
    if let Some(own) = named.filter(|container| made_for(container) == Some(node)) {
        return Belonging::Own(own);
    }
    let claims = listed.iter().filter(|container| is_renamed(container) == Some(node));
    match (claims.collect::<Vec<_>>().as_slice(), named) {
        ([], None) => Belonging::None,
        ([], Some(named)) => Belonging::Stranger { of: made_for(named) },
        ([container], named) => Belonging::Renamed { container, taken: named.is_some() },
        (several, _) => Belonging::Several(several.to_vec()),
    }
}

/// Container that an interrupted `mk --replace` left.
pub(crate) fn left_aside<'a>(node: &str, listed: &'a [Container]) -> Option<&'a Container> {
    let aside = aside(node);
    listed.iter().find(|container| container.name == aside && made_for(container) == Some(node))
}

/// Node that xdock created a container for.
pub(crate) fn made_for(container: &Container) -> Option<&str> {
    let node = container.labels.get(NODE_LABEL)?;
    container.labels.contains_key(SPEC_LABEL).then_some(node.as_str())
}

/// Node of a renamed container.
pub(crate) fn is_renamed(container: &Container) -> Option<&str> {
    made_for(container)
        .filter(|node| container.name != *node && container.name != aside(node) && !is_copy(container))
}

/// Whether a container was created from a create body whose answer was lost.
pub(crate) fn is_made_from(found: &Container, node: &str, body: &Value) -> bool {
    let spec = body.pointer("/Labels").and_then(|labels| labels.get(SPEC_LABEL)?.as_str());
    found.name == node
        && made_for(found) == Some(node)
        && found.labels.get(SPEC_LABEL).map(String::as_str) == spec
}

/// Whether a container inherited its labels from a committed image (`docker commit`): its image differs from the
/// label. The engine shows an ID if the tag moved to another image.
fn is_copy(container: &Container) -> bool {
    let spec = container.labels.get(SPEC_LABEL).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(image) = spec.as_ref().and_then(|spec| spec.get("Image")?.as_str()) else { return false };
    let shows_id = container.image.starts_with("sha256:")
        || container.image.len() >= 12 && container.image.bytes().all(|byte| byte.is_ascii_hexdigit());
    !shows_id && container.image != image && container.image != engine::reference(image)
}

impl<'a> Belonging<'a> {
    /// The node's container, or why it is not usable.
    pub(crate) fn own(self, node: &str, host: &str) -> Result<&'a Container, NotOwn> {
        let (node, host) = (node.to_owned(), host.to_owned());
        Err(match self {
            Self::Own(container) => return Ok(container),
            Self::None => NotOwn::Absent(node),
            Self::Renamed { container, taken } => {
                let name = container.name.clone();
                match taken {
                    true => NotOwn::Swapped { node, host, name },
                    false => NotOwn::Renamed { node, host, name },
                }
            }
            Self::Stranger { of: None } => NotOwn::Stranger { node, host },
            Self::Stranger { of: Some(of) } => NotOwn::OfAnother { node, host, of: of.to_owned() },
            Self::Several(several) => {
                let name = |container: &&Container| format!("{} ({})", container.name, container.id.short());
                let names = several.iter().map(name).collect::<Vec<_>>().join(", ");
                NotOwn::Several { node, host, names }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ContainerId;

    fn stranger(id: &str, name: &str) -> Container {
        Container { id: ContainerId::of_test(id), name: name.into(), ..Container::default() }
    }

    fn made(id: &str, name: &str, node: &str) -> Container {
        let labels = [(NODE_LABEL, node), (SPEC_LABEL, r#"{"Image":"busybox"}"#)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Container { labels, image: "busybox".into(), ..stranger(id, name) }
    }

    fn told(node: &str, listed: &[Container]) -> String {
        match belonging(node, listed).own(node, "host1") {
            Ok(own) => own.id.as_str().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_node_s_container_has_its_labels_and_its_name() {
        assert_eq!(told("d1", &[stranger("a", "x"), made("b", "d1", "d1")]), "b");
        // one that was copied by hand under another name changes nothing
        assert_eq!(told("d1", &[made("a", "d1-old", "d1"), made("b", "d1", "d1")]), "b");
    }

    #[test]
    fn the_beginning_of_an_id_is_no_name() {
        // moby/moby #8069
        let listed = [stranger("c1f00d", "web"), made("a0b1", "d1", "d1")];
        for node in ["c1", "c1f", "c1f00d", "a0b", "a0b1"] {
            assert_eq!(told(node, &listed), format!("No such container: {node}"));
        }
    }

    #[test]
    fn one_renamed_by_hand_is_told_with_the_way_back() {
        // moby/moby #15727
        assert_eq!(
            told("d1", &[made("a", "old", "d1")]),
            "the container of d1 on host1 was renamed to old; rename it back there (docker rename old d1)"
        );
        assert_eq!(
            told("d1", &[made("a", "old", "d1"), stranger("b", "d1")]),
            "the container of d1 on host1 was renamed to old, and d1 is now another container; \
             rename both there (docker rename d1 OTHER; docker rename old d1)"
        );
        assert_eq!(
            told("d2", &[made("a", "d2", "d1")]),
            "the container d2 on host1 is that of node d1; rename it back there (docker rename d2 d1)"
        );
        assert_eq!(
            told("d1", &[made("0123456789abcd", "x", "d1"), made("b", "y", "d1")]),
            "host1 has several containers of d1, and none has its name: x (0123456789ab), y (b); \
             remove all but one there (docker rm NAME) and rename that (docker rename NAME d1)"
        );
    }

    #[test]
    fn a_name_alone_makes_no_node_s_container() {
        let told_of = |container| told("d1", &[container]);
        let refused = "container d1 on host1 was not created by xdock; remove or rename it there";
        assert_eq!(told_of(stranger("a", "d1")), refused);
        let labelled =
            Container { labels: [(NODE_LABEL.to_owned(), "d1".to_owned())].into(), ..stranger("a", "d1") };
        assert_eq!(told_of(labelled), refused);
    }

    #[test]
    fn what_runs_of_an_image_committed_of_it_is_not_the_node_s() {
        let copy = Container { image: "debug".into(), ..made("a", "debug", "d1") };
        assert_eq!(told("d1", &[copy]), "No such container: d1");
        let moved = Container { image: format!("sha256:{}", "0".repeat(64)), ..made("a", "old", "d1") };
        assert!(told("d1", &[moved]).starts_with("the container of d1 on host1 was renamed to old;"));
    }

    #[test]
    fn what_a_replacement_left_aside_is_no_renamed_one() {
        let listed = [made("a", "d1.xdock-replaced", "d1"), stranger("b", "d2.xdock-replaced")];
        assert_eq!(told("d1", &listed), "No such container: d1");
        assert_eq!(left_aside("d1", &listed), Some(&listed[0]));
        assert_eq!(left_aside("d2", &listed), None);
    }
}
