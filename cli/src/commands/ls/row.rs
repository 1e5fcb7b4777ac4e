//! A container as text or JSON.

use inventory::{Attachment, ContainerSpec, NodeName};
use serde_json::json;

use crate::engine::Container;
use crate::plan::published;

/// A container with data of engine and tables.
pub(super) struct Row<'a> {
    /// The selected node: the container's, or its host.
    pub(super) node: &'a NodeName,
    pub(super) host: &'a NodeName,
    /// Data of the engine.
    pub(super) container: &'a Container,
    /// Data of the tables, if they define it.
    pub(super) spec: Option<&'a ContainerSpec>,
    /// Deviations of its networks, and links without target.
    pub(super) problems: &'a [String],
}

impl Row<'_> {
    /// `NODE: STATE ADDRESSES HOST IMAGE "COMMAND"`. Lines of a host have the container's name in place of HOST.
    pub(super) fn text(&self, long: bool) -> String {
        format!("{}: {}", self.node, self.cut(long))
    }

    /// The same without the node.
    pub(super) fn cut(&self, long: bool) -> String {
        let Container { id, name, state, status, image, command, .. } = self.container;
        let addresses = self.attachments(|on| on.addresses.iter().map(ToString::to_string).collect());
        let place = if self.node == self.host { name } else { self.host.as_str() };
        let command: String = command.chars().take(40).collect();
        let mut text = format!("{state:<8} {:<15} {place:<10} {image} {command:?}", addresses.join(","));
        if long {
            let macs = self.attachments(|on| vec![on.mac.to_string()]);
            text = format!("{text} {} {} {status:?}", id.short(), macs.join(","));
            text.extend(self.ports().map(|ports| format!(" {ports}")));
            text.extend(self.problems.iter().map(|problem| format!(" ({problem})")));
        }
        text
    }

    /// Published ports, while it runs.
    fn ports(&self) -> Option<String> {
        let ports = published(&self.container.labels);
        let runs = matches!(self.container.state.as_str(), "running" | "paused");
        (runs && !ports.is_empty()).then_some(ports)
    }

    /// Cells for [`super::table`]; rows of a host have the names of its containers.
    pub(super) fn cells(&self) -> [String; 8] {
        let Container { name, state, status, image, .. } = self.container;
        let addresses = self.attachments(|on| on.addresses.iter().map(ToString::to_string).collect());
        let ended =
            status.strip_prefix("Exited ").and_then(|rest| rest.split_once(')')).map(|(code, _)| code);
        let state = ended.map_or_else(|| state.clone(), |code| format!("{state} {code})"));
        [
            name.clone(),
            addresses.join(","),
            self.host.to_string(),
            image.clone(),
            uptime(status).unwrap_or("-").to_owned(),
            state,
            health(status).unwrap_or("-").to_owned(),
            self.ports().unwrap_or_else(|| "-".to_owned()),
        ]
    }

    /// JSON object with all fields.
    pub(super) fn json(&self) -> String {
        let Container {
            id,
            name,
            state,
            status,
            image,
            command,
            created,
            labels: _,
            anonymous: _,
            networks: _,
        } = self.container;
        let networks: Vec<&Attachment> = self.spec.iter().flat_map(|spec| &spec.attachments).collect();
        json!({
            "node": name, "host": self.host, "state": state, "status": status, "id": id.as_str(), "image": image,
            "command": command, "created": created, "networks": networks, "defined": self.spec.is_some(),
            "uptime": uptime(status), "health": health(status), "ports": self.ports(),
            "problems": self.problems,
        })
        .to_string()
    }

    fn attachments(&self, words: impl Fn(&Attachment) -> Vec<String>) -> Vec<String> {
        self.spec.iter().flat_map(|spec| &spec.attachments).flat_map(words).collect()
    }
}

/// `2 hours` of `Up 2 hours (healthy)`.
fn uptime(status: &str) -> Option<&str> {
    let up = status.strip_prefix("Up ")?;
    Some(up.split_once(" (").map_or(up, |(up, _)| up))
}

/// `healthy`, `unhealthy` or `starting` of a container with a health check (moby `container/state.go`, `String`).
fn health(status: &str) -> Option<&str> {
    let (_, inner) = status.strip_prefix("Up ")?.rsplit_once('(')?;
    let word = inner.strip_suffix(')')?;
    let word = word.strip_prefix("health: ").unwrap_or(word);
    ["healthy", "unhealthy", "starting"].contains(&word).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ContainerId;

    #[test]
    fn uptime_and_health_are_read_from_the_engine_s_words() {
        for (status, up, well) in [
            ("Up 2 hours (healthy)", Some("2 hours"), Some("healthy")),
            ("Up About a minute (health: starting)", Some("About a minute"), Some("starting")),
            ("Up 3 seconds (Paused)", Some("3 seconds"), None),
            ("Up 5 days", Some("5 days"), None),
            ("Exited (3) 2 hours ago", None, None),
            ("Created", None, None),
        ] {
            assert_eq!((uptime(status), health(status)), (up, well), "{status}");
        }
    }

    #[test]
    fn a_container_is_a_line() {
        let container = Container {
            id: ContainerId::of_test("0123456789abcdef"),
            name: "d1".into(),
            state: "running".into(),
            status: "Up 2 hours".into(),
            image: "busybox".into(),
            command: "sleep inf".into(),
            ..Container::default()
        };
        let (d1, host1) = ("d1".parse().unwrap(), "host1".parse().unwrap());
        let row = Row { node: &d1, host: &host1, container: &container, spec: None, problems: &[] };
        assert_eq!(row.text(false), "d1: running                  host1      busybox \"sleep inf\"");
        assert_eq!(
            row.text(true),
            "d1: running                  host1      busybox \"sleep inf\" 0123456789ab  \"Up 2 hours\""
        );
        let problems = ["network mynet0 was removed".to_owned()];
        assert_eq!(
            Row { problems: &problems, ..row }.text(true),
            format!("{} (network mynet0 was removed)", row.text(true))
        );
        let spec = r#"{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}}}"#;
        let labels = [(crate::plan::SPEC_LABEL.to_owned(), spec.to_owned())].into();
        let publishing = Container { labels, ..container.clone() };
        let stopped = Container { state: "exited".into(), ..publishing.clone() };
        let long = |container: &Container| Row { container, ..row }.text(true);
        assert_eq!(long(&publishing), format!("{} 8080->80/tcp", row.text(true)));
        assert!(!long(&stopped).contains("8080"));
        let on_host = Row { node: &host1, ..row };
        assert_eq!(on_host.text(false), "host1: running                  d1         busybox \"sleep inf\"");
    }
}
