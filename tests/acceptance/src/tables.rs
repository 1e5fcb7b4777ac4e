//! The cluster's tables of a trial, as a stanza file.

use std::fmt::Write as _;

/// A stanza file being written, an object at a time.
#[derive(Debug, Clone)]
pub struct Tables(String);

impl Tables {
    /// The site, the lab's flat network `mynet0`, and the hosts `host1` to `hostN` at the lab's addresses.
    pub fn of_lab(hosts: u8) -> Self {
        Self::of_lab_with(hosts, &[("net", "10.99.0.0"), ("mask", "255.255.0.0"), ("mgtifname", "eth0")])
    }

    /// The same with another row for `mynet0`.
    pub fn of_lab_with(hosts: u8, mynet0: &[(&str, &str)]) -> Self {
        Self::of_lab_named(hosts, "mynet0", mynet0)
    }

    /// The same with another name of the network.
    pub fn of_lab_named(hosts: u8, network: &str, row: &[(&str, &str)]) -> Self {
        Self("# <xCAT data object stanza file>\n".to_owned())
            .object("clustersite", "site", &[("domain", "lab.test"), ("master", "10.99.0.1")])
            .object(network, "network", row)
            .hosts(hosts)
    }

    fn hosts(self, hosts: u8) -> Self {
        (1..=hosts).fold(self, |tables, number| {
            let address = format!("10.99.0.{}", 10 + u16::from(number));
            let attributes = [
                ("groups", "dockerhosts,all"),
                ("ip", &address),
                ("mgt", "ipmi"),
                ("os", "debian12"),
                ("arch", "x86_64"),
                ("profile", "compute"),
                ("xcatmaster", "10.99.0.1"),
            ];
            tables.object(&format!("host{number}"), "node", &attributes)
        })
    }

    /// The same with another operating system on the hosts that are there.
    #[must_use]
    pub fn of_release(self, os: &str) -> Self {
        Self(self.0.replace("os=debian12\n", &format!("os={os}\n")))
    }

    /// Adds an object.
    #[must_use]
    pub fn object(mut self, name: &str, kind: &str, attributes: &[(&str, &str)]) -> Self {
        // writing to a String cannot fail
        let _ = write!(self.0, "\n{name}:\n    objtype={kind}\n");
        for (attribute, value) in attributes {
            let _ = writeln!(self.0, "    {attribute}={value}");
        }
        self
    }

    /// Adds a container node that idles, where `more` says nothing else.
    #[must_use]
    pub fn container(self, name: &str, host: &str, ip: &str, more: &[(&str, &str)]) -> Self {
        let usual = [
            ("groups", "containers,all"),
            ("mgt", "docker"),
            ("ip", ip),
            ("vmhost", host),
            ("provmethod", IDLE),
        ];
        let usual = usual.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        let attributes: Vec<_> = usual.chain(more).copied().collect();
        self.object(name, "node", &attributes)
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// An idle program that ends at once on SIGTERM.
const IDLE: &str = "busybox!sh,-c,trap exit TERM; while :; do sleep 1000 & wait; done";

/// A web server that ends at once on SIGTERM.
const WEB: &str = "busybox!sh,-c,httpd -p 80; trap exit TERM; while :; do sleep 1000 & wait; done";

/// Three hosts, twelve containers on two networks (`mynet0` over `eth0`, dual stack `net98` over `eth1`), and sixteen more on
/// host2's `mynet0`, all restarted by Docker; thirty nodes `crowd1`.. of host3 that are not made at first. The first container
/// of each host is a web server at port 8080 of its host, and has a link `next` to that of the next host.
pub fn three_hosts_two_networks() -> Tables {
    let net98 = [("net", "10.98.0.0,fd00:98::"), ("mask", "255.255.0.0,64"), ("mgtifname", "eth1")];
    let br98 = [("nictypes.br98", "bridge"), ("nicdevices.br98", "eth1"), ("nicnetworks.br98", "net98")];
    let tables = Tables::of_lab(3).object("net98", "network", &net98).object("dockerhosts", "group", &br98);
    let tables =
        (1..=3).flat_map(|host| (1..=4).map(move |number| (host, number))).fold(tables, on_two_networks);
    let tables = (1..=16).fold(tables, |tables, number| {
        let (name, ip) = (format!("host2r{number}"), format!("10.99.2.{}", 100 + number));
        tables.container(&name, "host2", &ip, &[("vmothersettings", "restart=always")])
    });
    (1..=30).fold(tables, |tables, number| {
        let (name, ip) = (format!("crowd{number}"), format!("10.99.33.{number}"));
        tables.container(&name, "host3", &ip, &[("groups", "crowd,all")])
    })
}

fn on_two_networks(tables: Tables, (host, number): (u8, u8)) -> Tables {
    let second = format!("10.98.{host}.{number}|fd00:98::{host}:{number}");
    let served = format!("restart=always;port=8080:80;link=host{}c1:next", host % 3 + 1);
    let (settings, image) = if number == 1 { (served.as_str(), WEB) } else { ("restart=always", IDLE) };
    let mut more = vec![
        ("nicips.eth1", second.as_str()),
        ("nicnetworks.eth1", "net98"),
        ("vmothersettings", settings),
        ("provmethod", image),
    ];
    // one with limits and a MAC of its own; the others' MACs are derived
    if (host, number) == (1, 1) {
        more.extend([("vmcpus", "1.5"), ("vmmemory", "64"), ("mac", "02:42:0a:63:01:01")]);
    }
    tables.container(
        &format!("host{host}c{number}"),
        &format!("host{host}"),
        &format!("10.99.{host}.{number}"),
        &more,
    )
}
