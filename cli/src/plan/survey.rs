//! Problems of a host's containers and networks that commands do not repair automatically.

use std::collections::BTreeMap;

use super::attachments::faults_of;
use super::belonging::is_renamed;
use super::network::is_ours;
use crate::engine::{Container, Network};

/// One line per problem.
pub(crate) fn survey(containers: &[Container], networks: &[Network]) -> Vec<String> {
    let mut found = Vec::new();
    for container in containers {
        let name = &container.name;
        if let Some(node) = is_renamed(container) {
            found.push(format!("{name} is the container of {node}, renamed (docker rename {name} {node})"));
        }
        found.extend(faults_of(container, networks).iter().map(|fault| {
            let network = &fault.network;
            match fault.kind.is_mended() {
                true => format!("{name}: {fault} (xdock mk {name} reconnects it)"),
                false => {
                    format!("{name}: {fault} (docker network disconnect {network} {name} disconnects it)")
                }
            }
        }));
    }
    found.extend(twice(networks));
    found
}

/// Networks that share a name with ours.
fn twice(networks: &[Network]) -> Vec<String> {
    let mut named: BTreeMap<&str, Vec<&Network>> = BTreeMap::new();
    for network in networks {
        named.entry(&network.name).or_default().push(network);
    }
    named.retain(|_, of| of.len() > 1 && of.iter().any(|network| is_ours(network)));
    let line = |(name, of): (&str, Vec<&Network>)| {
        let ids: Vec<&str> = of.iter().map(|network| network.id.short()).collect();
        format!("{} networks are named {name} ({})", of.len(), ids.join(", "))
    };
    named.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::network::tests::there;
    use super::*;
    use crate::engine::{ContainerId, NetworkId};
    use crate::plan::{NODE_LABEL, SPEC_LABEL};

    #[test]
    fn what_is_not_as_it_was_made_is_reported() {
        let spec = r#"{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"mynet0":{}}}}"#;
        let labels = [(NODE_LABEL, "d1"), (SPEC_LABEL, spec)];
        let made = |name: &str| Container {
            id: ContainerId::of_test(name),
            name: name.into(),
            image: "busybox".into(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..Container::default()
        };
        let stranger = Container { name: "web".into(), ..Container::default() };
        let other =
            Network { id: NetworkId::of_test("fedcba9876543210"), driver: "bridge".into(), ..there() };
        assert_eq!(
            survey(&[made("d1"), made("old"), stranger.clone()], &[there(), other]),
            [
                "d1: not connected to mynet0 (xdock mk d1 reconnects it)",
                "old is the container of d1, renamed (docker rename old d1)",
                "2 networks are named mynet0 (0123456789ab, fedcba987654)",
            ]
        );
        assert_eq!(survey(&[stranger], &[there()]), [""; 0]);
    }
}
