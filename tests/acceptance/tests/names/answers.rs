//! What containers are answered.

use acceptance::soundness::same;
use acceptance::{Cluster, Failure};

use crate::FARM;
use acceptance::ask::{answers, asked, asked_while, netd_answers, serve};

acceptance::promises![
    only_the_consumer_resolves_a_link,
    one_alias_leads_to_different_targets,
    addresses_have_names,
    names_have_addresses_of_both_families,
    a_large_answer_comes_by_tcp,
    other_names_are_forwarded,
    a_container_that_left_a_network_still_resolves,
    a_thousand_requests_a_second_are_answered,
];

async fn only_the_consumer_resolves_a_link(cluster: &Cluster) -> Result<(), Failure> {
    answers(cluster, "host1", "web", "A db", "NOERROR 10.99.2.1").await?;
    answers(cluster, "host1", "web", "A db tcp", "NOERROR 10.99.2.1").await?;
    netd_answers(cluster, "plain", "A db", "SERVFAIL").await
}

async fn one_alias_leads_to_different_targets(cluster: &Cluster) -> Result<(), Failure> {
    answers(cluster, "host1", "app", "A db", "NOERROR 10.99.2.2").await?;
    let programs = "for c in web app; do docker exec $c ping -c 1 -w 5 db | head -n 1; done";
    let said = cluster.sh("host1", programs).await?;
    let addresses: Vec<&str> = said.lines().filter_map(|line| line.split(['(', ')']).nth(1)).collect();
    same("who ping finds", &addresses, &vec!["10.99.2.1", "10.99.2.2"])
}

async fn addresses_have_names(cluster: &Cluster) -> Result<(), Failure> {
    for (address, name) in [
        ("1.2.99.10.in-addr.arpa", "data.lab.test"),
        ("13.0.99.10.in-addr.arpa", "host3.lab.test"),
        ("1.2.98.10.in-addr.arpa", "data-eth1.lab.test"),
        ("1.0.0.0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.9.0.0.0.0.d.f.ip6.arpa", "data-eth1.lab.test"),
    ] {
        answers(cluster, "host1", "web", &format!("PTR {address}"), &format!("NOERROR {name}")).await?;
    }
    Ok(())
}

async fn names_have_addresses_of_both_families(cluster: &Cluster) -> Result<(), Failure> {
    for (question, answer) in [
        ("A host3.lab.test", "NOERROR 10.99.0.13"),
        ("A data-eth1", "NOERROR 10.98.2.1"),
        ("AAAA data-eth1.lab.test", "NOERROR fd00:98::2:1"),
        ("AAAA db", "NOERROR"),
    ] {
        answers(cluster, "host1", "web", question, answer).await?;
    }
    Ok(())
}

async fn a_large_answer_comes_by_tcp(cluster: &Cluster) -> Result<(), Failure> {
    answers(cluster, "host1", "web", "A farm", "NOERROR TC").await?;
    let answer = asked(cluster, "host1", "web", "A farm tcp").await?;
    same("addresses of farm", &answer.matches("10.99.9.").count(), &usize::from(FARM))
}

async fn other_names_are_forwarded(cluster: &Cluster) -> Result<(), Failure> {
    netd_answers(cluster, "plain", "A www.example.org", "SERVFAIL").await?;
    serve(cluster, "host2", "10.99.0.12", "192.0.2.2").await?;
    serve(cluster, "host3", "10.99.0.13", "192.0.2.3").await?;
    cluster.sh("host1", "cp /etc/resolv.conf /root/; echo nameserver 10.99.0.13 >> /etc/resolv.conf").await?;
    answers(cluster, "host1", "plain", "A www.example.org", "NOERROR 192.0.2.2").await?;
    answers(cluster, "host1", "web", "A www.example.org", "NOERROR 192.0.2.3").await?;
    cluster.sh("host2", "systemctl stop name-server").await?;
    // the host's servers are not asked instead
    netd_answers(cluster, "plain", "A www.example.org", "SERVFAIL").await?;
    cluster.sh("host1", "cat /root/resolv.conf > /etc/resolv.conf").await?;
    cluster.sh("host3", "systemctl stop name-server").await.map(drop)
}

async fn a_container_that_left_a_network_still_resolves(cluster: &Cluster) -> Result<(), Failure> {
    for network in ["net98", "mynet0"] {
        cluster.sh("host1", &format!("docker network disconnect {network} web")).await?;
        let answer = asked(cluster, "host1", "web", "A db").await;
        cluster.xdock_done("power web on").await?;
        same(&format!("without {network}"), answer?.as_str(), "NOERROR 10.99.2.1")?;
    }
    Ok(())
}

async fn a_thousand_requests_a_second_are_answered(cluster: &Cluster) -> Result<(), Failure> {
    let five_seconds = async { cluster.sh("host1", "sleep 5").await.map(drop) };
    let load = asked_while(cluster, 1000, five_seconds).await?;
    eprintln!("  {load:?}");
    same("requests", &(load.sent > 4000), &true)?;
    same("lost", &load.lost, &0)
}
