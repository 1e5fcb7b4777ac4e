//! The body of POST /containers/create of one node.

use std::net::IpAddr;

use inventory::{Attachment, ContainerSpec, Cpus, VolumeMount};
use serde_json::{Map, Value, json};

use super::merge::{MergeError, merge};
use super::settings;
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
    let mut body = settings::config(settings);
    body.insert("Image".into(), image.into());
    body.insert("Hostname".into(), node.as_str().into());
    if let Some(words) = command {
        body.insert("Cmd".into(), words.as_slice().into());
    }
    let ports = Ports::of(&settings.ports);
    if !ports.bindings.is_empty() {
        body.insert("ExposedPorts".into(), ports.exposed.into());
    }
    let labels: Map<String, Value> =
        settings.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    body.insert("Labels".into(), labels.into());
    if let Some(Value::Object(labels)) = body.get_mut("Labels") {
        labels.insert(NODE_LABEL.to_owned(), node.as_str().into());
    }
    let mut host = settings::host(settings, *memory);
    host.extend(resources(cpus.as_ref(), *memory));
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

    /// Every item once.
    const SETTINGS: &str = r#"port=127.0.0.1:8080:80;port=53:53/udp;restart=on-failure:3;env=A=b=c;entrypoint='["sh","-c","a, b"]';
        user=nobody;workdir=/srv;tty=yes;domain=lab.test;dns=10.99.0.1;dnssearch=lab.test;dnsoption=ndots:2;label=role=db;swap=64m;
        pids=100;ulimit=nofile=1024:2048;ulimit=core=unlimited;shm=16m;device=/dev/null:/dev/mynull:r;gpus=2;capadd=NET_ADMIN;
        capdrop=MKNOD;privileged=no;stopsignal=SIGINT;stoptimeout=3;health='test -e /ok';healthinterval=2s;healthtimeout=1s;
        healthstart=5s;healthretries=4"#;

    fn spec() -> ContainerSpec {
        let Value::Object(docker) =
            json!({"StdinOnce": true, "Env": ["X=0"], "HostConfig": {"Init": true, "ShmSize": 1048576}})
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
            settings: Settings { docker, ..SETTINGS.parse().unwrap() },
        }
    }

    #[test]
    fn the_body_says_all_that_the_tables_say() {
        let names = [Named { name: "db".into(), address: "10.99.2.1".parse().unwrap() }];
        let mut made = body(&spec(), "busybox", &names).unwrap();
        let seal = made["Labels"].as_object_mut().unwrap().remove(SPEC_LABEL).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/create.json");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, format!("{made:#}\n")).unwrap();
        }
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(made, golden, "{path}; BLESS=1 writes it anew; made: {made:#}");
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
