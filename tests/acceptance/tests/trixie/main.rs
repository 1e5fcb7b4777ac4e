//! Debian 13, whose engine (26.1) is six major versions newer than Debian 12's, under two managers: from bare to containers at their addresses,
//! and over a reboot. A failing line says which promise broke.

use acceptance::ask::{answers, install, netd_answers, serve};
use acceptance::soundness::{same, sound};
use acceptance::{Cluster, Failure, Tables};
use lab::plan::default_packages;
use lab::{Manager, Power, Spec};
use tokio::runtime::Runtime;

const HOSTS: [&str; 2] = ["host1", "host2"];

fn provision(runtime: &Runtime) -> Result<Cluster, Failure> {
    runtime.block_on(async {
        let name = format!("trixie{}", std::process::id()).parse()?;
        let suite = "trixie";
        let spec = Spec {
            suite: suite.to_owned(),
            packages: default_packages(suite),
            managers: vec![Manager::Networkd, Manager::NetworkManager],
            ..Spec::new(name, 2)
        };
        Cluster::bare(&spec, &tables(), &|line| eprintln!("  {line}")).await
    })
}

/// Two containers on each host, on `mynet0` and on a dual-stack network.
fn tables() -> Tables {
    let net98 = [("net", "10.98.0.0,fd00:98::"), ("mask", "255.255.0.0,64"), ("mgtifname", "eth1")];
    let br98 = [("nictypes.br98", "bridge"), ("nicdevices.br98", "eth1"), ("nicnetworks.br98", "net98")];
    let tables = Tables::of_lab(2).of_release("debian13");
    let tables = tables.object("net98", "network", &net98).object("dockerhosts", "group", &br98);
    let items = [
        ("groups", "all"),
        ("vmothersettings", acceptance::items::SETTINGS),
        ("vmstorage", acceptance::items::STORAGE),
    ];
    let tables = tables.container("items1", "host1", "10.99.1.90", &items);
    [(1, 1), (1, 2), (2, 1), (2, 2)].into_iter().fold(tables, |tables, (host, number)| {
        let second = format!("10.98.{host}.{number}|fd00:98::{host}:{number}");
        let more = [
            ("nicips.eth1", second.as_str()),
            ("nicnetworks.eth1", "net98"),
            (
                "vmothersettings",
                if (host, number) == (1, 1) { "restart=always;link=host2c1:db" } else { "restart=always" },
            ),
        ];
        let (name, ip) = (format!("host{host}c{number}"), format!("10.99.{host}.{number}"));
        tables.container(&name, &format!("host{host}"), &ip, &more)
    })
}

acceptance::promises![
    a_bare_debian_13_becomes_a_docker_host,
    a_second_run_has_nothing_to_do,
    containers_have_the_addresses_of_the_tables,
    names_are_resolved,
    items_of_docker_run_are_in_force,
    removed_networks_are_created_again_and_joined,
    containers_stop_with_the_host,
    sound_after_a_reboot,
];

/// A bridge of another program, with two machines that exchange packets all the time.
const MACHINES: &str = "ip link add br7 type bridge; ip link set br7 up; for n in 1 2; do \
    ip netns add vm$n; ip link add tap$n type veth peer name eth0 netns vm$n; ip link set tap$n master br7 up; \
    ip -n vm$n addr add 192.168.7.$n/24 dev eth0; ip -n vm$n link set eth0 up; done; \
    until ip netns exec vm1 ping -c1 -W1 192.168.7.2 >/dev/null; do sleep 0.1; done; \
    ip netns exec vm1 ping -i 0.1 192.168.7.2 >/var/tmp/pings 2>&1 & echo $! >/var/tmp/pinger";
const REPLIES: &str = "kill -INT $(cat /var/tmp/pinger); \
    until grep -q 'packet loss' /var/tmp/pings; do sleep 0.1; done; grep -o '[0-9.]*% packet loss' /var/tmp/pings";

async fn a_bare_debian_13_becomes_a_docker_host(cluster: &Cluster) -> Result<(), Failure> {
    cluster.sh("host2", MACHINES).await?;
    hosts_become_docker_hosts(cluster).await?;
    same(
        "lost between machines on a bridge of others",
        cluster.sh("host2", REPLIES).await?.as_str(),
        "0% packet loss",
    )?;
    let again = "systemctl restart docker; ip netns exec vm1 ping -c2 -W2 192.168.7.2";
    cluster.sh("host2", again).await.map(drop)
}

async fn hosts_become_docker_hosts(cluster: &Cluster) -> Result<(), Failure> {
    cluster.updatenode(&HOSTS, "xdock unsigned=yes").await?;
    for host in HOSTS {
        cluster.sh(host, "systemctl is-active docker netd.socket netd.service && docker version").await?;
        cluster.lab.image(host).await?;
    }
    Ok(())
}

async fn a_second_run_has_nothing_to_do(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        let said = cluster.updatenode(&[host], "xdock unsigned=yes").await?;
        for step in ["docker", "network"] {
            if !said.contains(&format!("xdock: {step}: nothing to do")) {
                return Err(format!("{step} did something again on {host}: {said}").into());
            }
        }
    }
    Ok(())
}

async fn containers_have_the_addresses_of_the_tables(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("mk containers --start").await?;
    sound(cluster).await
}

/// Links, names of the cluster, and other names, through Docker's resolver.
async fn names_are_resolved(cluster: &Cluster) -> Result<(), Failure> {
    install(cluster).await?;
    serve(cluster, "host2", "10.99.0.12", "192.0.2.2").await?;
    cluster.sh("host1", "cp /etc/resolv.conf /root/; echo nameserver 10.99.0.12 >> /etc/resolv.conf").await?;
    for (question, answer) in [
        ("A db", "NOERROR 10.99.2.1"),
        ("A db tcp", "NOERROR 10.99.2.1"),
        ("A host2.lab.test", "NOERROR 10.99.0.12"),
        ("PTR 1.2.99.10.in-addr.arpa", "NOERROR host2c1.lab.test"),
        ("A www.example.org", "NOERROR 192.0.2.2"),
    ] {
        answers(cluster, "host1", "host1c1", question, answer).await?;
    }
    netd_answers(cluster, "host1c2", "A db", "NOERROR 192.0.2.2").await?;
    cluster.sh("host1", "cat /root/resolv.conf > /etc/resolv.conf").await?;
    cluster.sh("host2", "systemctl stop name-server").await.map(drop)
}

async fn items_of_docker_run_are_in_force(cluster: &Cluster) -> Result<(), Failure> {
    acceptance::items::are_in_force(cluster, "host1", "items1").await
}

async fn removed_networks_are_created_again_and_joined(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("exec host1c1 -- touch /kept").await?;
    cluster.xdock_done("power host1c[1-2] off").await?;
    cluster.sh("host1", "docker network prune -f").await?;
    cluster.xdock_done("power host1c1 on").await?;
    cluster.xdock_done("mk host1c2 --start").await?;
    cluster.sh("host1", "docker network disconnect net98 host1c2").await?;
    cluster.xdock_done("power host1c2 on").await?;
    cluster.xdock_done("power host1c2 restart").await?;
    cluster.xdock_done("exec host1c1 -- ls /kept").await?;
    sound(cluster).await
}

async fn containers_stop_with_the_host(cluster: &Cluster) -> Result<(), Failure> {
    acceptance::shutdown::containers_stop_with(cluster, "host1").await
}

async fn sound_after_a_reboot(cluster: &Cluster) -> Result<(), Failure> {
    for host in HOSTS {
        cluster.lab.power(host, Power::Off).await?;
        cluster.lab.power(host, Power::On).await?;
    }
    sound(cluster).await
}

fn main() {
    acceptance::promise::run(promises(), provision);
}
