use super::super::reference::{Effect, Moved};
use super::*;

/// Output of nft 1.0.6.
const LISTED: &str = include_str!("../recorded/nft.json");

fn packet() -> NewSsh {
    NewSsh { source: "10.99.0.1".parse().unwrap(), port: 22 }
}

fn found(text: &str) -> Vec<(String, Effect)> {
    let moved = Moved { from: "eth0".parse().unwrap(), to: "mynet0".parse().unwrap() };
    let references = parse(text, true, packet()).unwrap().references(&moved);
    references.into_iter().map(|found| (found.to_string(), found.effect)).collect()
}

/// A ruleset with a base chain with this policy and these rules; each rule is a list of statements.
fn input(policy: &str, rules: &[&str]) -> String {
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| {
            format!(
                ",{{\"rule\":{{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"in\",\"expr\":[{rule}]}}}}"
            )
        })
        .collect();
    format!(
        "{{\"nftables\":[{{\"chain\":{{\"family\":\"inet\",\"table\":\"f\",\"name\":\"in\",\"type\":\"filter\",\
         \"hook\":\"input\",\"prio\":0,\"policy\":\"{policy}\"}}}}{}]}}",
        rules.concat()
    )
}

fn test(key: &str, right: &str) -> String {
    format!("{{\"match\":{{\"op\":\"==\",\"left\":{{\"meta\":{{\"key\":\"{key}\"}}}},\"right\":{right}}}}}")
}

#[test]
fn a_recorded_ruleset_is_read_with_sets_wildcards_and_maps() {
    let input = "nftables inet filter input: ";
    let cut = |text: &str| (format!("{input}{text}"), Effect::CutsSshAccess);
    let other = |text: &str| (format!("{input}{text}"), Effect::StopsApplying);
    let expected = [
        cut("iifname eth0 tcp dport 22 accept"),
        other("iifname { eth0, eth1 } tcp dport { 80, 8000-8010 } accept"),
        other("iifname eth* icmp type echo-request accept"),
        cut("iifname @lan ip saddr 10.0.0.0/8 tcp dport 22 accept"),
        other("iif eth0 ip saddr { 10.1.0.0/16, 10.2.0.5 } l4proto { tcp, udp } th dport 53 accept"),
        cut("iifname != eth0 drop"),
        cut("iifname vmap { lo accept, eth0 jump wan }"),
        ("nftables inet filter out: oifname eth0 accept".to_owned(), Effect::StopsApplying),
    ];
    assert_eq!(found(LISTED), expected);
}

#[test]
fn a_firewall_cuts_only_where_ssh_depends_on_the_device() {
    let accept = "{\"accept\":null}";
    let eth0 = test("iifname", "\"eth0\"");
    let rule = format!("{eth0},{accept}");
    let effects = |text: &str| found(text).into_iter().map(|(_, effect)| effect).collect::<Vec<_>>();
    assert_eq!(effects(&input("drop", &[&rule])), [Effect::CutsSshAccess]);
    assert_eq!(effects(&input("accept", &[&rule])), [Effect::StopsApplying]);
    let all = format!("{},{accept}", test("l4proto", "\"tcp\""));
    assert_eq!(effects(&input("drop", &[&rule, &all])), [Effect::StopsApplying]);
    let udp = format!("{eth0},{},{accept}", test("l4proto", "{\"set\":[\"udp\",17]}"));
    assert_eq!(effects(&input("drop", &[&udp])), [Effect::StopsApplying]);
    // an unknown condition may match or not
    let marked = format!("{eth0},{},{accept}", test("mark", "1"));
    assert_eq!(effects(&input("drop", &[&marked])), [Effect::CutsSshAccess]);
}

#[test]
fn tables_of_iptables_and_firewalld_are_reported_separately() {
    let rule = format!("{},{{\"accept\":null}}", test("iifname", "\"eth0\""));
    let of = |family: &str, table: &str| {
        let text = input("drop", &[&rule]);
        text.replace("\"inet\"", &format!("\"{family}\"")).replace("\"f\"", &format!("\"{table}\""))
    };
    assert_eq!(found(&of("ip", "filter")), []);
    assert_eq!(found(&of("inet", "firewalld")), []);
    assert_eq!(found(&of("inet", "filter")).len(), 1);
    // the management node uses IPv4
    assert_eq!(found(&of("ip6", "own"))[0].1, Effect::StopsApplying);
    assert_eq!(
        parse("{", true, packet()).unwrap_err().to_string(),
        "EOF while parsing an object at line 1 column 1"
    );
}
