//! netd alone in a network namespace of its own, driven as dockerd does: its memory, and its start.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hostnet::netns::Namespace;
use inventory::{Attachment, Fabric, HostNetwork, Network, Snapshot, SnapshotNode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Stage;
use super::row::Row;
use super::samples::{median, ms_since};
use crate::cluster::programs;
use crate::engine::{Connection, Engine, Failure};

const NODES: u32 = 10_000;
const ENDPOINTS: u32 = 100;
const EXECS: usize = 15;

/// A host with nothing but netd. All of it goes when it is dropped.
pub(super) struct Daemon {
    dir: TempDir,
    host: Namespace,
    child: Option<Child>,
}

impl Daemon {
    /// A host with a bridge and a snapshot of 10,000 nodes; netd is not started.
    fn bare() -> Result<Self, Failure> {
        // /run is memory on a host, too
        let dir = tempfile::tempdir_in("/dev/shm")?;
        let daemon = Self { dir, host: Namespace::new()?, child: None };
        daemon.ip("link set lo up\nlink add mynet0 type bridge\nlink set mynet0 up\n")?;
        std::fs::write(daemon.path("snapshot.json"), snapshot()?.to_text())?;
        Ok(daemon)
    }

    /// netd serves, and knows the network.
    pub(super) async fn up() -> Result<Self, Failure> {
        let mut daemon = Self::bare()?;
        daemon.start().await?;
        call(&mut daemon.connect().await?, "NetworkDriver.CreateNetwork", &network()).await?;
        Ok(daemon)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts netd; the time in ms until it has answered a call.
    async fn start(&mut self) -> Result<f64, Failure> {
        self.end()?;
        let mut command = Command::new(programs()?.join("netd"));
        let file = |flag: &str, name: &str| format!("--{flag}={}", self.path(name).display());
        command.args(["run", "--probe-ms=0", &file("socket", "netd.sock"), &file("state", "state")]);
        command.args([file("snapshot", "snapshot.json"), file("run", "run")]);
        command.env("NETD_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let (begun, child) = self.host.run(|| (Instant::now(), command.spawn()))?;
        self.child = Some(child?);
        call(&mut self.connect().await?, "Plugin.Activate", &Value::Null).await?;
        Ok(ms_since(begun))
    }

    fn end(&mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
            std::fs::remove_file(self.path("netd.sock"))?;
        }
        Ok(())
    }

    /// A connection to netd as soon as it listens.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let engine = Engine::at(&self.path("netd.sock"));
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match engine.connect().await {
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                connected => return connected,
            }
        }
    }

    /// Lines of `ip` in the host.
    fn ip(&self, lines: &str) -> Result<(), Failure> {
        let batch = self.path("batch");
        std::fs::write(&batch, lines)?;
        let ran = self.host.run(|| Command::new("ip").arg("-batch").arg(&batch).output())??;
        let message = String::from_utf8_lossy(&ran.stderr);
        if ran.status.success() { Ok(()) } else { Err(format!("ip -batch: {message}").into()) }
    }

    /// A field of netd's /proc/PID/status, in MB.
    fn memory(&self, field: &str) -> Result<f64, Failure> {
        let pid = self.child.as_ref().map(Child::id).ok_or("netd does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
        let kb: f64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse()?;
        Ok(kb / 1024.0)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // nobody to tell
        let _ = self.end();
    }
}

/// One call, with an answer that dockerd would take as granted.
pub(super) async fn call(connection: &mut Connection, path: &str, body: &Value) -> Result<Value, Failure> {
    let answer =
        connection.call("POST", &format!("/{path}"), Some(body).filter(|body| !body.is_null())).await?;
    let refused = answer.get("Err").or(answer.get("Error")).and_then(Value::as_str);
    match refused.filter(|text| !text.is_empty()) {
        Some(text) => Err(format!("{path}: {text}").into()),
        None => Ok(answer),
    }
}

const NETWORK: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn network() -> Value {
    json!({"NetworkID": NETWORK,
        "Options": {"com.docker.network.enable_ipv6": false, "com.docker.network.generic": {"netd.network": "mynet0"}},
        "IPv4Data": [{"AddressSpace": "local", "Gateway": "10.99.0.0/16", "Pool": "10.99.0.0/16"}], "IPv6Data": []})
}

/// A container's place, as the calls of its start and stop name it.
pub(super) struct Place {
    number: u32,
    endpoint: String,
}

impl Place {
    /// Of the `number`th node; `times` it was started before.
    pub(super) fn new(number: u32, times: u32) -> Self {
        Self { number, endpoint: format!("{:064x}", (u64::from(times) << 32) | u64::from(number)) }
    }

    pub(super) fn request(&self) -> Value {
        json!({"PoolID": "v4:10.99.0.0/16", "Address": ip(self.number).to_string(), "Options": null})
    }

    pub(super) fn create(&self) -> Value {
        let options = json!({"com.docker.network.endpoint.exposedports": [], "com.docker.network.portmap": [],
            "netd.node": node(self.number)});
        json!({"NetworkID": NETWORK, "EndpointID": self.endpoint, "Options": options,
            "Interface": {"Address": format!("{}/16", ip(self.number)), "AddressIPv6": "", "MacAddress": ""}})
    }

    pub(super) fn at(&self) -> Value {
        self.in_sandbox("/var/run/docker/netns/1960dd7fab00")
    }

    fn in_sandbox(&self, sandbox: &str) -> Value {
        json!({"NetworkID": NETWORK, "EndpointID": self.endpoint, "SandboxKey": sandbox, "Options": {}})
    }
}

fn node(number: u32) -> String {
    format!("c{number}")
}

/// 250 of each third byte: none of them means a network.
fn ip(number: u32) -> Ipv4Addr {
    let [.., third] = (number / 250 + 1).to_be_bytes();
    let [.., fourth] = (number % 250 + 1).to_be_bytes();
    Ipv4Addr::new(10, 99, third, fourth)
}

/// The first 1,000 nodes are this host's.
fn snapshot() -> Result<Snapshot, Failure> {
    let network = Network {
        name: "mynet0".parse()?,
        subnets: vec!["10.99.0.0/16".parse()?],
        gateways: vec![],
        vlan: None,
        mtu: None,
        isolate: false,
    };
    let on = HostNetwork { network, fabric: Fabric::Flat, bridge: "mynet0".parse()?, tag: None };
    let nodes = (0..NODES).map(snapshot_node).collect::<Result<_, _>>()?;
    Ok(Snapshot::seal("dh1".parse()?, 1, vec![on], nodes))
}

fn snapshot_node(number: u32) -> Result<SnapshotNode, Failure> {
    let [.., third, fourth] = number.to_be_bytes();
    let nic = Attachment {
        network: "mynet0".parse()?,
        nic: "eth0".parse()?,
        mac: format!("02:42:0a:63:{third:02x}:{fourth:02x}").parse()?,
        addresses: vec![ip(number).into()],
    };
    let host = if number < 1000 { "dh1" } else { "dh2" };
    Ok(SnapshotNode::new(node(number).parse()?, host.parse()?, vec![nic]))
}

/// A container's network namespace, held by a process so that `ip` and netd can name it.
struct Inside(Child);

impl Inside {
    fn new() -> Result<Self, Failure> {
        let namespace = Namespace::new()?;
        let up = namespace.run(|| Command::new("ip").args(["link", "set", "lo", "up"]).status())??;
        if !up.success() {
            return Err("the loopback interface of a container is not up".into());
        }
        let sleep = namespace.run(|| Command::new("sleep").arg("infinity").spawn())?;
        Ok(Self(sleep?))
    }

    fn sandbox(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// 100 endpoints as dockerd makes them, each in a container with its own namespace and DNS sockets.
async fn plug(daemon: &Daemon) -> Result<Vec<Inside>, Failure> {
    let mut containers = Vec::new();
    let mut connection = daemon.connect().await?;
    let mut moves = String::new();
    for number in 0..ENDPOINTS {
        let (place, inside) = (Place::new(number, 0), Inside::new()?);
        call(&mut connection, "IpamDriver.RequestAddress", &place.request()).await?;
        call(&mut connection, "NetworkDriver.CreateEndpoint", &place.create()).await?;
        let joined =
            call(&mut connection, "NetworkDriver.Join", &place.in_sandbox(&inside.sandbox())).await?;
        let name = joined.pointer("/InterfaceName/SrcName").and_then(Value::as_str);
        let name = name.ok_or("Join names no interface")?;
        // the name of dockerd's own move, too, is another in the container
        moves.push_str(&format!("link set {name} netns {}\n", inside.0.id()));
        containers.push(inside);
    }
    daemon.ip(&moves)?;
    Ok(containers)
}

/// netd's resident memory in MB.
pub(super) async fn memory(stage: &Stage) -> Result<Row, Failure> {
    let daemon = Daemon::up().await?;
    let inside = plug(&daemon).await?;
    call(&mut daemon.connect().await?, "Netd.Reconcile", &Value::Null).await?;
    let status = call(&mut daemon.connect().await?, "Netd.Status", &Value::Null).await?.to_string();
    let open = status.matches("\"open\":true").count();
    if open != ENDPOINTS as usize {
        return Err(format!("{open} of {ENDPOINTS} containers have DNS sockets").into());
    }
    let (now, peak) = (daemon.memory("VmRSS")?, daemon.memory("VmHWM")?);
    let anonymous = daemon.memory("RssAnon")?;
    drop(inside);
    stage.note(&format!(
        "netd-memory: {anonymous:.1} MB of it not backed by the program's file; peak {peak:.1} MB"
    ));
    Ok(Row::alone("netd-memory", now, "MB", 16.0))
}

/// From exec to the first answer, with the snapshot and the endpoints to load.
pub(super) async fn exec() -> Result<Row, Failure> {
    let mut daemon = Daemon::up().await?;
    let inside = plug(&daemon).await?;
    let mut times = Vec::new();
    for _ in 0..EXECS {
        times.push(daemon.start().await?);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    drop(inside);
    Ok(Row::alone("netd-exec", median(&times), "ms", 50.0))
}
