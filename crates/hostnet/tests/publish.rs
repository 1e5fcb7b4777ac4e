//! Published ports: the real iptables in a namespace, sockets that reserve ports, and connections that really arrive.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure fails the test")]

mod namespace;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hostnet::conntrack::{UdpFlow, forget_udp};
use hostnet::firewall::{self, Family};
use hostnet::netns::Namespace;
use hostnet::publish::{self, BridgeFilter, Hidden, Publication, Reservation, ReserveError, Step, reserve};
use hostnet::{Kernel, Veth};
use inventory::{IfName, Protocol, PublishedPort};
use ipnet::IpNet;
use namespace::{alone, bridge, container, mac, name, runtime, veth};

/// Runs a program in this thread's namespace. Not with `std`, which does not wait for the release of a reservation.
fn run(program: &str, words: &[&str]) -> String {
    let command = process::Command::new(program, Duration::from_secs(60)).args(words);
    let ran = thread::scope(|scope| scope.spawn(|| runtime().block_on(command.execute())).join().unwrap());
    String::from_utf8(ran.unwrap().stdout).unwrap()
}

fn port(protocol: Protocol, address: &str, host: u16, container: u16) -> PublishedPort {
    let address = Some(address).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
    PublishedPort { protocol, address, host, container }
}

fn publication(address: &str, ports: &[PublishedPort]) -> Publication {
    Publication {
        node: "c1.x".parse().unwrap(),
        address: address.parse().unwrap(),
        device: name("br0"),
        bridge_port: Some(name("xh1")),
        hidden: Hidden::Host,
        ports: ports.to_vec(),
    }
}

/// Plans and applies until nothing is left to do, which must be after one pass.
async fn keep(kernel: &Kernel, published: &[Publication]) -> Vec<Step> {
    let steps = publish::plan(published, &publish::observe(kernel, published).await.unwrap());
    for step in &steps {
        publish::apply(kernel, step).await.unwrap();
    }
    assert_eq!(publish::plan(published, &publish::observe(kernel, published).await.unwrap()), []);
    steps
}

fn ours(program: &str) -> Vec<String> {
    let all = run(program, &[]);
    all.lines().filter(|line| line.contains("XDOCK-")).map(str::to_owned).collect()
}

const V4: [&str; 18] = [
    ":XDOCK-LOOPBACK - [0:0]",
    "-A PREROUTING -d 127.0.0.0/8 -j XDOCK-LOOPBACK",
    "-A XDOCK-LOOPBACK -i br0 -j DROP",
    ":XDOCK-FORWARD - [0:0]",
    "-A FORWARD -m conntrack --ctstate DNAT -j XDOCK-FORWARD",
    "-A XDOCK-FORWARD -d 10.99.1.1/32 -m comment --comment \"c1.x\" -j ACCEPT",
    "-A XDOCK-FORWARD -s 10.99.1.1/32 -m comment --comment \"c1.x\" -j ACCEPT",
    ":XDOCK-PORTS - [0:0]",
    ":XDOCK-SOURCE - [0:0]",
    "-A PREROUTING -m addrtype --dst-type LOCAL -j XDOCK-PORTS",
    "-A OUTPUT -m addrtype --dst-type LOCAL -j XDOCK-PORTS",
    "-A POSTROUTING -m conntrack --ctstate DNAT -j XDOCK-SOURCE",
    "-A XDOCK-PORTS -p tcp -m tcp --dport 8080 -m comment --comment \"c1.x\" -j DNAT --to-destination 10.99.1.1:80",
    "-A XDOCK-PORTS -d 10.99.0.11/32 -p tcp -m tcp --dport 9000:9002 -m comment --comment \"c1.x\" -j DNAT --to-destination 10.99.1.1:100-102/9000",
    "-A XDOCK-PORTS -p udp -m udp --dport 5000:5002 -m comment --comment \"c1.x\" -j DNAT --to-destination 10.99.1.1",
    "-A XDOCK-PORTS -p sctp -m sctp --dport 9 -m comment --comment \"c1.x\" -j DNAT --to-destination 10.99.1.1:9",
    "-A XDOCK-SOURCE -s 10.99.1.1/32 -d 10.99.1.1/32 -m comment --comment \"c1.x\" -j MASQUERADE",
    "-A XDOCK-SOURCE ! -s 10.99.0.0/16 -d 10.99.1.1/32 -m addrtype --src-type LOCAL -m comment --comment \"c1.x\" -j MASQUERADE",
];

fn every_kind() -> Vec<PublishedPort> {
    let tcp = |host, container| port(Protocol::Tcp, "10.99.0.11", host, container);
    let udp = |number| port(Protocol::Udp, "", number, number);
    let sctp = port(Protocol::Sctp, "", 9, 9);
    let v6_only = port(Protocol::Tcp, "fd00::11", 443, 443);
    let first = port(Protocol::Tcp, "", 8080, 80);
    vec![
        tcp(9001, 101),
        sctp,
        udp(5000),
        udp(5002),
        udp(5001),
        v6_only,
        tcp(9000, 100),
        tcp(9002, 102),
        first,
    ]
}

#[test]
fn the_rules_are_those_that_iptables_prints_in_the_order_of_the_tables() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let published = [publication("10.99.1.1/16", &every_kind())];
        let steps: Vec<String> = keep(&kernel, &published).await.iter().map(ToString::to_string).collect();
        let settings = "set nf_call_iptables 1, nf_call_ip6tables 0 and route_localnet 1 on br0";
        assert_eq!(steps, ["write the iptables rules of published ports", settings]);
        let mut found = ours("iptables-save");
        let mut expected: Vec<String> = V4.map(str::to_owned).into();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(ours("ip6tables-save"), [""; 0]);
        // all gone with the last port; what Docker sets for all bridges stays
        let steps: Vec<String> = keep(&kernel, &[]).await.iter().map(ToString::to_string).collect();
        let settings = "set nf_call_iptables 1, nf_call_ip6tables 0 and route_localnet 0 on br0";
        assert_eq!(steps, [settings, "remove the iptables rules of published ports"]);
        assert_eq!(ours("iptables-save"), [""; 0]);
    });
}

#[test]
fn each_family_has_its_own_rules() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let ports = [port(Protocol::Tcp, "::", 443, 443), port(Protocol::Tcp, "", 80, 80)];
        let (v4, v6) = (publication("10.99.1.1/16", &ports), publication("fd00:99::1:1/64", &ports));
        assert_eq!(keep(&kernel, &[v4, v6]).await.len(), 3);
        let nat = |program: &str| {
            let rules = ours(program).into_iter();
            let rules = rules.filter(|line| line.starts_with("-A XDOCK-PORTS"));
            rules.map(|line| line.replace("-A XDOCK-PORTS -p tcp -m tcp --dport ", "")).collect::<Vec<_>>()
        };
        let to = "-m comment --comment \"c1.x\" -j DNAT --to-destination";
        assert_eq!(nat("iptables-save"), [format!("80 {to} 10.99.1.1:80")]);
        assert_eq!(
            nat("ip6tables-save"),
            [format!("80 {to} [fd00:99::1:1]:80"), format!("443 {to} [fd00:99::1:1]:443")]
        );
    });
}

#[test]
fn what_others_changed_is_corrected_and_their_rules_stay() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        let published = [publication("10.99.1.1/16", &every_kind())];
        keep(&kernel, &published).await;
        let theirs = "-A PREROUTING -d 10.0.0.1/32 -j DNAT --to-destination 10.0.0.2";
        run("iptables", &[&["-t", "nat"][..], &theirs.split(' ').collect::<Vec<_>>()].concat());
        run("iptables", &["-t", "nat", "-D", "XDOCK-PORTS", "1"]);
        run("iptables", &["-t", "nat", "-A", "XDOCK-SOURCE", "-j", "RETURN"]);
        run(
            "iptables",
            &["-t", "nat", "-A", "OUTPUT", "-m", "addrtype", "--dst-type", "LOCAL", "-j", "XDOCK-PORTS"],
        );
        run("iptables", &["-P", "FORWARD", "DROP"]);
        run("iptables", &["-I", "FORWARD", "-s", "10.0.0.0/8", "-j", "DROP"]);
        run("sysctl", &["-qw", "net.ipv4.conf.br0.route_localnet=0"]);
        assert_eq!(keep(&kernel, &published).await.len(), 2);
        let forward = run("iptables", &["-S", "FORWARD"]);
        assert_eq!(
            forward.lines().collect::<Vec<_>>(),
            [
                "-P FORWARD DROP",
                "-A FORWARD -m conntrack --ctstate DNAT -j XDOCK-FORWARD",
                "-A FORWARD -s 10.0.0.0/8 -j DROP"
            ]
        );
        assert!(run("iptables-save", &["-t", "nat"]).contains(theirs));
        // the rule for bridged packets and this one do not push each other down
        let bridges = [name("br0")];
        for step in firewall::plan(&bridges, &firewall::observe().await.unwrap()) {
            firewall::apply(&step).await.unwrap();
        }
        keep(&kernel, &published).await;
        assert_eq!(firewall::plan(&bridges, &firewall::observe().await.unwrap()), []);
        run("nft", &["flush", "ruleset"]);
        assert_eq!(keep(&kernel, &published).await.len(), 1);
        keep(&kernel, &[]).await;
        assert_eq!(ours("iptables-save"), [""; 0]);
    });
}

#[test]
fn route_localnet_that_an_administrator_set_stays() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        bridge(&kernel).await;
        run("sysctl", &["-qw", "net.ipv4.conf.br0.route_localnet=1"]);
        assert_eq!(keep(&kernel, &[]).await, []);
        let published = [publication("10.99.1.1/16", &[port(Protocol::Tcp, "10.99.0.11", 80, 80)])];
        keep(&kernel, &published).await;
        let filter = kernel.bridge_filter(&name("br0")).await.unwrap();
        let expected = BridgeFilter { device: name("br0"), v4: true, v6: false, loopback: true };
        assert_eq!(filter, Some(expected));
        assert_eq!(kernel.bridge_filter(&name("br9")).await.unwrap(), None);
    });
}

#[test]
fn a_reserved_port_cannot_be_bound_and_a_bound_one_cannot_be_reserved() {
    alone(async || {
        run("ip", &["link", "set", "lo", "up"]);
        let families = [Family::V4, Family::V6];
        let http = port(Protocol::Tcp, "", 80, 80);
        let reservation = reserve(&http, &families).unwrap();
        for address in ["0.0.0.0:80", "127.0.0.1:80", "[::]:80"] {
            assert!(TcpListener::bind(address).is_err(), "{address}");
        }
        assert!(matches!(reserve(&http, &families), Err(ReserveError::InUse(_))));
        // nobody listens: a client is refused and does not hang
        let refused = TcpStream::connect("127.0.0.1:80").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        drop(reservation);
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let error = reserve(&http, &families).unwrap_err();
        assert_eq!(error.to_string(), "port 80/tcp is in use by a process of this host");
        assert!(reserve(&port(Protocol::Tcp, "10.99.0.11", 80, 80), &families).is_ok(), "another address");
        // connections of a server that ended do not count
        let client = TcpStream::connect("127.0.0.1:80").unwrap();
        let (server, _) = listener.accept().unwrap();
        drop((server, listener));
        assert_eq!((&client).read(&mut [0; 1]).unwrap(), 0);
        drop(client);
        reserve_when_free(&http, &families);
        let dns = port(Protocol::Udp, "", 53, 53);
        let held = UdpSocket::bind("127.0.0.1:53").unwrap();
        assert!(matches!(reserve(&dns, &families), Err(ReserveError::InUse(_))));
        drop(held);
        let _reservation = reserve_when_free(&dns, &families);
        assert!(UdpSocket::bind("127.0.0.1:53").is_err());
        reserve(&port(Protocol::Sctp, "", 9, 9), &families).unwrap();
    });
}

/// Reserves a port that a socket of this process had, of which a starting program may have a copy for a moment.
fn reserve_when_free(port: &PublishedPort, families: &[Family]) -> Reservation {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match reserve(port, families) {
            Err(ReserveError::InUse(_)) if Instant::now() < end => thread::yield_now(),
            reserved => return reserved.unwrap(),
        }
    }
}

/// A starting program has copies of all sockets of this process until its exec has closed them.
#[test]
fn a_released_port_is_free_at_once_while_programs_start() {
    alone(async || {
        run("ip", &["link", "set", "lo", "up"]);
        let done = AtomicBool::new(false);
        let start = || {
            while !done.load(Ordering::Relaxed) {
                run("true", &[]);
            }
        };
        thread::scope(|scope| {
            let starting = [scope.spawn(start), scope.spawn(start)];
            let http = port(Protocol::Tcp, "", 80, 80);
            let failed = (0..500).find_map(|_| {
                drop(reserve_when_free(&http, &[Family::V4, Family::V6]));
                TcpListener::bind("0.0.0.0:80").err()
            });
            done.store(true, Ordering::Relaxed);
            starting.into_iter().for_each(|thread| thread.join().unwrap());
            assert!(failed.is_none(), "{failed:?}");
        });
    });
}

/// A service in a container that answers with the client's address.
fn serve(container: &Namespace, address: &str) {
    let listener = container.run(|| TcpListener::bind(address).unwrap()).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let from = client.peer_addr().unwrap().ip();
            client.write_all(from.to_string().as_bytes()).unwrap();
        }
    });
}

/// The address that the service saw of a client in this thread's namespace; `None`: no connection.
fn seen(to: &str) -> Option<IpAddr> {
    let to: SocketAddr = to.parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

fn seen_from(client: &Namespace, to: &str) -> Option<IpAddr> {
    client.run(|| seen(to)).unwrap()
}

/// Adds an IPv6 address and waits until it can be used: the kernel ends its duplicate address detection on another thread.
async fn add_v6(kernel: &Kernel, device: &IfName, address: &str) {
    let address: IpNet = address.parse().unwrap();
    kernel.add_address(device, address).await.unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while let Err(error) = UdpSocket::bind((address.addr(), 0)) {
        assert!(Instant::now() < end, "{address}: {error}");
        thread::yield_now();
    }
}

/// The same in IPv6, where the kernel has no `route_localnet`.
#[test]
fn ipv6_clients_reach_a_port_and_keep_their_address() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        run("ip", &["link", "set", "lo", "up"]);
        std::fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").unwrap();
        run("ip6tables", &["-P", "FORWARD", "DROP"]);
        let bridge = bridge(&kernel).await;
        add_v6(&kernel, &bridge.name, "fd00:99::11/64").await;
        let mut clients = Vec::new();
        for number in 1..=2 {
            let client = attached(&kernel, bridge.index, number).await;
            let (end, address) = (name(&format!("xc{number}")), format!("fd00:99::1:{number}/64"));
            namespace::within(&client, async || {
                add_v6(&Kernel::open().unwrap(), &end, &address).await;
            });
            clients.push(client);
        }
        serve(&clients[0], "[fd00:99::1:1]:80");
        let ports = [port(Protocol::Tcp, "", 8080, 80)];
        keep(&kernel, &[publication("fd00:99::1:1/64", &ports)]).await;
        for step in firewall::plan(&[name("br0")], &firewall::observe().await.unwrap()) {
            firewall::apply(&step).await.unwrap();
        }
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(seen_from(&clients[1], "[fd00:99::11]:8080"), ip("fd00:99::1:2"), "another machine");
        assert_eq!(seen("[fd00:99::11]:8080"), ip("fd00:99::11"), "the host");
        assert_eq!(seen_from(&clients[0], "[fd00:99::11]:8080"), ip("fd00:99::11"), "itself");
        assert_eq!(seen("[::1]:8080"), None, "the host by its loopback address");
    });
}

/// A client that sends before the port is published, and goes on from the same port.
#[test]
fn a_udp_client_that_began_before_the_rules_is_led_to_the_container() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        run("ip", &["link", "set", "lo", "up"]);
        run("sysctl", &["-qw", "net.ipv4.ip_forward=1"]);
        let bridge = bridge(&kernel).await;
        kernel.add_address(&bridge.name, "10.99.0.11/16".parse().unwrap()).await.unwrap();
        let service = attached(&kernel, bridge.index, 1).await;
        let other = attached(&kernel, bridge.index, 2).await;
        let port80 = port(Protocol::Tcp, "", 8080, 80);
        keep(&kernel, &[publication("10.99.1.1/16", &[port80])]).await;
        let client = other.run(|| UdpSocket::bind("10.99.1.2:5353").unwrap()).unwrap();
        client.send_to(b"lost", "10.99.0.11:5300").unwrap();
        let stale = |flow: &UdpFlow| {
            flow.to == "10.99.0.11:5300".parse().unwrap() && flow.served_by != "10.99.1.1:90".parse().unwrap()
        };
        let udp = port(Protocol::Udp, "", 5300, 90);
        keep(&kernel, &[publication("10.99.1.1/16", &[port80, udp])]).await;
        assert_eq!(forget_udp(stale).unwrap(), 1);
        let server = service.run(|| UdpSocket::bind("10.99.1.1:90").unwrap()).unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.send_to(b"hello", "10.99.0.11:5300").unwrap();
        let mut buffer = [0; 9];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.to_string().as_str()), (&b"hello"[..], "10.99.1.2:5353"));
        assert_eq!(forget_udp(stale).unwrap(), 0);
    });
}

async fn attached(kernel: &Kernel, index: u32, number: u8) -> Namespace {
    let veth = Veth {
        host_end: name(&format!("xh{number}")),
        container_end: name(&format!("xc{number}")),
        mac: mac(&format!("02:42:0a:63:01:0{number}")),
        ..veth(index)
    };
    kernel.attach(&veth).await.unwrap();
    container(kernel, &veth.container_end, &format!("10.99.1.{number}/16")).await
}

/// One Linux bridge with the host's address, a container, another container and a machine on the same Ethernet.
#[test]
fn clients_reach_a_port_and_keep_their_address() {
    alone(async || {
        let kernel = Kernel::open().unwrap();
        run("ip", &["link", "set", "lo", "up"]);
        run("sysctl", &["-qw", "net.ipv4.ip_forward=1"]);
        run("iptables", &["-P", "FORWARD", "DROP"]);
        std::fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0").unwrap();
        let bridge = bridge(&kernel).await;
        kernel.add_address(&bridge.name, "10.99.0.11/16".parse().unwrap()).await.unwrap();
        let service = attached(&kernel, bridge.index, 1).await;
        let other = attached(&kernel, bridge.index, 2).await;
        serve(&service, "10.99.1.1:80");
        let ports = [port(Protocol::Tcp, "", 8080, 80), port(Protocol::Tcp, "10.99.0.11", 81, 80)];
        keep(&kernel, &[publication("10.99.1.1/16", &ports)]).await;
        let bridges: [IfName; 1] = [name("br0")];
        for step in firewall::plan(&bridges, &firewall::observe().await.unwrap()) {
            firewall::apply(&step).await.unwrap();
        }
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(seen_from(&other, "10.99.0.11:8080"), ip("10.99.1.2"), "another machine");
        assert_eq!(seen_from(&other, "10.99.0.11:81"), ip("10.99.1.2"), "at one address");
        assert_eq!(seen("10.99.0.11:8080"), ip("10.99.0.11"), "the host");
        assert_eq!(seen("127.0.0.1:8080"), ip("10.99.0.11"), "the host by its loopback address");
        assert_eq!(seen("127.0.0.1:81"), None, "another address");
        assert_eq!(seen_from(&service, "10.99.0.11:8080"), ip("10.99.0.11"), "itself");
    });
}
