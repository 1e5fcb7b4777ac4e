use super::super::reference::{Effect, Moved};
use super::*;

/// Output of iptables 1.8.9.
const SAVED: &str = include_str!("../recorded/iptables-save");

fn packet() -> NewSsh {
    NewSsh { source: "10.99.0.1".parse().unwrap(), port: 22 }
}

fn moved() -> Moved {
    Moved { from: "eth0".parse().unwrap(), to: "mynet0".parse().unwrap() }
}

fn found(text: &str) -> Vec<(String, Effect)> {
    let references = parse(text, "iptables", false, packet()).references(&moved());
    references.into_iter().map(|found| (found.text, found.effect)).collect()
}

/// A filter table whose INPUT has this policy and these rules.
fn input(policy: &str, rules: &[&str]) -> String {
    let rules: Vec<String> = rules.iter().map(|rule| format!("-A INPUT {rule}\n")).collect();
    format!("*filter\n:INPUT {policy} [0:0]\n:own - [0:0]\n{}COMMIT\n", rules.concat())
}

fn cuts(policy: &str, rules: &[&str]) -> Vec<String> {
    let found = found(&input(policy, rules)).into_iter();
    found.filter(|(_, effect)| *effect == Effect::CutsSshAccess).map(|(text, _)| text).collect()
}

#[test]
fn rules_that_name_the_device_are_found_and_the_one_that_lets_ssh_in_cuts() {
    let expected = [
        (
            "-A INPUT -i eth0 -p tcp -m tcp --dport 22 -m comment --comment \"ssh \\\"in\\\"\" -j ACCEPT",
            Effect::CutsSshAccess,
        ),
        ("-A INPUT -i eth+ -p icmp -j ACCEPT", Effect::StopsApplying),
        ("-A INPUT -i eth0 -g wan", Effect::CutsSshAccess),
        ("-A POSTROUTING -o eth0 -j MASQUERADE", Effect::StopsApplying),
    ];
    assert_eq!(found(SAVED), expected.map(|(text, effect)| (text.to_owned(), effect)));
}

#[test]
fn a_firewall_cuts_only_where_ssh_depends_on_the_device() {
    let ssh = "-i eth0 -p tcp -m tcp --dport 22 -j ACCEPT";
    assert_eq!(cuts("DROP", &[ssh]), [format!("-A INPUT {ssh}")]);
    assert_eq!(cuts("ACCEPT", &[ssh]), [] as [&str; 0]);
    assert_eq!(cuts("ACCEPT", &[ssh, "-j REJECT --reject-with icmp-host-prohibited"]).len(), 1);
    // another rule accepts ssh on every device
    assert_eq!(cuts("DROP", &[ssh, "-p tcp -m multiport --dports 22,80 -j ACCEPT"]), [] as [&str; 0]);
    // another port, protocol or network
    for other in [
        "-i eth0 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-i eth0 -p udp -m udp --dport 22 -j ACCEPT",
        "-i eth0 -s 192.168.0.0/16 -p tcp --dport 22 -j ACCEPT",
        "-i eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ] {
        assert_eq!(cuts("DROP", &[other]), [] as [&str; 0], "{other}");
    }
    // a policy that drops the packet anyway changes nothing
    assert_eq!(cuts("DROP", &["-i eth1 -p tcp --dport 22 -j ACCEPT"]), [] as [&str; 0]);
}

#[test]
fn negations_patterns_sources_and_chains_are_followed() {
    assert_eq!(cuts("ACCEPT", &["! -i eth0 -j DROP"]).len(), 1);
    assert_eq!(
        cuts("DROP", &["-i eth+ -s 10.99.0.0/16 -p tcp -m state --state NEW --dport 20:30 -j ACCEPT"]).len(),
        1
    );
    assert_eq!(cuts("DROP", &["-i eth0 -j own", "-j LOG --log-prefix \"x -i eth0 \""]), [] as [&str; 0]);
    let own =
        input("DROP", &["-i eth0 -j own"]).replace("COMMIT", "-A own -p tcp --dport 22 -j ACCEPT\nCOMMIT");
    assert_eq!(found(&own), [("-A INPUT -i eth0 -j own".to_owned(), Effect::CutsSshAccess)]);
    // a limit may match or not; on the new device it certainly does not
    assert_eq!(cuts("DROP", &["-i eth0 -p tcp --dport 22 -m limit --limit 3/min -j ACCEPT"]).len(), 1);
}

#[test]
fn a_file_is_reported_with_its_line() {
    let text = "# rules\n*filter\n:INPUT DROP [0:0]\n[1:60] -A INPUT -i eth0 -j ACCEPT\nCOMMIT\n";
    let found = parse(text, "/etc/iptables/rules.v4", true, packet()).references(&moved());
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["/etc/iptables/rules.v4:4: -A INPUT -i eth0 -j ACCEPT"]);
}

#[test]
fn another_table_that_drops_counts_too() {
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING ! -i eth0 -m addrtype --dst-type LOCAL -j DROP\nCOMMIT\n";
    assert_eq!(found(raw)[0].1, Effect::CutsSshAccess);
}
