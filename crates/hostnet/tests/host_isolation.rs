//! Interfaces that carry frames, but not for the host.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failure fails the test")]

mod namespace;

use hostnet::{HostIpFilter, Kernel};
use namespace::{alone, bridge, container, name, veth, within};

fn setting(family: &str, device: &str, setting: &str) -> String {
    let path = format!("/proc/sys/net/{family}/conf/{device}/{setting}");
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

#[test]
fn an_isolated_interface_is_normal_again_in_the_container() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        kernel.attach(&veth(bridge(&kernel).await.index)).await.unwrap();
        let before = kernel.host_ip_filter(&name("xc1")).unwrap();
        assert_eq!((before.arp_ignore, before.disable_ipv6), (0, false));
        kernel.isolate_from_host_ip(&name("xc1")).await.unwrap();
        assert_eq!(kernel.host_ip_filter(&name("xc1")), Some(HostIpFilter::BLOCKED));
        kernel.set_host_ip_filter(&name("xc1"), before).await.unwrap();
        assert_eq!(kernel.host_ip_filter(&name("xc1")), Some(before));
        assert_eq!(kernel.host_ip_filter(&name("xc9")), None);
        kernel.isolate_from_host_ip(&name("xc1")).await.unwrap();
        let settings = || {
            [("ipv4", "arp_ignore"), ("ipv4", "rp_filter"), ("ipv6", "disable_ipv6")]
                .map(|(family, which)| setting(family, "xc1", which))
        };
        assert_eq!(settings(), ["8", "1", "1"]);
        let container = container(&kernel, &name("xc1"), "10.99.1.1/16").await;
        let there = within(&container, async || settings());
        assert_eq!((there[0].as_str(), there[2].as_str()), ("0", "0"));
        let error = kernel.isolate_from_host_ip(&name("xc9")).await.unwrap_err();
        assert_eq!(error.to_string(), "interface xc9 does not exist");
    });
}

#[test]
fn tx_checksum_offload_is_disabled_and_nothing_else() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        kernel.attach(&veth(bridge(&kernel).await.index)).await.unwrap();
        let features = |device: &str| {
            let told = std::process::Command::new("ethtool").args(["-k", device]).output();
            let told = told.unwrap_or_else(|error| panic!("install ethtool: {error}"));
            String::from_utf8(told.stdout).unwrap()
        };
        assert!(features("xc1").contains("tx-checksum-ip-generic: on"));
        kernel.disable_tx_checksum_offload(&name("xc1")).await.unwrap();
        kernel.disable_tx_checksum_offload(&name("xc1")).await.unwrap();
        let now = features("xc1");
        assert!(now.contains("tx-checksumming: off"), "{now}");
        assert!(now.contains("tx-tcp-segmentation: off"), "{now}");
        assert!(now.contains("rx-checksumming: on"), "{now}");
        assert!(features("xh1").contains("tx-checksum-ip-generic: on"), "the other end is as it was");
        let error = kernel.disable_tx_checksum_offload(&name("xc9")).await.unwrap_err();
        assert_eq!(error.to_string(), "interface xc9 does not exist");
    });
}

/// A namespace with a name; it ends with this.
struct Named(String);

impl Named {
    fn new() -> Self {
        let name = format!("hostnet-{}", std::process::id());
        assert!(ip(&["netns", "add", &name]), "this test makes network namespaces: run it as root");
        Self(name)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

fn ip(words: &[&str]) -> bool {
    std::process::Command::new("ip").args(words).status().unwrap().success()
}

#[test]
fn tx_checksum_offload_is_disabled_in_a_running_container() {
    let container = Named::new();
    let namespaces = std::path::Path::new("/run/netns");
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let pair =
            hostnet::Veth { mac: namespace::mac("02:42:0a:63:5e:01"), ..veth(bridge(&kernel).await.index) };
        kernel.attach(&pair).await.unwrap();
        let (host_end, end) = (name("xh1"), name("xc1"));
        let error = kernel.disable_tx_checksum_offload_of_peer(&host_end, namespaces).await.unwrap_err();
        assert_eq!(
            chain(&error),
            "cannot set checksums in software (ethtool -K tx off) of interface xh1: its other end is not in a container of dockerd"
        );
        let there = hostnet::netns::Namespace::open(&namespaces.join(&container.0)).unwrap();
        kernel.move_to(&end, &there).await.unwrap();
        kernel.disable_tx_checksum_offload_of_peer(&host_end, namespaces).await.unwrap();
        let features =
            there.run(|| std::process::Command::new("ethtool").args(["-k", "xc1"]).output().unwrap().stdout);
        assert!(String::from_utf8(features.unwrap()).unwrap().contains("tx-checksumming: off"));
        let error = kernel.disable_tx_checksum_offload_of_peer(&name("xh9"), namespaces).await.unwrap_err();
        assert_eq!(error.to_string(), "interface xh9 does not exist");
    });
}

fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
