//! The move of a NIC into its bridge in a real kernel: two namespaces of their own, a host and its management node.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can not go on fails")]

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use hostnet::netns::Namespace;
use hostnet::{Kernel, ovs};
use inventory::HostPlan;
use postscripts::steps::network::execute::{Means, apply, take_back};
use postscripts::steps::network::observe::{Observed, observe};
use postscripts::steps::network::plan::{Step, plan};
use postscripts::steps::network::resolve::{Memory, resolve};
use support::tables;

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

    fn steps(&self, tables: &HostPlan) -> Vec<Step> {
        let observed = self.observe();
        plan(&resolve(tables, &observed, &Memory::default()).unwrap(), &observed)
    }

    fn apply(&self, steps: &[Step]) {
        self.with(async |means| apply(means, steps, |_| {}).await.unwrap());
    }

    fn take_back(&self, steps: &[Step]) {
        self.with(async |means| take_back(means, steps).await.unwrap());
    }

    fn with<T: Send>(&self, work: impl AsyncFnOnce(&Means) -> T + Send) -> T {
        on(&self.host, async |_| work(&Means::open(ovs::REMOTE).unwrap()).await)
    }
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
    let mut lines: Vec<String> = observed
        .links
        .iter()
        .map(|link| format!("{} {:?} {} {}", link.name, link.master, link.mtu, link.up))
        .collect();
    lines.extend(observed.addresses.iter().map(|(name, address)| format!("{name} {address}")));
    lines.extend(observed.routes.iter().map(|(name, route)| format!("{name} {route:?}")));
    lines.sort();
    lines.join("\n")
}

#[test]
fn the_nic_moves_and_the_master_still_answers() {
    let lab = Lab::new();
    assert!(lab.answers());
    lab.apply(&lab.steps(&tables(&[])));
    assert_eq!(lab.steps(&tables(&[])), [], "a second run has nothing to do");
    assert!(lab.answers());
    let observed = lab.observe();
    let mac = |name: &str| observed.link(&name.parse().unwrap()).unwrap().mac;
    assert_eq!(mac("mynet0"), mac("eth0"));
}

#[test]
fn a_step_that_fails_is_named() {
    let lab = Lab::new();
    let mut steps = lab.steps(&tables(&[]));
    steps.push(Step::SetUp("nosuch0".parse().unwrap()));
    let error = lab.with(async |means| apply(means, &steps, |_| {}).await.unwrap_err());
    assert_eq!(error.to_string(), "cannot set nosuch0 up");
}

#[test]
fn the_old_network_comes_back_from_any_step() {
    let count = Lab::new().steps(&tables(&[])).len();
    for stopped_after in 0..=count {
        let lab = Lab::new();
        let before = described(&lab.observe());
        let steps = lab.steps(&tables(&[]));
        lab.apply(steps.iter().take(stopped_after).cloned().collect::<Vec<_>>().as_slice());
        // all of it, whatever was done; and by a guard that is killed and begins anew
        for _ in 0..2 {
            lab.take_back(&steps);
            assert_eq!(described(&lab.observe()), before, "stopped after {stopped_after} steps");
        }
        assert!(lab.answers(), "stopped after {stopped_after} steps");
    }
}

#[test]
fn a_run_killed_after_any_step_is_completed_by_the_next() {
    let count = Lab::new().steps(&tables(&[])).len();
    for killed_after in 0..count {
        let lab = Lab::new();
        let steps = lab.steps(&tables(&[]));
        lab.apply(steps.iter().take(killed_after).cloned().collect::<Vec<_>>().as_slice());
        // the one window: the NIC is a port and has the address still
        let deaf = matches!(steps.get(killed_after), Some(Step::Settle(_) | Step::DelAddress(..)));
        assert_eq!(lab.answers(), !deaf, "killed after {killed_after} steps");
        lab.apply(&lab.steps(&tables(&[])));
        assert_eq!(lab.steps(&tables(&[])), [], "killed after {killed_after} steps");
        assert!(lab.answers(), "killed after {killed_after} steps");
    }
}

#[test]
fn drift_of_any_sort_is_repaired() {
    let address = ["address", "add", "10.99.0.11/16", "dev", "eth0"];
    let drifts: [&[&[&str]]; 7] = [
        &[&["link", "delete", "mynet0"], &address],
        &[&["address", "delete", "10.99.0.11/16", "dev", "mynet0"]],
        &[&["address", "delete", "10.99.0.11/16", "dev", "mynet0"], &address],
        &[&["link", "set", "eth0", "nomaster"]],
        &[&["link", "set", "mynet0", "type", "bridge", "stp_state", "1", "forward_delay", "1500"]],
        &[&["link", "set", "mynet0", "down"]],
        &[&["route", "delete", "default"]],
    ];
    for drift in drifts {
        let lab = Lab::new();
        lab.apply(&lab.steps(&tables(&[])));
        lab.host.run(|| drift.iter().for_each(|words| ip(words))).unwrap();
        let observed = lab.observe();
        // what an earlier run has saved
        let ports = [("mynet0".parse().unwrap(), "eth0".parse().unwrap())].into();
        let stack = resolve(&tables(&[]), &observed, &Memory { ports, ..Memory::default() }).unwrap();
        let steps = plan(&stack, &observed);
        assert_ne!(steps, [], "{drift:?}");
        lab.apply(&steps);
        assert_eq!(plan(&stack, &lab.observe()), [], "{drift:?}");
        assert!(lab.answers(), "{drift:?}");
    }
}
