//! Published ports on Open vSwitch: clients on the uplink, in a VLAN and without, and in other containers.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use hostnet::netns::Namespace;
use hostnet::ovs::{
    BridgeSpec, Flow, FlowCounts, HostPort, PortSpec, Purpose, Switch, SwitchedPorts, filter_flows,
    publish_flows,
};
use hostnet::{Identity, Kernel, PortFilter, Veth};
use inventory::{IfName, MacAddr, Protocol, PublishedPort};
use ipnet::IpNet;

use super::namespace::{alone, mac, name, namespace, veth, within};
use super::switch::Daemons;
use super::{LONG, bridge, port, ready, until};

const HOST: [&str; 2] = ["10.99.0.11", "fd00:99::11"];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn mac_of(number: u8) -> MacAddr {
    mac(&format!("02:42:0a:63:01:0{number}"))
}

/// Adds an IPv6 address and waits until it can be used.
async fn add_address(kernel: &Kernel, device: &IfName, address: &str) {
    let address: IpNet = address.parse().unwrap();
    kernel.add_address(device, address).await.unwrap();
    let end = Instant::now() + LONG;
    while let Err(error) = UdpSocket::bind((address.addr(), 0)) {
        assert!(Instant::now() < end, "{address}: {error}");
        thread::yield_now();
    }
}

/// A container on a bridge with the addresses 10.99.1.NUMBER and fd00:99::1:NUMBER.
async fn attached(kernel: &Kernel, switch: &Switch, number: u8, bridge: &str, tag: u16) -> Namespace {
    let pair = Veth {
        host_end: name(&format!("xh{number}")),
        container_end: name(&format!("xc{number}")),
        mac: mac_of(number),
        bridge: None,
        ..veth(0)
    };
    kernel.attach(&pair).await.unwrap();
    kernel.isolate_from_host_ip(&pair.host_end).await.unwrap();
    kernel.disable_tx_checksum_offload(&pair.container_end).await.unwrap();
    let container = namespace();
    kernel.move_to(&pair.container_end, &container).await.unwrap();
    within(&container, async || {
        let (kernel, end) = (Kernel::open().unwrap(), &pair.container_end);
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/accept_dad"), "0").unwrap();
        kernel.set_up(end, true).await.unwrap();
        add_address(&kernel, end, &format!("10.99.1.{number}/16")).await;
        add_address(&kernel, end, &format!("fd00:99::1:{number}/64")).await;
    });
    let spec = PortSpec { bridge: name(bridge), port: pair.host_end, ..port(Some(tag)) };
    switch.attach_port(&spec).await.unwrap();
    container
}

/// The host's bridge `br0`, whose uplink leads to `br1` of the same switch, where a machine is another port.
struct Stage {
    daemons: Daemons,
    switch: Switch,
    /// 10.99.1.1, with services: TCP on 80 to 83, UDP on 90.
    service: Namespace,
    /// 10.99.1.2, a container beside it.
    other: Namespace,
    /// 10.99.1.3, a machine on the network.
    machine: Namespace,
    host: HostPort,
}

impl Stage {
    async fn new(vlan: Option<u16>) -> Self {
        let (daemons, kernel, switch) = ready().await;
        let tag = vlan.unwrap_or(0);
        switch.set_tag(&name("br0"), Some(tag)).await.unwrap();
        let far = BridgeSpec { name: name("br1"), mac: None, uplink: Some(name("far0")), ..bridge() };
        switch.add_bridge(&far).await.unwrap();
        for port in ["up0", "far0"] {
            kernel.isolate_from_host_ip(&name(port)).await.unwrap();
        }
        let local = kernel.link(&name("br0")).await.unwrap().unwrap();
        std::fs::write("/proc/sys/net/ipv6/conf/br0/accept_dad", "0").unwrap();
        kernel.disable_tx_checksum_offload(&local.name).await.unwrap_or_default();
        kernel.set_up(&local.name, true).await.unwrap();
        add_address(&kernel, &local.name, "10.99.0.11/16").await;
        add_address(&kernel, &local.name, "fd00:99::11/64").await;
        let service = attached(&kernel, &switch, 1 + 4, "br0", tag).await;
        let other = attached(&kernel, &switch, 2 + 4, "br0", tag).await;
        let machine = attached(&kernel, &switch, 3 + 4, "br1", tag).await;
        serve(&service);
        let host = HostPort { mac: local.mac.unwrap(), addresses: Vec::new(), vlan };
        Self { daemons, switch, service, other, machine, host }
    }

    fn published(&self, ports: &[PublishedPort]) -> Vec<SwitchedPorts> {
        let of = |(own, host): (&str, &str)| SwitchedPorts {
            mac: mac_of(5),
            address: ip(own),
            clients: None,
            ports: ports.to_vec(),
            host: HostPort { addresses: vec![ip(host)], ..self.host.clone() },
        };
        ["10.99.1.5", "fd00:99::1:5"].into_iter().zip(HOST).map(of).collect()
    }

    /// Adds the flows, also the filters of the containers.
    async fn publish(&self, ports: &[PublishedPort]) -> Vec<Flow> {
        let flows = publish_flows(&self.published(ports));
        self.switch.change_flows(&name("br0"), &flows, &[]).await.unwrap();
        for number in [5, 6] {
            let addresses = vec![ip(&format!("10.99.1.{number}")), ip(&format!("fd00:99::1:{number}"))];
            let identity = Identity { mac: mac_of(number), addresses, further: Vec::new() };
            let filter = PortFilter { identity: Some(identity), isolation: None };
            let port = self.daemons.vsctl(&format!("get interface xh{number} ofport")).parse().unwrap();
            let flows = filter_flows(&filter, port);
            self.switch.set_port_flows(&name("br0"), port, &flows).await.unwrap();
        }
        flows
    }

    async fn counts(&self) -> FlowCounts {
        self.switch.flows(&name("br0"), Purpose::Publish).await.unwrap()
    }
}

/// So many bytes ask for an answer that is longer than a frame.
const FOR_LONG_ANSWER: usize = 11;

/// TCP on 80 to 83, UDP on 90: each answers with the client's address.
fn serve(container: &Namespace) {
    for number in 80..=83_u16 {
        let listener = container.run(|| TcpListener::bind(("::", number)).unwrap()).unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let from = client.peer_addr().unwrap().ip().to_canonical();
                client.write_all(format!("{from} {number}").as_bytes()).unwrap();
            }
        });
    }
    let socket = container.run(|| UdpSocket::bind("[::]:90").unwrap()).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 9000];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let mut answer = from.ip().to_canonical().to_string().into_bytes();
            answer.resize(if length == FOR_LONG_ANSWER { 5000 } else { answer.len() }, b' ');
            socket.send_to(&answer, from).unwrap();
        }
    });
}

/// What the service answers to a TCP client; empty: nothing.
fn tcp(client: &Namespace, to: &str, port: u16) -> String {
    let to = SocketAddr::new(ip(to), port);
    let connect = || {
        let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    };
    client.run(connect).unwrap().unwrap_or_default()
}

/// The same with UDP and so many bytes.
fn udp(client: &Namespace, to: &str, port: u16, length: usize) -> String {
    udp_from(client, 0, to, port, length)
}

fn udp_from(client: &Namespace, own: u16, to: &str, port: u16, length: usize) -> String {
    let to = SocketAddr::new(ip(to), port);
    let ask = || {
        let from = if to.is_ipv4() { "0.0.0.0" } else { "::" };
        let socket = UdpSocket::bind((from, own)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        socket.connect(to).unwrap();
        socket.send(&vec![b' '; length]).ok()?;
        let mut buffer = [0; 9000];
        let received = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..received]).trim().to_owned())
    };
    client.run(ask).unwrap().unwrap_or_default()
}

fn published(protocol: Protocol, host: u16, container: u16) -> PublishedPort {
    PublishedPort { protocol, address: None, host, container }
}

fn ports() -> Vec<PublishedPort> {
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    vec![
        published(tcp, 8080, 80),
        published(tcp, 81, 81),
        published(tcp, 82, 82),
        published(udp, 5300, 90),
        published(udp, 5301, 92),
        published(Protocol::Sctp, 9, 9),
        PublishedPort { address: Some(ip("10.99.0.99")), ..published(tcp, 8083, 83) },
    ]
}

/// All clients, over both families.
fn clients_keep_their_addresses(stage: &Stage) {
    for (at, host) in HOST.into_iter().enumerate() {
        let own = |number: u8| [format!("10.99.1.{number}"), format!("fd00:99::1:{number}")][at].clone();
        for (client, number) in [(&stage.machine, 7), (&stage.other, 6)] {
            let from = own(number);
            for (asked, answers) in [(8080, 80), (81, 81), (82, 82)] {
                assert_eq!(tcp(client, host, asked), format!("{from} {answers}"), "{asked}");
            }
            assert_eq!(udp(client, host, 5300, 10), from);
            assert_eq!(udp(client, host, 5300, FOR_LONG_ANSWER), from, "an answer in fragments");
            // without the host
            assert_eq!(tcp(client, &own(5), 80), format!("{from} 80"));
            assert_eq!(udp(client, &own(5), 90, 10), from);
            assert_eq!(tcp(client, host, 8083), "", "another address");
        }
    }
}

#[test]
fn clients_of_published_ports_keep_their_addresses() {
    for vlan in [None, Some(5)] {
        alone(async || {
            let stage = Stage::new(vlan).await;
            let flows = stage.publish(&ports()).await;
            clients_keep_their_addresses(&stage);
            let counts = stage.counts().await;
            assert_eq!(counts.len(), flows.len());
            // nothing is left of them
            let cookies: Vec<u64> = counts.into_keys().collect();
            stage.switch.change_flows(&name("br0"), &[], &cookies).await.unwrap();
            assert!(stage.counts().await.is_empty());
            // the datapath forgets what it learned from former flows a moment later
            until("nobody answers", async || tcp(&stage.machine, HOST[0], 8080).is_empty()).await;
            assert_eq!(tcp(&stage.machine, "10.99.1.5", 80), "10.99.1.7 80");
        });
    }
}

/// The port of a container that stopped goes to another one: the same client's packets follow.
#[test]
fn connections_to_a_former_container_do_not_count() {
    alone(async || {
        let stage = Stage::new(None).await;
        let before = stage.publish(&[published(Protocol::Udp, 5300, 91)]).await;
        assert_eq!(udp_from(&stage.machine, 5353, HOST[0], 5300, 10), "", "nobody listens there");
        let after = publish_flows(&stage.published(&[published(Protocol::Udp, 5300, 90)]));
        let old: Vec<u64> = before.iter().filter(|flow| !after.contains(flow)).map(Flow::cookie).collect();
        stage.switch.change_flows(&name("br0"), &after, &old).await.unwrap();
        // the datapath forgets what it learned from former flows a moment later
        until("the answer", async || udp_from(&stage.machine, 5353, HOST[0], 5300, 10) == "10.99.1.7").await;
    });
}

/// A client that ended refuses the answer.
#[test]
fn errors_about_answers_reach_the_container() {
    alone(async || {
        let stage = Stage::new(None).await;
        stage.publish(&ports()).await;
        for host in HOST {
            let service = stage.service.run(|| UdpSocket::bind("[::]:92").unwrap()).unwrap();
            service.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let ask = || {
                let own = if ip(host).is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                UdpSocket::bind(own).unwrap().send_to(b"hello", (ip(host), 5301)).unwrap();
            };
            stage.machine.run(ask).unwrap();
            let (_, client) = service.recv_from(&mut [0; 9]).unwrap();
            service.connect(client).unwrap();
            service.send(b"late").unwrap();
            let refused = service.recv(&mut [0; 9]).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{host}");
        }
    });
}

/// A container sends from its published port to a machine that never connected to it.
#[test]
fn a_container_cannot_use_the_flows_to_send_as_the_host() {
    alone(async || {
        let stage = Stage::new(None).await;
        stage.publish(&ports()).await;
        let heard = stage.machine.run(|| UdpSocket::bind("0.0.0.0:7000").unwrap()).unwrap();
        heard.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let from = stage.service.run(|| UdpSocket::bind("10.99.1.5:92").unwrap());
        from.unwrap().send_to(b"hello", "10.99.1.7:7000").unwrap();
        let (_, sender) = heard.recv_from(&mut [0; 9]).unwrap();
        assert_eq!(sender.to_string(), "10.99.1.5:92");
    });
}

#[test]
fn a_datapath_without_connection_tracking_refuses_the_flows() {
    alone(async || {
        let stage = Stage::new(None).await;
        stage.daemons.appctl("dpif/set-dp-features br0 ct_state false");
        let flows = publish_flows(&stage.published(&ports()));
        let error = stage.switch.change_flows(&name("br0"), &flows, &[]).await.unwrap_err();
        assert!(error.is_refusal(), "{error:?}");
        stage.switch.remove_flows(&name("br0"), Purpose::Publish).await.unwrap();
        assert!(stage.counts().await.is_empty());
        // no answer is no refusal
        let mut daemons = stage.daemons;
        daemons.kill_vswitchd();
        let gone = stage.switch.change_flows(&name("br0"), &flows, &[]).await.unwrap_err();
        assert!(!gone.is_refusal(), "{gone:?}");
    });
}
