//! Names for other containers in a create body: lines of /etc/hosts and the environment of Docker's links.
//!
//! netd answers the same names by DNS. The lines work without netd too, and netd keeps their addresses current. The environment
//! is that of `docker run --link` (moby `daemon/links`), which engine 29 no longer has, without the target's own environment: it may
//! contain secrets.

use std::net::IpAddr;

use inventory::{Link, Protocol, Settings};
use serde_json::{Map, Value};

/// Address of netd in each container.
pub(crate) const NAME_SERVER: &str = "127.0.0.12";

/// A link and its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkTarget {
    /// The link.
    pub(crate) link: Link,
    /// Addresses of the target on a network that both containers have.
    pub(crate) addresses: Vec<IpAddr>,
    /// Ports that the target exposes or publishes, sorted.
    pub(crate) ports: Vec<(u16, Protocol)>,
}

/// Exposed and published ports of a container, sorted.
pub(crate) fn ports(settings: &Settings) -> Vec<(u16, Protocol)> {
    let published =
        settings.ports.iter().flat_map(|of| of.container.iter().map(move |port| (port, of.protocol)));
    let exposed = settings.expose.iter().flat_map(|of| of.ports.iter().map(move |port| (port, of.protocol)));
    let mut all: Vec<_> = published.chain(exposed).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Entries of /etc/hosts of all links, each once, without those that the container has itself.
pub(super) fn hosts(targets: &[LinkTarget], own: &[String]) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for entry in targets.iter().flat_map(LinkTarget::hosts) {
        if !own.contains(&entry) && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

impl LinkTarget {
    /// Entries of /etc/hosts: alias and node.
    fn hosts(&self) -> Vec<String> {
        let Link { node, alias } = &self.link;
        let mut names = vec![alias.as_str()];
        names.extend((alias != node.as_str()).then_some(node.as_str()));
        let line = |name: &str| {
            self.addresses.iter().map(move |address| format!("{name}:{address}")).collect::<Vec<_>>()
        };
        names.into_iter().flat_map(line).collect()
    }

    /// Environment, each as `NAME=VALUE`.
    pub(super) fn env(&self, consumer: &str) -> Vec<String> {
        let prefix: String = self.link.alias.chars().map(env_letter).collect();
        let mut env = vec![format!("{prefix}_NAME=/{consumer}/{}", self.link.alias)];
        let first = self.addresses.iter().find(|address| address.is_ipv4()).or(self.addresses.first());
        let Some(address) = first else { return env };
        let url = |(port, protocol): (u16, Protocol)| match address {
            IpAddr::V4(v4) => format!("{protocol}://{v4}:{port}"),
            IpAddr::V6(v6) => format!("{protocol}://[{v6}]:{port}"),
        };
        let key = |(port, protocol): (u16, Protocol)| {
            format!("{prefix}_PORT_{port}_{}", protocol.as_str().to_ascii_uppercase())
        };
        env.extend(self.ports.first().map(|port| format!("{prefix}_PORT={}", url(*port))));
        for port in &self.ports {
            let (key, protocol) = (key(*port), port.1);
            env.push(format!("{key}={}", url(*port)));
            env.push(format!("{key}_ADDR={address}"));
            env.push(format!("{key}_PORT={}", port.0));
            env.push(format!("{key}_PROTO={protocol}"));
        }
        for run in runs(&self.ports) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            env.push(format!("{}_START={}", key(*first), url(*first)));
            env.push(format!("{}_PORT_START={}", key(*first), first.0));
            env.push(format!("{}_END={}", key(*first), url(*last)));
            env.push(format!("{}_PORT_END={}", key(*first), last.0));
        }
        env
    }
}

/// Three or more consecutive ports of a protocol.
fn runs(ports: &[(u16, Protocol)]) -> Vec<Vec<(u16, Protocol)>> {
    let mut by_protocol = ports.to_vec();
    by_protocol.sort_by_key(|(port, protocol)| (*protocol, *port));
    let follows = |one: &(u16, Protocol), next: &(u16, Protocol)| {
        one.1 == next.1 && one.0.checked_add(1) == Some(next.0)
    };
    by_protocol.chunk_by(follows).filter(|run| run.len() > 2).map(<[_]>::to_vec).collect()
}

/// Docker replaces `-` only, but a shell reads no other variables either.
fn env_letter(letter: char) -> char {
    if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
}

/// Adds the name server of netd before all others, and the environment of links. Variables of the container take precedence.
pub(super) fn add(body: &mut Map<String, Value>, env: Vec<String>) {
    let own = body.get("Env").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_own = |item: &String| {
        let name = item.split('=').next();
        own.iter().filter_map(Value::as_str).any(|own| own.split('=').next() == name)
    };
    let env: Vec<String> = env.into_iter().filter(|item| !is_own(item)).collect();
    if let Some(Value::Object(host)) = body.get_mut("HostConfig") {
        prepend(host, "Dns", vec![NAME_SERVER.to_owned()]);
    }
    if !env.is_empty() {
        prepend(body, "Env", env);
    }
}

fn prepend(fields: &mut Map<String, Value>, key: &str, items: Vec<String>) {
    let list = fields.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        let rest = std::mem::take(list);
        list.extend(items.into_iter().map(Value::from));
        let new = rest.into_iter().filter(|item| !list.contains(item)).collect::<Vec<_>>();
        list.extend(new);
    }
}

/// `body` as an earlier release made it, if `made_from` is of one: without names. Such a container keeps working as it is, and
/// does not differ from the tables because of this release.
pub(super) fn comparable(made_from: &Value, mut body: Value, env: &[String]) -> Value {
    let has_names = |body: &Value| {
        let dns = body.pointer("/HostConfig/Dns").and_then(Value::as_array);
        dns.is_some_and(|dns| dns.iter().any(|server| server == NAME_SERVER))
    };
    if has_names(made_from) {
        return body;
    }
    if let Some(Value::Object(host)) = body.get_mut("HostConfig") {
        without(host, "Dns", &[NAME_SERVER.to_owned()]);
    }
    if let Value::Object(fields) = &mut body {
        without(fields, "Env", env);
    }
    body
}

fn without(fields: &mut Map<String, Value>, key: &str, items: &[String]) {
    let Some(Value::Array(list)) = fields.get_mut(key) else { return };
    list.retain(|item| !items.iter().any(|gone| item == gone));
    if list.is_empty() {
        fields.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(alias: &str, items: &str) -> LinkTarget {
        LinkTarget {
            link: Link { node: "host2c1".parse().unwrap(), alias: alias.into() },
            addresses: vec!["10.99.2.1".parse().unwrap(), "fd99::21".parse().unwrap()],
            ports: ports(&items.parse().unwrap()),
        }
    }

    #[test]
    fn the_environment_is_that_of_docker_s_links() {
        assert_eq!(
            target("db-1", "port=15432:5432;expose=53/udp;env=SECRET=x").env("host1c1"),
            [
                "DB_1_NAME=/host1c1/db-1",
                "DB_1_PORT=udp://10.99.2.1:53",
                "DB_1_PORT_53_UDP=udp://10.99.2.1:53",
                "DB_1_PORT_53_UDP_ADDR=10.99.2.1",
                "DB_1_PORT_53_UDP_PORT=53",
                "DB_1_PORT_53_UDP_PROTO=udp",
                "DB_1_PORT_5432_TCP=tcp://10.99.2.1:5432",
                "DB_1_PORT_5432_TCP_ADDR=10.99.2.1",
                "DB_1_PORT_5432_TCP_PORT=5432",
                "DB_1_PORT_5432_TCP_PROTO=tcp",
            ]
        );
        assert_eq!(target("db", "").env("host1c1"), ["DB_NAME=/host1c1/db"]);
    }

    #[test]
    fn a_range_of_ports_has_a_start_and_an_end() {
        let env = target("w", "expose=8000-8002").env("c");
        for item in [
            "W_PORT_8000_TCP_START=tcp://10.99.2.1:8000",
            "W_PORT_8000_TCP_PORT_START=8000",
            "W_PORT_8000_TCP_END=tcp://10.99.2.1:8002",
            "W_PORT_8000_TCP_PORT_END=8002",
            "W_PORT_8001_TCP_PORT=8001",
        ] {
            assert!(env.iter().any(|has| has == item), "{item} in {env:?}");
        }
        assert!(!target("w", "expose=8000-8001").env("c").iter().any(|item| item.contains("_START")));
    }

    #[test]
    fn hosts_has_alias_and_node_with_all_addresses() {
        assert_eq!(
            target("db", "").hosts(),
            ["db:10.99.2.1", "db:fd99::21", "host2c1:10.99.2.1", "host2c1:fd99::21"]
        );
        assert_eq!(target("host2c1", "").hosts(), ["host2c1:10.99.2.1", "host2c1:fd99::21"]);
    }

    #[test]
    fn netd_is_asked_first_and_the_container_s_own_environment_counts() {
        let Value::Object(mut body) =
            json!({"Env": ["DB_NAME=own"], "HostConfig": {"Dns": ["10.99.0.1", "127.0.0.12"]}})
        else {
            panic!()
        };
        add(&mut body, vec!["DB_NAME=/c/db".into(), "DB_PORT=tcp://10.99.2.1:1".into()]);
        let host = json!({"Dns": ["127.0.0.12", "10.99.0.1"]});
        let env = json!(["DB_PORT=tcp://10.99.2.1:1", "DB_NAME=own"]);
        assert_eq!(Value::Object(body), json!({"Env": env, "HostConfig": host}));
    }

    #[test]
    fn a_container_of_an_earlier_release_does_not_differ() {
        let env = vec!["DB_NAME=/c/db".to_owned()];
        let made_from = json!({"Image": "x", "HostConfig": {"Memory": 1}});
        let wanted = json!({"Image": "x", "Env": env, "HostConfig": {"Memory": 1, "Dns": [NAME_SERVER]}});
        assert_eq!(comparable(&made_from, wanted.clone(), &env), made_from);
        assert_eq!(comparable(&wanted, wanted.clone(), &env), wanted);
        let own = json!({"HostConfig": {"Dns": ["10.99.0.1"]}});
        let wanted = json!({"HostConfig": {"Dns": [NAME_SERVER, "10.99.0.1"]}});
        assert_eq!(comparable(&own, wanted, &[]), own);
    }
}
