//! DNS in the network namespaces of containers.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use inventory::{HostName, Link, Names, OwnSettings, Snapshot, SnapshotNode};
use serde_json::json;

use super::support::{Host, at, id, run, snapshot};

/// A request for the addresses of a name (RFC 1035, 4.1).
pub(super) fn request(name: &str) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// Response code and addresses, of an answer without other records before them.
pub(super) fn answer(message: &[u8]) -> String {
    let count = u16::from_be_bytes([message[6], message[7]]);
    let addresses = message.rchunks(16).take(count.into()).map(|record| {
        let [.., a, b, c, d] = record else { panic!("{message:?}") };
        format!("{a}.{b}.{c}.{d}")
    });
    let mut shown: Vec<String> = addresses.collect();
    shown.reverse();
    match message[3] & 0x0f {
        0 => shown.join(","),
        code => format!("code {code}"),
    }
}

pub(super) fn in_container<T: Send>(container: &str, work: impl FnOnce() -> T + Send) -> T {
    hostnet::netns::run(&Path::new("/run/netns").join(container), work).unwrap()
}

/// What a container is told about a name, by UDP and by TCP. `None`: nobody answers.
fn asked(container: &str, name: &str) -> Option<String> {
    let request = request(name);
    in_container(container, || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.connect("127.0.0.12:53").unwrap();
        socket.send(&request).ok()?;
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).ok()?;
        let by_udp = answer(&buffer[..length]);

        let mut stream = TcpStream::connect("127.0.0.12:53").unwrap();
        let length = u16::try_from(request.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length, request.as_slice()].concat()).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut message = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut message).unwrap();
        assert_eq!(answer(&message), by_udp, "by TCP");
        Some(by_udp)
    })
}

/// d1 has a link to d9 of another host, and its own name server at 127.0.0.1 of the host.
fn tables(version: u64) -> Snapshot {
    let plain = snapshot(version);
    let link = Link { node: "d9".parse().unwrap(), alias: "db".to_owned() };
    let own = OwnSettings { dns: vec!["127.0.0.1".parse().unwrap()], ..OwnSettings::default() };
    let nodes = plain.nodes.into_iter().map(|node| match node.node.as_str() {
        "d1" => SnapshotNode { links: vec![link.clone()], own: own.clone().boxed(), ..node },
        _ => node,
    });
    let host = HostName { name: "dh1".into(), addresses: vec!["10.99.0.11".parse().unwrap()], alias: false };
    let names = Names::new(Some("lab.test".into()), vec![], vec![host]);
    Snapshot::seal(plain.host, version, plain.networks, nodes.collect()).naming(names)
}

pub(super) fn host() -> Host {
    let mut host = Host::up();
    host.write_snapshot(&tables(7));
    host.start();
    host.create_network();
    host
}

#[test]
fn a_link_is_known_to_its_consumer_and_follows_the_tables() {
    let mut host = host();
    let one = host.start_container(&id('a'), "d1", "10.99.1.1");
    let two = host.start_container(&id('b'), "d2", "10.99.1.2");
    assert_eq!(asked(&one, "db").as_deref(), Some("10.99.1.9"));
    assert_eq!(asked(&one, "DH1.lab.TEST").as_deref(), Some("10.99.0.11"));
    assert_eq!(asked(&two, "d9.lab.test").as_deref(), Some("10.99.1.9"));
    assert_ne!(asked(&two, "db").as_deref(), Some("10.99.1.9"), "d2 has no link");

    load(&host, &tables(8).to_text().replace("10.99.1.9", "10.99.1.99"));
    assert_eq!(asked(&one, "db").as_deref(), Some("10.99.1.99"));
}

/// Loads tables that were changed as text.
fn load(host: &Host, text: &str) {
    let nodes: Snapshot = serde_json::from_str(text).unwrap();
    let sealed = Snapshot::seal(nodes.host, nodes.version, nodes.networks, nodes.nodes).naming(nodes.names);
    let path = host.path("new.json");
    std::fs::write(&path, sealed.to_text()).unwrap();
    let loaded = host.netd(&["snapshot", "load", path.to_str().unwrap()]);
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
}

/// Docker's files of a container, with the lines of /etc/hosts that Docker writes.
fn docker_files(host: &Host, container: &str, labels: &serde_json::Value) -> PathBuf {
    let directory = host.path("docker/containers").join(id('c'));
    std::fs::create_dir_all(&directory).unwrap();
    let sandbox = format!("/run/netns/{container}");
    let config = json!({"Config": {"Labels": labels}, "NetworkSettings": {"SandboxKey": sandbox}});
    std::fs::write(directory.join("config.v2.json"), config.to_string()).unwrap();
    let hosts = directory.join("hosts");
    std::fs::write(&hosts, "127.0.0.1\tlocalhost\n10.99.1.8\tdb\n10.99.1.8\tmine\n10.99.1.1\td1\n").unwrap();
    hosts
}

fn host_with_docker() -> Host {
    let mut host = Host::up();
    host.write_snapshot(&tables(7));
    host.arguments.push(format!("--docker-root={}", host.path("docker").display()));
    host.start();
    host.create_network();
    host
}

#[test]
fn lines_of_links_in_etc_hosts_follow_the_tables() {
    let mut host = host_with_docker();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    let labels = json!({"xdock.node": "d1", "xdock.links": "db:10.99.1.8,d9:10.99.1.8"});
    let hosts = docker_files(&host, &container, &labels);
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap());
    let before = inode(&hosts);
    let lines = |address: &str| {
        let lines = ["db", "d9"].map(|name| format!("{address}\t{name}\t# link of xdock\n"));
        format!("127.0.0.1\tlocalhost\n{}10.99.1.8\tmine\n10.99.1.1\td1\n", lines.concat())
    };
    host.netd(&["reconcile"]);
    assert_eq!(std::fs::read_to_string(&hosts).unwrap(), lines("10.99.1.9"));

    let moved = tables(8).to_text().replace("10.99.1.9", "10.99.1.99");
    load(&host, &moved);
    host.until("netd has corrected it", |_| std::fs::read_to_string(&hosts).unwrap() == lines("10.99.1.99"));
    assert_eq!(inode(&hosts), before, "Docker has mounted this file");

    // a link of the container to a file of the host is not followed
    let other = host.path("other");
    std::fs::write(&other, "10.99.1.8\tdb\n").unwrap();
    std::fs::remove_file(&hosts).unwrap();
    std::os::unix::fs::symlink(&other, &hosts).unwrap();
    let failed = host.netd(&["reconcile"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(said.contains("(/etc/hosts of a container)"), "{said}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "10.99.1.8\tdb\n");
}

/// Such a container is of a person, or of an earlier release.
#[test]
fn a_container_without_the_label_keeps_its_etc_hosts() {
    for labels in
        [json!(null), json!({"xdock.node": "d1"}), json!({"xdock.node": "d2", "xdock.links": "db:10.99.1.8"})]
    {
        let mut host = host_with_docker();
        let container = host.start_container(&id('a'), "d1", "10.99.1.1");
        let hosts = docker_files(&host, &container, &labels);
        let before = std::fs::read_to_string(&hosts).unwrap();
        host.netd(&["reconcile"]);
        assert_eq!(std::fs::read_to_string(&hosts).unwrap(), before);
    }
}

#[test]
fn requests_for_other_names_go_to_the_container_s_own_servers() {
    let mut host = host();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    assert_eq!(asked(&container, "example.test").as_deref(), Some("code 2"), "no server answers: SERVFAIL");
    let server = host.inside(|| UdpSocket::bind("127.0.0.1:53").unwrap());
    let serve = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        let mut answer = buffer[..length].to_vec();
        (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        server.send_to(&answer, from).unwrap();
    });
    let request = request("example.test");
    let told = in_container(&container, || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.12:53").unwrap();
        socket.send(&request).unwrap();
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        (buffer[..2].to_vec(), answer(&buffer[..length]))
    });
    assert_eq!(told, (vec![0x12, 0x34], "192.0.2.7".to_owned()));
    serve.join().unwrap();
}

#[test]
fn sockets_are_opened_again_after_a_kill_and_closed_with_the_container() {
    let mut host = host();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    host.kill();
    assert_eq!(asked(&container, "db"), None);
    host.start();
    host.until("netd answers", |_| asked(&container, "db").as_deref() == Some("10.99.1.9"));
    host.granted("NetworkDriver.Leave", &at(&id('a')));
    host.until("netd closed its sockets", |_| asked(&container, "db").is_none());
}

/// dockerd was killed and removes the sandbox without a call.
#[test]
fn sockets_do_not_keep_a_removed_container_alive() {
    let mut host = host();
    let container = host.start_container(&id('a'), "d1", "10.99.1.1");
    assert_eq!(host.status()["endpoints"][0]["state"], "joined");
    run("ip", &format!("netns del {container}"));
    let begun = Instant::now();
    host.until("the kernel removed the pair", |host| host.devices().is_empty());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    host.until("the record is gone", |host| host.records() == 0);
}

/// Engine 20.10 creates the namespace after `Join`.
#[test]
fn a_namespace_that_comes_after_join_gets_its_sockets_at_once() {
    let host = host();
    host.begin(&id('a'), "d1", "10.99.1.1");
    let container = format!("{}-late", host.name);
    let sandbox = PathBuf::from("/run/netns").join(&container);
    let join = json!({"NetworkID": super::support::NETWORK, "EndpointID": id('a'), "SandboxKey": sandbox, "Options": {}});
    host.granted("NetworkDriver.Join", &join);
    run("ip", &format!("netns add {container}"));
    // so that netd finds it without an address
    std::thread::sleep(Duration::from_millis(30));
    run("ip", &format!("-n {container} link set lo up"));
    let begun = Instant::now();
    while asked(&container, "db").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", host.log());
    }
    run("ip", &format!("netns del {container}"));
}
