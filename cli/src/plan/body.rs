//! The body of POST /containers/create of one node.

use std::net::IpAddr;

use inventory::{Attachment, ContainerSpec, Cpus, VolumeMount};
use serde_json::{Map, Value, json};

use super::merge::{MergeError, merge};
use super::{NODE_LABEL, SPEC_LABEL};

/// A link with the address that it means: from the tables, so that it holds across hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The name.
    pub(crate) name: String,
    /// The address.
    pub(crate) address: IpAddr,
}

/// The whole body for a container of `image`, in the newest form of the API; it carries itself as a label, so that a later run sees what differs.
pub(crate) fn body(spec: &ContainerSpec, image: &str, names: &[Named]) -> Result<Value, MergeError> {
    let ContainerSpec { node, host: _, image: _, command, cpus, memory, attachments, volumes, settings } =
        spec;
    let mut body = Map::new();
    body.insert("Image".into(), image.into());
    body.insert("Hostname".into(), node.as_str().into());
    if let Some(words) = command {
        body.insert("Cmd".into(), words.as_slice().into());
    }
    if !settings.env.is_empty() {
        body.insert("Env".into(), settings.env.as_slice().into());
    }
    let ports = Ports::of(&settings.ports);
    if !ports.bindings.is_empty() {
        body.insert("ExposedPorts".into(), ports.exposed.into());
    }
    body.insert("Labels".into(), json!({ NODE_LABEL: node.as_str() }));
    let mut host = resources(cpus.as_ref(), *memory);
    if !ports.bindings.is_empty() {
        host.insert("PortBindings".into(), ports.bindings.into());
    }
    if !volumes.is_empty() {
        host.insert("Binds".into(), volumes.iter().map(bind).collect());
    }
    if !names.is_empty() {
        host.insert(
            "ExtraHosts".into(),
            names.iter().map(|of| format!("{}:{}", of.name, of.address)).collect(),
        );
    }
    if let Some(policy) = &settings.restart {
        host.insert("RestartPolicy".into(), restart(policy));
    }
    if let Some(primary) = attachments.first() {
        host.insert("NetworkMode".into(), primary.network.as_str().into());
    }
    body.insert("HostConfig".into(), host.into());
    let endpoints: Map<String, Value> =
        attachments.iter().map(|on| (on.network.to_string(), endpoint(node.as_str(), on))).collect();
    body.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": endpoints }));
    Ok(sealed(merge(&settings.docker, body)?))
}

/// Docker names the interface of `on` by what netd says; the address and MAC are the table's.
fn endpoint(node: &str, on: &Attachment) -> Value {
    let mut addresses = Map::new();
    for (key, address) in [("IPv4Address", on.ipv4()), ("IPv6Address", on.ipv6())] {
        addresses.extend(address.map(|address| (key.to_owned(), address.to_string().into())));
    }
    json!({
        "IPAMConfig": addresses,
        "MacAddress": on.mac.to_string(),
        // CreateEndpoint says no container's name; this option reaches netd on every engine
        "DriverOpts": { "netd.node": node },
    })
}

fn resources(cpus: Option<&Cpus>, memory: Option<u64>) -> Map<String, Value> {
    let mut host = Map::new();
    match cpus {
        Some(Cpus::Amount(nano)) => host.insert("NanoCpus".into(), (*nano).into()),
        Some(Cpus::Set(set)) => host.insert("CpusetCpus".into(), set.as_str().into()),
        None => None,
    };
    if let Some(bytes) = memory {
        host.insert("Memory".into(), bytes.into());
    }
    host
}

fn bind(volume: &VolumeMount) -> String {
    let VolumeMount { source, target, read_only } = volume;
    format!("{source}:{target}{}", if *read_only { ":ro" } else { "" })
}

/// `on-failure:3` as Docker's two fields; the inventory has checked the word.
fn restart(policy: &str) -> Value {
    let (name, times) = policy.split_once(':').unwrap_or((policy, "0"));
    json!({ "Name": name, "MaximumRetryCount": times.parse::<u32>().unwrap_or(0) })
}

#[derive(Default)]
struct Ports {
    exposed: Map<String, Value>,
    bindings: Map<String, Value>,
}

impl Ports {
    /// `[IP:]HOSTPORT:PORT[/PROTO]` each; the inventory has checked the form.
    fn of(items: &[String]) -> Self {
        let mut ports = Self::default();
        for item in items {
            let (outside, inside) = item.rsplit_once(':').unwrap_or(("", item));
            let (ip, port) = outside.rsplit_once(':').unwrap_or(("", outside));
            let inside = if inside.contains('/') { inside.to_owned() } else { format!("{inside}/tcp") };
            let binding = json!({ "HostIp": ip.trim_matches(['[', ']']), "HostPort": port });
            ports.exposed.insert(inside.clone(), json!({}));
            if let Value::Array(bound) = ports.bindings.entry(inside).or_insert_with(|| json!([])) {
                bound.push(binding);
            }
        }
        ports
    }
}

fn sealed(mut body: Map<String, Value>) -> Value {
    let seal = Value::Object(body.clone()).to_string();
    if let Some(Value::Object(labels)) = body.get_mut("Labels") {
        labels.insert(SPEC_LABEL.to_owned(), seal.into());
    }
    body.into()
}

#[cfg(test)]
mod tests {
    use inventory::{MacAddr, Settings};

    use super::*;

    fn attachment(network: &str, nic: &str, addresses: &[&str]) -> Attachment {
        Attachment {
            network: network.parse().unwrap(),
            nic: nic.parse().unwrap(),
            mac: MacAddr::derive(&"host1c1".parse().unwrap(), &network.parse().unwrap()),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        }
    }

    fn spec() -> ContainerSpec {
        let Value::Object(docker) = json!({"Tty": true, "Env": ["X=0"], "HostConfig": {"ShmSize": 1048576}})
        else {
            panic!()
        };
        ContainerSpec {
            node: "host1c1".parse().unwrap(),
            host: inventory::DockerHost { name: "host1".parse().unwrap(), port: None },
            image: Some("busybox".into()),
            command: Some(vec!["sleep".into(), "inf".into()]),
            cpus: Some(Cpus::Amount(1_500_000_000)),
            memory: Some(64 << 20),
            attachments: vec![
                attachment("mynet0", "eth0", &["10.99.1.1"]),
                attachment("net98", "eth1", &["10.98.1.1", "fd00:98::1"]),
            ],
            volumes: vec![VolumeMount { source: "data".into(), target: "/data".into(), read_only: true }],
            settings: Settings {
                ports: vec!["127.0.0.1:8080:80".into(), "53:53/udp".into()],
                restart: Some("on-failure:3".into()),
                env: vec!["A=b=c".into()],
                docker,
                ..Settings::default()
            },
        }
    }

    #[test]
    fn the_body_says_all_that_the_tables_say() {
        let names = [Named { name: "db".into(), address: "10.99.2.1".parse().unwrap() }];
        let mut made = body(&spec(), "busybox", &names).unwrap();
        let seal = made["Labels"].as_object_mut().unwrap().remove(SPEC_LABEL).unwrap();
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/create.json")).unwrap();
        assert_eq!(made, golden, "tests/golden/create.json; made: {made:#}");
        assert_eq!(serde_json::from_str::<Value>(seal.as_str().unwrap()).unwrap(), golden);
    }

    #[test]
    fn the_engine_knows_every_key_of_it() {
        crate::engine::check_body(&body(&spec(), "busybox", &[]).unwrap()).unwrap();
    }

    #[test]
    fn a_set_of_cpus_is_no_amount() {
        let set = ContainerSpec { cpus: Some(Cpus::Set("0-1".into())), ..spec() };
        let host = body(&set, "busybox", &[]).unwrap()["HostConfig"].clone();
        assert_eq!((host["CpusetCpus"].as_str(), host.get("NanoCpus")), (Some("0-1"), None));
    }
}
