//! Network namespaces for tests: without names, so that nothing is left of them however a test ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support: a failure here fails the test"
)]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use hostnet::netns::Namespace;
use hostnet::{BridgeSpec, Kernel, Link, Veth};
use inventory::{IfName, MacAddr};

/// A new namespace; fails where we are not root, for then nothing here can be tested.
pub(crate) fn namespace() -> Namespace {
    assert!(nix::unistd::geteuid().is_root(), "this test makes network namespaces: run it as root");
    Namespace::new().unwrap()
}

/// Runs a future in a namespace, on a thread and a runtime of its own.
pub(crate) fn within<T: Send, F: Future<Output = T>>(
    namespace: &Namespace,
    work: impl FnOnce() -> F + Send,
) -> T {
    namespace.run(|| runtime().block_on(work())).unwrap()
}

/// Runs a future in a new namespace.
pub(crate) fn alone<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> T {
    within(&namespace(), work)
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

pub(crate) fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

/// A bridge named `br0` at 02:00:00:00:00:01.
pub(crate) async fn bridge(kernel: &Kernel) -> Link {
    let spec = BridgeSpec { name: name("br0"), mac: Some(mac("02:00:00:00:00:01")), mtu: None };
    assert!(kernel.add_bridge(&spec).await.unwrap());
    kernel.link(&spec.name).await.unwrap().unwrap()
}

/// The pair `xh1`, `xc1` of a container at 02:42:0a:63:01:02, into a bridge.
pub(crate) fn veth(bridge: u32) -> Veth {
    Veth {
        host_end: name("xh1"),
        container_end: name("xc1"),
        mac: mac("02:42:0a:63:01:02"),
        mtu: 1400,
        bridge: Some(bridge),
    }
}

/// Gives a container end to a namespace of its own, with an address, and returns that namespace.
pub(crate) async fn container(kernel: &Kernel, end: &IfName, address: &str) -> Namespace {
    let container = namespace();
    kernel.move_to(end, &container).await.unwrap();
    within(&container, async || {
        // no seconds of waiting until its own address is found to be free
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/accept_dad"), "0").unwrap();
        let kernel = Kernel::open().unwrap();
        kernel.add_address(end, address.parse().unwrap()).await.unwrap();
        kernel.set_up(end, true).await.unwrap();
    });
    until_forwarding(&end.as_str().replace("xc", "xh")).await;
    container
}

/// A port forwards when the kernel's link watch has seen its carrier, a moment after the other end is up.
pub(crate) async fn until_forwarding(port: &str) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while std::time::Instant::now() < end {
        let told = std::process::Command::new("bridge").arg("link").output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        if told.lines().any(|line| line.contains(port) && line.contains("state forwarding")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the port {port} of the bridge does not forward after 60 s");
}
