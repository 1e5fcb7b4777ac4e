//! The move of a NIC into its bridge in a real kernel: two namespaces of their own, a host and its management node.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can not go on fails")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use hostnet::Kernel;
use hostnet::netns::Namespace;
use inventory::HostPlan;
use postscripts::environment::Environment;
use postscripts::steps::network::execute::{ExecuteError, apply};
use postscripts::steps::network::observe::{Observed, observe};
use postscripts::steps::network::plan::{Step, plan};
use postscripts::steps::network::resolve::{bridges, resolve};

const MASTER: &str = "10.99.0.1:80";

/// A host with `eth0` and, at the other end of its cable, a management node that listens on port 80.
struct Lab {
    host: Namespace,
    _master: Namespace,
    _listener: TcpListener,
}

impl Lab {
    fn new() -> Self {
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
        let listener = master.run(|| TcpListener::bind(MASTER).unwrap()).unwrap();
        Self { host, _master: master, _listener: listener }
    }

    /// Whether the host reaches a management node whose MAC it does not know.
    fn answers(&self) -> bool {
        let master: SocketAddr = MASTER.parse().unwrap();
        self.host
            .run(|| {
                ip(&["neighbour", "flush", "all"]);
                TcpStream::connect_timeout(&master, Duration::from_secs(3)).is_ok()
            })
            .unwrap()
    }

    fn observe(&self) -> Observed {
        on(&self.host, async |kernel| observe(&kernel).await.unwrap())
    }

    fn steps(&self) -> Vec<Step> {
        let observed = self.observe();
        let bridge = bridges(&host_plan()).unwrap().remove(0);
        plan(&resolve(&bridge, &observed, None).unwrap(), &observed)
    }

    fn apply(&self, steps: &[Step]) {
        on(&self.host, async |kernel| drop(apply(&kernel, steps).await.unwrap()));
    }
}

/// What the tables say of the host.
fn host_plan() -> HostPlan {
    let network = "netname=mynet0||net=10.99.0.0||mask=255.255.0.0||gateway=10.99.0.1";
    let variables = [
        ("NODE", "host1"),
        ("IPADDR", "10.99.0.11"),
        ("MASTER_IP", "10.99.0.1"),
        ("NETWORKS_LINES", "1"),
        ("NETWORKS_LINE1", network),
    ];
    HostPlan::compile(&variables.into_iter().collect::<Environment>().tables().unwrap()).unwrap()
}

/// Runs with a connection to the kernel of that namespace.
fn on<T: Send>(namespace: &Namespace, work: impl AsyncFnOnce(Kernel) -> T + Send) -> T {
    let inside = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { work(Kernel::open().unwrap()).await })
    };
    namespace.run(inside).unwrap()
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().unwrap();
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Addresses, routes and ports, without what numbers and counters do.
fn described(observed: &Observed) -> String {
    let mut lines: Vec<String> =
        observed.links.iter().map(|link| format!("{} {:?} {}", link.name, link.master, link.mtu)).collect();
    lines.extend(observed.addresses.iter().map(|(name, address)| format!("{name} {address}")));
    lines.extend(observed.routes.iter().map(|(name, route)| format!("{name} {route:?}")));
    lines.sort();
    lines.join("\n")
}

#[test]
fn the_nic_moves_and_the_master_still_answers() {
    let lab = Lab::new();
    assert!(lab.answers());
    lab.apply(&lab.steps());
    assert_eq!(lab.steps(), [], "a second run has nothing to do");
    assert!(lab.answers());
    let observed = lab.observe();
    let mac = |name: &str| observed.link(&name.parse().unwrap()).unwrap().mac;
    assert_eq!(mac("mynet0"), mac("eth0"));
}

#[test]
fn the_old_network_comes_back() {
    let lab = Lab::new();
    let before = described(&lab.observe());
    let steps = lab.steps();
    let master = MASTER.parse().unwrap();
    on(&lab.host, async |kernel| {
        let done = apply(&kernel, &steps).await.unwrap();
        let error = done.take_back(&kernel, ExecuteError::Silence { master }).await;
        assert_eq!(
            error.to_string(),
            "the management node does not answer at 10.99.0.1:80 through the new network within 10 s; the old network is back"
        );
    });
    assert_eq!(described(&lab.observe()), before);
    assert!(lab.answers());
}

#[test]
fn a_step_that_fails_takes_back_those_before_it() {
    let lab = Lab::new();
    let before = described(&lab.observe());
    let mut steps = lab.steps();
    steps.push(Step::SetUp("nosuch0".parse().unwrap()));
    on(&lab.host, async |kernel| {
        let error = apply(&kernel, &steps).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot set nosuch0 up; the old network is back");
    });
    assert_eq!(described(&lab.observe()), before);
}

#[test]
fn a_run_killed_after_any_step_is_completed_by_the_next() {
    let count = Lab::new().steps().len();
    for killed_after in 0..count {
        let lab = Lab::new();
        let steps = lab.steps();
        lab.apply(steps.iter().take(killed_after).cloned().collect::<Vec<_>>().as_slice());
        // the one window: the NIC is a port and has the address still
        let deaf = matches!(steps.get(killed_after), Some(Step::Settle(_) | Step::DelAddress(..)));
        assert_eq!(lab.answers(), !deaf, "killed after {killed_after} steps");
        lab.apply(&lab.steps());
        assert_eq!(lab.steps(), [], "killed after {killed_after} steps");
        assert!(lab.answers(), "killed after {killed_after} steps");
    }
}
