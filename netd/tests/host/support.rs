//! A host in a network namespace of its own, the real daemon in it, and a dockerd's calls by hand.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use inventory::{Attachment, Fabric, HostNetwork, Network, Snapshot, SnapshotNode};
use serde_json::{Value, json};

/// A host. Everything of it goes when it is dropped.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) dir: tempfile::TempDir,
    netd: Option<Child>,
    containers: Vec<String>,
    pub(crate) arguments: Vec<String>,
}

/// Longer than anything that is waited for takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const NETWORK: &str = "1111111111111111111111111111111111111111111111111111111111111111";

impl Host {
    /// A namespace with the bridge `mynet0`, and netd with the tables of [`snapshot`].
    pub(crate) fn up() -> Self {
        let host = Self::bare();
        host.ip("link add mynet0 type bridge");
        host.ip("link set mynet0 up");
        host.write_snapshot(&snapshot(7));
        host
    }

    /// A namespace without anything; netd is not started.
    pub(crate) fn bare() -> Self {
        assert!(is_root(), "this test makes network namespaces: run it as root");
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("netd-t{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        run("ip", &format!("netns add {name}"));
        let host =
            Self { name, dir, netd: None, containers: Vec::new(), arguments: vec!["--probe-ms=0".into()] };
        host.ip("link set lo up");
        host
    }

    /// Runs `work` in the host's namespace.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        hostnet::netns::run(&PathBuf::from("/run/netns").join(&self.name), work).unwrap()
    }

    pub(crate) fn write_snapshot(&self, snapshot: &Snapshot) {
        std::fs::write(self.path("snapshot.json"), snapshot.to_text()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn start(&mut self) {
        self.until("the old socket is dead", |host| UnixStream::connect(host.path("netd.sock")).is_err());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_netd"), "run"]);
        command.args(self.files()).args(&self.arguments);
        self.netd = Some(command.stderr(log).stdin(Stdio::null()).spawn().unwrap());
        // an answer, not a connection: a child of a killed netd, on its way to be `iptables`, has the old socket too
        self.until("netd serves", |host| host.try_post("/NetworkDriver.GetCapabilities", "").is_some());
    }

    fn files(&self) -> Vec<String> {
        let flag = |flag: &str, name: &str| format!("--{flag}={}", self.path(name).display());
        vec![
            flag("socket", "netd.sock"),
            flag("snapshot", "snapshot.json"),
            flag("state", "state"),
            flag("run", "run"),
        ]
    }

    /// A command of netd's, in the host.
    pub(crate) fn netd(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_netd")]).args(arguments);
        let files = self.files();
        command.args(&files[..2]).output().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.netd.as_ref().unwrap().id()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let mut netd = self.netd.take().unwrap();
        netd.kill().unwrap();
        netd.wait().unwrap();
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    /// An `ip` command in the host.
    pub(crate) fn ip(&self, words: &str) -> String {
        run("ip", &format!("-n {} {words}", self.name))
    }

    pub(crate) fn try_ip(&self, words: &str) -> bool {
        let words = format!("-n {} {words}", self.name);
        Command::new("ip").args(words.split(' ')).output().unwrap().status.success()
    }

    /// A namespace for a container.
    pub(crate) fn container(&mut self) -> String {
        let name = format!("{}-c{}", self.name, self.containers.len());
        run("ip", &format!("netns add {name}"));
        run("ip", &format!("-n {name} link set lo up"));
        self.containers.push(name.clone());
        name
    }

    /// Names of the devices that are netd's, in the host.
    pub(crate) fn devices(&self) -> Vec<String> {
        let links: Value = serde_json::from_str(&self.ip("-j link show")).unwrap();
        let names = links.as_array().unwrap().iter().map(|link| link["ifname"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with("xh") || name.starts_with("xc")).collect()
    }

    pub(crate) fn link(&self, name: &str) -> Value {
        serde_json::from_str::<Value>(&self.ip(&format!("-j -d link show dev {name}"))).unwrap()[0].take()
    }

    /// Files of endpoint records.
    pub(crate) fn records(&self) -> usize {
        std::fs::read_dir(self.path("run/endpoints")).map_or(0, Iterator::count)
    }

    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = || (self.devices(), self.records());
            assert!(Instant::now() < end, "never: {what}; {:?}\n{}", left(), self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A request as dockerd sends it: no content type. Returns status and body.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.try_post(path, body).unwrap_or_else(|| panic!("no answer to {path}\n{}", self.log()))
    }

    pub(crate) fn try_post(&self, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = UnixStream::connect(self.path("netd.sock")).ok()?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: plugin.moby.localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// A call that dockerd would take as answered.
    pub(crate) fn call(&self, call: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.post(&format!("/{call}"), &text);
        assert_eq!(status, 200, "{call}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// The error that a call ends with.
    pub(crate) fn refused(&self, call: &str, body: &Value) -> String {
        let answer = self.call(call, body);
        let error = answer.get("Err").or(answer.get("Error"));
        error.unwrap_or_else(|| panic!("{call} was granted: {answer}")).as_str().unwrap().to_owned()
    }

    pub(crate) fn granted(&self, call: &str, body: &Value) -> Value {
        let answer = self.call(call, body);
        assert!(answer.get("Err").is_none() && answer.get("Error").is_none(), "{call}: {answer}");
        answer
    }

    pub(crate) fn create_network(&self) {
        self.granted("NetworkDriver.CreateNetwork", &new_network());
    }

    /// What dockerd asks when it starts a container, up to `Join`; returns the interface's name.
    pub(crate) fn begin(&self, endpoint: &str, node: &str, address: &str) -> Value {
        let pool = json!({"PoolID": "v4:10.99.0.0/16", "Address": address, "Options": null});
        self.granted("IpamDriver.RequestAddress", &pool);
        self.granted("NetworkDriver.CreateEndpoint", &new_endpoint(endpoint, node, address))
    }

    pub(crate) fn join(&self, endpoint: &str) -> Value {
        self.granted("NetworkDriver.Join", &at(endpoint))
    }

    /// A whole start: the container's end is in the container, up, with its address.
    pub(crate) fn start_container(&mut self, endpoint: &str, node: &str, address: &str) -> String {
        self.begin(endpoint, node, address);
        let container = self.container();
        let joined = self.granted("NetworkDriver.Join", &in_sandbox(endpoint, &container));
        let name = joined["InterfaceName"]["SrcName"].as_str().unwrap();
        self.ip(&format!("link set {name} netns {container}"));
        run("ip", &format!("-n {container} link set {name} name eth0"));
        run("ip", &format!("-n {container} addr add {address}/16 dev eth0"));
        run("ip", &format!("-n {container} link set eth0 up"));
        container
    }

    pub(crate) fn stop(&self, endpoint: &str, address: &str) {
        self.granted("NetworkDriver.Leave", &at(endpoint));
        self.granted("NetworkDriver.DeleteEndpoint", &at(endpoint));
        self.granted("IpamDriver.ReleaseAddress", &json!({"PoolID": "v4:10.99.0.0/16", "Address": address}));
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.netd(&["status", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut netd) = self.netd.take() {
            let _ = netd.kill();
            let _ = netd.wait();
        }
        for name in self.containers.iter().chain([&self.name]) {
            // a container that died in the test has none any more
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// An endpoint's identifier.
pub(crate) fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// `Join` with the namespace of a container, as engine 26.1 sends it.
fn in_sandbox(endpoint: &str, container: &str) -> Value {
    let sandbox = format!("/run/netns/{container}");
    json!({"NetworkID": NETWORK, "EndpointID": endpoint, "SandboxKey": sandbox, "Options": {}})
}

pub(crate) fn at(endpoint: &str) -> Value {
    json!({"NetworkID": NETWORK, "EndpointID": endpoint, "SandboxKey": "/var/run/docker/netns/1960dd7fab00", "Options": {}})
}

pub(crate) fn new_network() -> Value {
    json!({"NetworkID": NETWORK,
        "Options": {"com.docker.network.enable_ipv6": false, "com.docker.network.generic": {"netd.network": "mynet0"}},
        "IPv4Data": [{"AddressSpace": "local", "Gateway": "10.99.0.0/16", "Pool": "10.99.0.0/16"}], "IPv6Data": []})
}

pub(crate) fn new_endpoint(endpoint: &str, node: &str, address: &str) -> Value {
    json!({"NetworkID": NETWORK, "EndpointID": endpoint,
        "Interface": {"Address": format!("{address}/16"), "AddressIPv6": "", "MacAddress": ""},
        "Options": {"com.docker.network.endpoint.exposedports": [], "com.docker.network.portmap": [], "netd.node": node}})
}

/// Tables: d1, d2, d3 on dh1, d9 on dh2.
pub(crate) fn snapshot(version: u64) -> Snapshot {
    let network = Network {
        name: "mynet0".parse().unwrap(),
        subnets: vec!["10.99.0.0/16".parse().unwrap()],
        gateways: vec![],
        vlan: None,
        mtu: None,
        isolate: false,
    };
    let on = HostNetwork { network, fabric: Fabric::Flat, bridge: "mynet0".parse().unwrap(), tag: None };
    let nodes = [("d1", "dh1", 1), ("d2", "dh1", 2), ("d3", "dh1", 3), ("d9", "dh2", 9)];
    let nodes = nodes.map(|(node, host, last)| self::node(node, host, last));
    Snapshot::seal("dh1".parse().unwrap(), version, vec![on], nodes.into())
}

pub(crate) fn node(node: &str, host: &str, last: u8) -> SnapshotNode {
    let nic = Attachment {
        network: "mynet0".parse().unwrap(),
        nic: "eth0".parse().unwrap(),
        mac: format!("02:42:0a:63:01:{last:02x}").parse().unwrap(),
        addresses: vec![format!("10.99.1.{last}").parse().unwrap()],
    };
    SnapshotNode::new(node.parse().unwrap(), host.parse().unwrap(), vec![nic])
}

pub(crate) fn run(program: &str, words: &str) -> String {
    let output = Command::new(program).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// Asserts that a container reaches an address, soon at least: nobody listens there, and only its owner can say so. Who
/// switches may be at work still.
pub(crate) fn reaches(container: &str, address: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let error = connect(container, address);
        if error.kind() == std::io::ErrorKind::ConnectionRefused {
            return;
        }
        assert!(Instant::now() < end, "{container} to {address}: {error}");
    }
}

/// Asserts that nobody answers a container from an address.
pub(crate) fn does_not_reach(container: &str, address: &str) {
    let error = connect(container, address);
    let silence = [std::io::ErrorKind::TimedOut, std::io::ErrorKind::HostUnreachable];
    assert!(silence.contains(&error.kind()), "{container} to {address}: {error}");
}

fn connect(container: &str, address: &str) -> std::io::Error {
    let namespace = PathBuf::from("/run/netns").join(container);
    let target = format!("{address}:9").parse().unwrap();
    let connect = || std::net::TcpStream::connect_timeout(&target, Duration::from_secs(2));
    hostnet::netns::run(&namespace, connect).unwrap().unwrap_err()
}
