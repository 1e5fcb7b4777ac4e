//! A host that reaches only its management node, with the real apt-get: it says what is missing within a minute.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hostnet::netns::Namespace;

use crate::host::{Host, OTHERPKGS};
use crate::management::ManagementNode;

/// What apt-get is and runs.
const FILES: [&str; 5] = [
    "/usr/share/dpkg/cputable",
    "/usr/share/dpkg/tupletable",
    "/usr/bin/apt-get",
    "/usr/lib/apt/methods/http",
    "/usr/lib/apt/methods/gpgv",
];

/// Puts programs of this machine and their libraries at the same places of the host.
fn copy(host: &Host, program: &str) {
    assert!(Path::new(program).exists(), "this test needs {program}: run it on a Debian");
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
    for file in libraries.chain([program]) {
        let to = host.path(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
}

fn debian() -> Host {
    let host = Host::of("debian-12").script("dpkg", "");
    FILES.into_iter().for_each(|program| copy(&host, program));
    // mirrors at documentation addresses (RFC 5737) never answer
    let mirrors = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.2"];
    let lines = mirrors.map(|mirror| {
        format!(
            "deb http://{mirror}/debian bookworm main\ndeb http://{mirror}/debian bookworm-updates main\n"
        )
    });
    host.write("/etc/apt/sources.list", &lines.concat());
    host.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/bin/sh\n");
    for directory in ["/var/lib/apt/lists/partial", "/var/cache/apt/archives/partial", "/etc/apt/apt.conf.d"]
    {
        host.write(&format!("{directory}/.keep"), "");
    }
    host.write("/etc/apt/preferences.d/.keep", "");
    host.write("/var/lib/dpkg/status", "");
    host
}

#[test]
fn missing_packages_are_reported_within_a_minute() {
    let (host, namespace) = (debian(), Namespace::new().unwrap());
    let started = Instant::now();
    let (ran, url) = namespace
        .run(|| {
            for words in [
                "link set lo up",
                "link add eth0 type veth peer name peer0",
                "link set peer0 up",
                "link set eth0 up",
                "address add 10.99.0.11/16 dev eth0",
                // a router that drops all: it is never asked for its MAC, and nobody has that
                "neighbour add 10.99.0.1 lladdr 02:00:00:00:00:99 dev eth0",
                "route add default via 10.99.0.1",
            ] {
                let done = Command::new("ip").args(words.split(' ')).status().unwrap();
                assert!(done.success(), "ip {words}");
            }
            let mn = ManagementNode::serving(&[]);
            (host.run(&mn, &[]), mn.url(OTHERPKGS))
        })
        .unwrap();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    let text = format!(
        "[E]:Error: xdock: docker: cannot install docker.io iptables from the host's own sources; a host that reaches only the management node needs them and their dependencies in {url}, with an index (dpkg-scanpackages . >Packages), and unsigned=yes if they are not signed: apt-get "
    );
    assert!(ran.stderr.starts_with(&text) && ran.stderr.contains(" update "), "{}", ran.stderr);
    assert_eq!(ran.code, 1);
}
