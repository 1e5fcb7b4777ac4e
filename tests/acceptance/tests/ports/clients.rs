//! Who reaches a published port, and which address the service sees.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use crate::service::sees;

acceptance::promises![
    other_hosts_reach_a_port_with_their_own_address,
    the_host_itself_reaches_a_port,
    containers_of_the_network_reach_a_port,
    a_port_at_one_address_is_at_no_other,
    a_range_and_udp_lead_to_their_own_ports,
    a_client_behind_a_gateway_keeps_its_address,
    a_udp_client_that_keeps_sending_follows_the_port,
    published_ports_are_shown,
    a_port_on_a_network_without_host_address_is_reported,
];

async fn other_hosts_reach_a_port_with_their_own_address(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host2", None, "10.99.0.11:8080", "10.99.0.12").await?;
    sees(cluster, "mn", None, "10.99.0.11:8080", "10.99.0.1").await
}

async fn the_host_itself_reaches_a_port(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host1", None, "10.99.0.11:8080", "10.99.0.11").await?;
    sees(cluster, "host1", None, "127.0.0.1:8080", "10.99.0.11").await
}

async fn containers_of_the_network_reach_a_port(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host1", Some("other"), "10.99.0.11:8080", "10.99.1.2").await?;
    sees(cluster, "host2", Some("far"), "10.99.0.11:8080", "10.99.2.1").await?;
    sees(cluster, "host1", Some("web"), "10.99.0.11:8080", "10.99.0.11").await
}

async fn a_port_at_one_address_is_at_no_other(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host1", None, "127.0.0.1:8081", "10.99.0.11").await?;
    sees(cluster, "host2", None, "10.99.0.11:8081", "").await?;
    sees(cluster, "host2", None, "10.99.0.11:8082", "10.99.0.12").await?;
    sees(cluster, "host1", None, "127.0.0.1:8082", "").await
}

async fn a_range_and_udp_lead_to_their_own_ports(cluster: &Cluster) -> Result<(), Failure> {
    sees(cluster, "host2", None, "10.99.0.11:9001", "10.99.0.12").await?;
    sees(cluster, "host2", None, "10.99.0.11:9000", "").await?;
    sees(cluster, "host2", None, "udp/10.99.0.11:7001", "10.99.0.12").await?;
    sees(cluster, "host1", None, "udp/127.0.0.1:7001", "10.99.0.11").await?;
    sees(cluster, "host2", Some("far"), "udp/10.99.0.11:7001", "10.99.2.1").await
}

/// host2 routes between the hosts' network and a machine of another one.
async fn a_client_behind_a_gateway_keeps_its_address(cluster: &Cluster) -> Result<(), Failure> {
    let client = "ip netns add client; ip link add gw type veth peer name eth0 netns client; ip addr add 10.50.0.1/24 dev gw; ip link set gw up; \
        ip -n client addr add 10.50.0.2/24 dev eth0; ip -n client link set eth0 up; ip -n client route add default via 10.50.0.1; \
        iptables -I FORWARD -s 10.50.0.2 -j ACCEPT; iptables -I FORWARD -d 10.50.0.2 -j ACCEPT; sysctl -qw net.ipv4.ip_forward=1";
    cluster.sh("host2", client).await?;
    let ask = "ip netns exec client timeout 5 bash -c 'exec 3<>/dev/tcp/10.99.0.11/8080 && echo hello >&3 && head -n 1 <&3'";
    let seen = cluster.run("host2", ask).await;
    let remove = "ip netns del client; iptables -D FORWARD -s 10.50.0.2 -j ACCEPT; iptables -D FORWARD -d 10.50.0.2 -j ACCEPT";
    cluster.sh("host2", remove).await?;
    same("a client behind host2", seen?.stdout.trim(), "10.50.0.2")
}

/// The client asks before the container runs, and again from the same port.
async fn a_udp_client_that_keeps_sending_follows_the_port(cluster: &Cluster) -> Result<(), Failure> {
    let client = r#"use Socket; socket(S, AF_INET, SOCK_DGRAM, 0); bind(S, pack_sockaddr_in(5353, INADDR_ANY));
        setsockopt(S, SOL_SOCKET, SO_RCVTIMEO, pack("l!l!", 0, 100000)); my $to = pack_sockaddr_in(7001, inet_aton("10.99.0.11"));
        for (1 .. 200) { send(S, "hello", 0, $to); open(F, ">", "/root/udp.sent"); my $text; recv(S, $text, 99, 0); if (length $text) { print $text; exit } } print "nothing""#;
    cluster.write("host2", "/root/udp.pl", client).await?;
    cluster.sh("host1", "docker stop -t 0 web").await?;
    cluster.sh("host2", "systemd-run -q --unit udp-client sh -c 'perl /root/udp.pl >/root/udp.out'").await?;
    let sending = "for i in $(seq 100); do [ -e /root/udp.sent ] && exit 0; sleep 0.1; done; exit 1";
    let sent = cluster.sh("host2", sending).await;
    cluster.sh("host1", "docker start web").await?;
    sent?;
    crate::service::start(cluster).await?;
    let ended = "for i in $(seq 300); do systemctl is-active -q udp-client || break; sleep 0.1; done; cat /root/udp.out";
    same("the client", cluster.sh("host2", ended).await?.trim(), "10.99.0.12")
}

async fn published_ports_are_shown(cluster: &Cluster) -> Result<(), Failure> {
    let ports = "8080->80/tcp, 9000-9001->79-80/tcp, 10.99.0.11:8082->80/tcp, 127.0.0.1:8081->80/tcp, 7000-7002->7000-7002/udp";
    let long = cluster.xdock_done("ls -l web").await?;
    same("ls -l", &long.trim_end().ends_with(ports), &true).map_err(|_| long)?;
    let status = cluster.sh("host1", "netd status").await?;
    same("netd status", &status.contains(&format!("publishes {ports}")), &true).map_err(|_| status.into())
}

async fn a_port_on_a_network_without_host_address_is_reported(cluster: &Cluster) -> Result<(), Failure> {
    cluster.xdock_done("mk lan --start").await?;
    cluster.sh("host2", "netd reconcile 2>/dev/null || true").await?;
    let status = cluster.sh("host2", "netd status").await?;
    let problem = "problem: lan does not publish 8080->80/tcp, 8443->443/tcp: host2 has no address of that family on net97 (10.97.0.0/16); connect to the container's own address";
    let ran = cluster.xdock("host host2 status").await?;
    let from_far = format!("{}{}", ran.stdout, ran.stderr);
    cluster.xdock_done("rm -f lan").await?;
    same("netd status", &status.contains(problem), &true).map_err(|_| status)?;
    let problem = problem.trim_start_matches("problem: ");
    same("host status", &from_far.contains(problem), &true).map_err(|_| from_far.into())
}
