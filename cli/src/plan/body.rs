//! Body of POST /containers/create for a node.

use inventory::{Attachment, ContainerSpec, Cpus, Protocol, Settings, VolumeMount};
use serde_json::{Map, Value, json};

use super::links::{self, LinkTarget};
use super::merge::{MergeError, merge};
use super::settings;
use super::{LINKS_LABEL, NODE_LABEL, SPEC_LABEL};

/// A create body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Body {
    pub(crate) value: Value,
    /// The part of the environment that is from links.
    pub(crate) link_env: Vec<String>,
}

/// Create body for a container of `image`, for the newest API version. It contains itself as a label, so that a later
/// run can compare it.
pub(crate) fn body(spec: &ContainerSpec, image: &str, targets: &[LinkTarget]) -> Result<Body, MergeError> {
    let ContainerSpec { node, host: _, image: _, command, cpus, memory, attachments, volumes, settings } =
        spec;
    let mut body = settings::config(settings);
    body.insert("Image".into(), image.into());
    let hostname =
        settings.hostname.as_deref().or((!settings.docker.contains_key("Hostname")).then_some(node.as_str()));
    body.extend(hostname.map(|name| ("Hostname".to_owned(), name.into())));
    if let Some(words) = command {
        body.insert("Cmd".into(), words.as_slice().into());
    }
    let ports = Ports::of(settings);
    if !ports.exposed.is_empty() {
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
    let own: Vec<String> = settings.extra_hosts.iter().map(settings::extra_host).collect();
    let links = links::hosts(targets, &own);
    let extra: Vec<String> = links.iter().chain(&own).cloned().collect();
    if !extra.is_empty() {
        host.insert("ExtraHosts".into(), extra.into());
    }
    if let Some(primary) = attachments.first() {
        host.insert("NetworkMode".into(), primary.network.as_str().into());
    }
    body.insert("HostConfig".into(), host.into());
    let endpoints: Map<String, Value> =
        attachments.iter().map(|on| (on.network.to_string(), endpoint(node.as_str(), on))).collect();
    body.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": endpoints }));
    let mut body = merge(&settings.docker, body)?;
    let link_env: Vec<String> = targets.iter().flat_map(|target| target.env(node.as_str())).collect();
    links::add(&mut body, link_env.clone());
    Ok(Body { value: sealed(body, &links), link_env })
}

/// Endpoint settings of `on`: netd chooses the interface name; address and MAC are from the tables.
fn endpoint(node: &str, on: &Attachment) -> Value {
    let mut addresses = Map::new();
    for (key, address) in [("IPv4Address", on.ipv4()), ("IPv6Address", on.ipv6())] {
        addresses.extend(address.map(|address| (key.to_owned(), address.to_string().into())));
    }
    json!({
        "IPAMConfig": addresses,
        "MacAddress": on.mac.to_string(),
        // CreateEndpoint does not contain the container's name; this option reaches netd on all engines
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

fn bind(VolumeMount { source, target, options }: &VolumeMount) -> String {
    let separator = if options.is_empty() { "" } else { ":" };
    format!("{source}:{target}{separator}{}", options.join(","))
}

#[derive(Default)]
struct Ports {
    exposed: Map<String, Value>,
    bindings: Map<String, Value>,
}

impl Ports {
    fn of(settings: &Settings) -> Self {
        let mut ports = Self::default();
        for published in &settings.ports {
            let address = published.address.map(|address| address.to_string()).unwrap_or_default();
            for (outside, inside) in published.pairs() {
                let inside = ports.expose(inside, published.protocol);
                let binding = json!({ "HostIp": address, "HostPort": outside.to_string() });
                if let Value::Array(bound) = ports.bindings.entry(inside).or_insert_with(|| json!([])) {
                    bound.push(binding);
                }
            }
        }
        for exposed in &settings.expose {
            exposed.ports.iter().for_each(|port| drop(ports.expose(port, exposed.protocol)));
        }
        ports
    }

    /// Port in Docker's format.
    fn expose(&mut self, port: u16, protocol: Protocol) -> String {
        let text = format!("{port}/{protocol}");
        self.exposed.insert(text.clone(), json!({}));
        text
    }
}

/// Adds the labels that are not compared: what the container is made from, and which of its entries of /etc/hosts are from links.
fn sealed(mut body: Map<String, Value>, links: &[String]) -> Value {
    let seal = Value::Object(body.clone()).to_string();
    if let Some(Value::Object(labels)) = body.get_mut("Labels") {
        labels.insert(SPEC_LABEL.to_owned(), seal.into());
        if !links.is_empty() {
            labels.insert(LINKS_LABEL.to_owned(), links.join(",").into());
        }
    }
    body.into()
}

#[cfg(test)]
mod tests {
    use inventory::MacAddr;

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
        healthstart=5s;healthretries=4;healthstartinterval=1s;port=8000-8001:9000-9001/udp;expose=7000-7001;extrahost=ldap:10.99.0.5;
        hostname=web;init=yes;tmpfs=/run:size=64m,mode=1777;tmpfs=/var/tmp;readonly=yes;sysctl=net.core.somaxconn=1024;
        memoryreservation=32m;cpushares=512;oomscoreadj=-500;logdriver=local;logopt=max-size=10m;securityopt=no-new-privileges;
        groupadd=audio,video;ipc=shareable;pid=host;userns=host;cgroupns=private;cgroupparent=/batch;runtime=runc"#;

    fn spec() -> ContainerSpec {
        let Value::Object(docker) = json!({"StdinOnce": true, "Env": ["X=0"], "HostConfig": {"OomKillDisable": true, "ShmSize": 1048576}})
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
            volumes: vec![VolumeMount {
                source: "data".into(),
                target: "/data".into(),
                options: vec!["ro", "z"],
            }],
            settings: Settings { docker, ..SETTINGS.parse().unwrap() },
        }
    }

    #[test]
    fn the_body_says_all_that_the_tables_say() {
        let link = inventory::Link { node: "host2c1".parse().unwrap(), alias: "db".into() };
        let (addresses, ports) = (vec!["10.99.2.1".parse().unwrap()], vec![(5432, Protocol::Tcp)]);
        let made = body(&spec(), "busybox", &[LinkTarget { link, addresses, ports }]).unwrap();
        let mut made = made.value;
        let labels = made["Labels"].as_object_mut().unwrap();
        let seal = labels.remove(SPEC_LABEL).unwrap();
        assert_eq!(labels.remove(LINKS_LABEL).unwrap(), "db:10.99.2.1,host2c1:10.99.2.1");
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
        crate::engine::check_body(&body(&spec(), "busybox", &[]).unwrap().value).unwrap();
    }

    #[test]
    fn a_container_is_called_like_its_node_unless_an_item_or_json_says_otherwise() {
        let named = |text: &str| {
            let spec = ContainerSpec { settings: text.parse().unwrap(), ..spec() };
            body(&spec, "busybox", &[]).unwrap().value["Hostname"].clone()
        };
        assert_eq!(named(""), "host1c1");
        assert_eq!(named("hostname=web.lab.test"), "web.lab.test");
        assert_eq!(named(r#"docker={"Hostname":"old"}"#), "old");
        assert_eq!(named(r#"docker={"Hostname":"old"};hostname=web"#), "web");
    }

    #[test]
    fn options_of_the_default_log_driver_name_no_driver() {
        let spec = ContainerSpec { settings: "logopt=max-size=10m,".parse().unwrap(), ..spec() };
        let host = body(&spec, "busybox", &[]).unwrap().value["HostConfig"].clone();
        assert_eq!(host["LogConfig"], json!({"Type": "", "Config": {"max-size": "10m"}}));
    }

    #[test]
    fn a_set_of_cpus_is_no_amount() {
        let set = ContainerSpec { cpus: Some(Cpus::Set("0-1".into())), ..spec() };
        let host = body(&set, "busybox", &[]).unwrap().value["HostConfig"].clone();
        assert_eq!((host["CpusetCpus"].as_str(), host.get("NanoCpus")), (Some("0-1"), None));
    }
}
