//! Two namespaces of their own, with a cable between them: a host and its management node.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use hostnet::netns::Namespace;
use hostnet::{Kernel, ovs};
use inventory::HostPlan;
use postscripts::steps::network::execute::{Backends, apply, roll_back};
use postscripts::steps::network::host_state::observe_network;
use postscripts::steps::network::observe::Observed;
use postscripts::steps::network::plan::{Step, plan};
use postscripts::steps::network::resolve::{Memory, resolve};
use postscripts::steps::network::resolved::ResolvedNetwork;

pub(crate) const MASTER: &str = "10.99.0.1:80";

/// A host with `eth0` and, at the other end of its cable, a management node that listens on port 80.
pub(crate) struct Lab {
    pub(crate) host: Namespace,
    master: Namespace,
    _listener: TcpListener,
    remote: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test needs root (network namespaces); run the tests as root"
        );
        let (host, master) = (Namespace::new().unwrap(), Namespace::new().unwrap());
        host.run(|| ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "peer0"])).unwrap();
        on(&host, async |kernel| kernel.move_to(&"peer0".parse().unwrap(), &master).await.unwrap());
        for (namespace, device, address) in
            [(&host, "eth0", "10.99.0.11/16"), (&master, "peer0", "10.99.0.1/16")]
        {
            namespace
                .run(|| {
                    ip(&["address", "add", address, "dev", device]);
                    ip(&["link", "set", "dev", device, "up"]);
                })
                .unwrap();
        }
        host.run(|| ip(&["route", "add", "default", "via", "10.99.0.1"])).unwrap();
        // a switch in user space passes on what the kernel has left to the NIC
        master.run(|| run("ethtool", &["-K", "peer0", "tx", "off"])).unwrap();
        let listener = master.run(|| TcpListener::bind(MASTER).unwrap()).unwrap();
        Self { host, master, _listener: listener, remote: ovs::REMOTE.to_owned() }
    }

    /// Whether the host reaches a management node whose MAC it does not know.
    pub(crate) fn answers(&self) -> bool {
        self.answers_within(Duration::from_secs(60))
    }

    /// The same, where silence is expected.
    pub(crate) fn answers_within(&self, patience: Duration) -> bool {
        let master: SocketAddr = MASTER.parse().unwrap();
        self.host
            .run(|| {
                ip(&["neighbour", "flush", "all"]);
                TcpStream::connect_timeout(&master, patience).is_ok()
            })
            .unwrap()
    }

    /// How often the host answers one question of its management node. Three more follow it, so that a late answer counts too.
    pub(crate) fn answers_to_a_ping(&self) -> usize {
        let message = self.master.run(|| Command::new("ping").args(["-c4", "-W10", "10.99.0.11"]).output());
        let message =
            message.unwrap().unwrap_or_else(|error| panic!("ping does not run: {error}; see tests/prepare"));
        String::from_utf8(message.stdout).unwrap().matches("icmp_seq=1 ").count()
    }

    /// The same host, whose switch's database is there.
    pub(crate) fn with_switch(self, remote: &str) -> Self {
        Self { remote: remote.to_owned(), ..self }
    }

    pub(crate) fn observe(&self) -> Observed {
        let asks = self.remote != ovs::REMOTE;
        self.with(async |backends| observe_network(backends, asks).await.unwrap())
    }

    pub(crate) fn network(&self, tables: &HostPlan, memory: &Memory) -> ResolvedNetwork {
        resolve(tables, &self.observe(), memory).unwrap()
    }

    pub(crate) fn steps(&self, tables: &HostPlan) -> Vec<Step> {
        plan(&self.network(tables, &Memory::default()), &self.observe())
    }

    pub(crate) fn apply(&self, steps: &[Step]) {
        self.with(async |backends| apply(backends, steps, |_| {}).await.unwrap());
    }

    pub(crate) fn roll_back(&self, steps: &[Step]) {
        self.with(async |backends| roll_back(backends, steps).await.unwrap());
    }

    pub(crate) fn with<T: Send>(&self, work: impl AsyncFnOnce(&Backends) -> T + Send) -> T {
        on(&self.host, async |_| work(&Backends::open(&self.remote).unwrap()).await)
    }

    pub(crate) fn ip(&self, words: &[&str]) {
        self.host.run(|| ip(words)).unwrap();
    }
}

/// Runs with a connection to the kernel of that namespace.
pub(crate) fn on<T: Send>(namespace: &Namespace, work: impl AsyncFnOnce(Kernel) -> T + Send) -> T {
    let inside = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { work(Kernel::open().unwrap()).await })
    };
    namespace.run(inside).unwrap()
}

fn ip(words: &[&str]) {
    run("ip", words);
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not run: {error}; see tests/prepare"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {message}");
}

/// Addresses, routes and ports, without what numbers and counters do.
pub(crate) fn described(observed: &Observed) -> String {
    let mut lines: Vec<String> = observed
        .links
        .iter()
        .map(|link| format!("{} {:?} {} {}", link.name, link.master, link.mtu, link.up))
        .collect();
    lines.extend(observed.addresses.iter().map(|(name, address)| format!("{name} {address}")));
    lines.extend(observed.routes.iter().map(|(name, route)| format!("{name} {route:?}")));
    lines.extend(observed.switch.iter().flatten().map(|bridge| format!("{bridge:?}")));
    lines.extend(observed.host_ip_filters.iter().map(|(name, hearing)| format!("{name} {hearing:?}")));
    lines.sort();
    lines.join("\n")
}
