//! Identifiers of engine objects. The engine treats a name without a match as an ID prefix (moby
//! `daemon/container.go`, `GetContainer`; moby/moby #8069), so a request by name may hit another container. All
//! requests use these types, and only answers of the engine create them.

use std::fmt;

/// ID of a container that the engine listed or created. Equal IDs are the same container.
#[derive(Clone)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct ContainerId {
    id: String,
    /// Its name at that time, for messages only.
    name: String,
}

/// ID of a network that the engine listed or created.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct NetworkId(String);

/// Volume of a listed container. The engine compares whole volume names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeName(String);

/// Prefixes of refusals that repeat the requested name (moby `daemon/restart.go`, `stop.go`, `delete.go`,
/// `container.go`). Other refusals contain the ID.
const REPEATED: [&str; 4] =
    ["No such container: ", "Cannot restart container ", "cannot stop container: ", "removal of container "];

impl ContainerId {
    /// `None`: not a valid ID.
    pub(super) fn new(id: &str, name: &str) -> Option<Self> {
        is_full(id).then(|| Self { id: id.to_owned(), name: name.to_owned() })
    }

    /// For tests.
    #[cfg(test)]
    pub(crate) fn of_test(id: &str) -> Self {
        Self { id: id.to_owned(), name: String::new() }
    }

    /// 64 hexadecimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.id
    }

    /// As Docker's own client shows it.
    pub(crate) fn short(&self) -> &str {
        short(&self.id)
    }

    /// A refusal of the engine with the container's name where the engine repeats the ID that we asked by.
    pub(super) fn named(&self, message: String) -> String {
        if REPEATED.iter().any(|words| message.starts_with(words)) {
            message.replace(&self.id, &self.name)
        } else {
            message
        }
    }
}

impl PartialEq for ContainerId {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ContainerId {}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

impl NetworkId {
    /// `None`: not a valid ID.
    pub(super) fn new(id: &str) -> Option<Self> {
        (!id.is_empty()).then(|| Self(id.to_owned()))
    }

    /// A network of a test.
    #[cfg(test)]
    pub(crate) fn of_test(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// Its digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As Docker's own client shows it.
    pub(crate) fn short(&self) -> &str {
        short(&self.0)
    }
}

impl VolumeName {
    pub(super) fn new(name: String) -> Self {
        Self(name)
    }

    /// A volume of a test.
    #[cfg(test)]
    pub(crate) fn of_test(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_full(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_id_is_one() {
        assert!(ContainerId::new(&"0123456789abcdef".repeat(4), "d1").is_some());
        for other in ["", "c1", "fe1", &"g".repeat(64), &"0".repeat(63)] {
            assert_eq!(ContainerId::new(other, "d1"), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_names_the_container_as_docker_s_client_would_have_it_named() {
        let digits = "0123456789abcdef".repeat(4);
        let id = ContainerId::new(&digits, "d1").unwrap();
        let told = |text: &str| id.named(text.replace("ID", &digits)).replace(&digits, "ID");
        for (engine, ours) in [
            ("No such container: ID", "No such container: d1"),
            ("Cannot restart container ID: no", "Cannot restart container d1: no"),
            ("Container ID is not running", "Container ID is not running"),
        ] {
            assert_eq!(told(engine), ours);
        }
    }
}
