//! The FORWARD chain: the real iptables in a namespace, and traffic that really passes or does not.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod namespace;

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use hostnet::firewall::{self, Family, Rule, Step};
use hostnet::{Kernel, Veth};
use inventory::IfName;
use namespace::{alone, bridge, container, mac, name, veth};

fn run(program: &str, words: &[&str]) -> String {
    let ran = Command::new(program).args(words).output().unwrap();
    assert!(ran.status.success(), "{program} {words:?}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

async fn keep(bridges: &[IfName]) -> Vec<Step> {
    let steps = firewall::plan(bridges, &firewall::observe().await.unwrap());
    for step in &steps {
        firewall::apply(step).await.unwrap();
    }
    assert_eq!(firewall::plan(bridges, &firewall::observe().await.unwrap()), []);
    steps
}

fn rule(family: Family, bridge: &str, tag: &str) -> Rule {
    Rule { family, bridge: name(bridge), tag: tag.to_owned() }
}

fn forward() -> Vec<String> {
    run("iptables", &["-S", "FORWARD"]).lines().map(str::to_owned).collect()
}

const BR0: &str = "-A FORWARD -i br0 -o br0 -m comment --comment xdock -j ACCEPT";
const BR0_AGAIN: &str = "-A FORWARD -i br0 -o br0 -m comment --comment \"xdock:2\" -j ACCEPT";

#[test]
fn a_fresh_host_gets_a_rule_in_both_filters() {
    alone(async || {
        let steps = keep(&[name("br0")]).await;
        let insert = |family| Step::Insert(rule(family, "br0", "xdock"));
        assert_eq!(steps, [insert(Family::V4), insert(Family::V6)]);
        assert_eq!(forward(), ["-P FORWARD ACCEPT", BR0]);
        assert!(run("ip6tables", &["-S", "FORWARD"]).contains(BR0));
    });
}

#[test]
fn a_flushed_ruleset_gets_it_again() {
    alone(async || {
        keep(&[name("br0")]).await;
        run("nft", &["flush", "ruleset"]);
        assert_eq!(keep(&[name("br0")]).await.len(), 2);
        assert_eq!(forward(), ["-P FORWARD ACCEPT", BR0]);
    });
}

#[test]
fn a_rule_of_docker_on_top_moves_below_without_a_gap() {
    alone(async || {
        keep(&[name("br0")]).await;
        run("iptables", &["-N", "DOCKER-USER"]);
        run("iptables", &["-P", "FORWARD", "DROP"]);
        run("iptables", &["-I", "FORWARD", "-j", "DOCKER-USER"]);
        let steps = keep(&[name("br0")]).await;
        let (new, old) = (rule(Family::V4, "br0", "xdock:2"), rule(Family::V4, "br0", "xdock"));
        assert_eq!(steps, [Step::Insert(new), Step::Delete(old)]);
        assert_eq!(forward(), ["-P FORWARD DROP", BR0_AGAIN, "-A FORWARD -j DOCKER-USER"]);
        run("iptables", &["-I", "FORWARD", "-j", "DOCKER-USER"]);
        keep(&[name("br0")]).await;
        assert_eq!(forward()[1], BR0);
    });
}

#[test]
fn duplicates_and_rules_of_removed_bridges_are_deleted() {
    alone(async || {
        keep(&[name("br0"), name("br9")]).await;
        let words = ["-A", "FORWARD", "-i", "br0", "-o", "br0", "-m", "comment", "--comment", "xdock"];
        run("iptables", &[&words[..], &["-j", "ACCEPT"]].concat());
        let foreign = "-A FORWARD -i br8 -o br8 -m comment --comment mine -j ACCEPT";
        run("iptables", &foreign.split(' ').collect::<Vec<_>>());
        keep(&[name("br0")]).await;
        assert_eq!(forward(), ["-P FORWARD ACCEPT", BR0_AGAIN, foreign]);
        keep(&[]).await;
        assert_eq!(forward(), ["-P FORWARD ACCEPT", foreign]);
    });
}

#[test]
fn a_rule_that_vanished_is_reported() {
    alone(async || {
        keep(&[]).await;
        let step = Step::Delete(rule(Family::V4, "br0", "xdock"));
        let error = firewall::apply(&step).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot delete the iptables rule \"xdock\" that lets bridge br0 forward"
        );
    });
}

/// The fault itself, and that the rule heals it.
#[test]
fn bridged_packets_pass_a_forward_chain_that_drops() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        let bridge = bridge(&kernel).await;
        kernel.attach(&veth(bridge.index)).await.unwrap();
        let second = Veth {
            host_end: name("xh2"),
            container_end: name("xc2"),
            mac: mac("02:42:0a:63:01:03"),
            ..veth(bridge.index)
        };
        kernel.attach(&second).await.unwrap();
        let first = container(&kernel, &name("xc1"), "10.99.1.1/16").await;
        let second = container(&kernel, &name("xc2"), "10.99.1.2/16").await;
        let sender = first.run(|| UdpSocket::bind("10.99.1.1:0").unwrap()).unwrap();
        let receiver = second.run(|| UdpSocket::bind("10.99.1.2:4711").unwrap()).unwrap();
        receiver.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let passes = || {
            sender.send_to(b"hello", "10.99.1.2:4711").unwrap();
            receiver.recv(&mut [0; 8]).is_ok()
        };
        // a loaded machine may need longer than one wait; what comes late must not count for the next question
        let passes_at_last = || {
            let end = Instant::now() + Duration::from_secs(60);
            while !passes() {
                assert!(Instant::now() < end, "no packet passes");
            }
            while receiver.recv(&mut [0; 8]).is_ok() {}
        };
        std::fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1").unwrap();
        passes_at_last();
        run("iptables", &["-P", "FORWARD", "DROP"]);
        assert!(!passes());
        keep(&[name("br0")]).await;
        passes_at_last();
    });
}
