//! One container, as a line or as JSON.

use inventory::{Attachment, ContainerSpec, NodeName};
use serde_json::json;

use crate::engine::Container;

/// What the engine and the tables say of a container.
pub(super) struct Row<'a> {
    /// The node that was asked for: the container's, or its host.
    pub(super) node: &'a NodeName,
    /// Where it is.
    pub(super) host: &'a NodeName,
    /// The engine's words.
    pub(super) container: &'a Container,
    /// The tables' words, where they know it.
    pub(super) spec: Option<&'a ContainerSpec>,
}

impl Row<'_> {
    /// `NODE: [NAME] STATE ADDRESSES HOST IMAGE "COMMAND"`.
    pub(super) fn text(&self, long: bool) -> String {
        let Container { id, name, state, status, image, command, .. } = self.container;
        let addresses = self.attachments(|on| on.addresses.iter().map(ToString::to_string).collect());
        let place = if self.node == self.host { name } else { self.host.as_str() };
        let command: String = command.chars().take(40).collect();
        let mut text =
            format!("{}: {state:<8} {:<15} {place:<10} {image} {command:?}", self.node, addresses.join(","));
        if long {
            let macs = self.attachments(|on| vec![on.mac.to_string()]);
            let short: String = id.chars().take(12).collect();
            text = format!("{text} {short} {} {status:?}", macs.join(","));
        }
        text
    }

    /// One object with all of it.
    pub(super) fn json(&self) -> String {
        let Container { id, name, state, status, image, command, created, labels: _, anonymous: _ } =
            self.container;
        let networks: Vec<&Attachment> = self.spec.iter().flat_map(|spec| &spec.attachments).collect();
        json!({
            "node": name, "host": self.host, "state": state, "status": status, "id": id, "image": image,
            "command": command, "created": created, "networks": networks, "defined": self.spec.is_some(),
        })
        .to_string()
    }

    fn attachments(&self, words: impl Fn(&Attachment) -> Vec<String>) -> Vec<String> {
        self.spec.iter().flat_map(|spec| &spec.attachments).flat_map(words).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_a_line() {
        let container = Container {
            id: "0123456789abcdef".into(),
            name: "d1".into(),
            state: "running".into(),
            status: "Up 2 hours".into(),
            image: "busybox".into(),
            command: "sleep inf".into(),
            ..Container::default()
        };
        let (d1, host1) = ("d1".parse().unwrap(), "host1".parse().unwrap());
        let row = Row { node: &d1, host: &host1, container: &container, spec: None };
        assert_eq!(row.text(false), "d1: running                  host1      busybox \"sleep inf\"");
        assert_eq!(
            row.text(true),
            "d1: running                  host1      busybox \"sleep inf\" 0123456789ab  \"Up 2 hours\""
        );
        let on_host = Row { node: &host1, ..row };
        assert_eq!(on_host.text(false), "host1: running                  d1         busybox \"sleep inf\"");
    }
}
