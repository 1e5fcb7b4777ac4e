//! Chains of nftables that may drop bridged packets, outside of the tables of iptables, which [`super::filter`] reads.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use chain::chain;
use inspection::Chain;
use process::{Command, ExecuteError};
use serde::Deserialize;
use serde_json::Value;

const NFT_TIMEOUT: Duration = Duration::from_secs(5);

/// The tables in which iptables-nft keeps its chains.
const OF_IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];
/// Statements after which a packet goes no further (nft(8), VERDICT and REJECT STATEMENT).
const DROPS: [&str; 2] = ["drop", "reject"];
/// Where packets of a bridge pass, those of IP if br_netfilter is loaded (nft(8), ADDRESS FAMILIES).
const IP_HOOKS: [&str; 3] = ["prerouting", "forward", "postrouting"];

/// Reads all base chains. Without `nft` there are none.
pub(super) async fn observe() -> Result<Vec<Chain>, String> {
    let command = Command::new("nft", NFT_TIMEOUT).args(["-j", "list", "ruleset"]);
    match command.execute().await {
        Ok(output) => chains(&output.text()),
        Err(ExecuteError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(chain(&error)),
    }
}

#[derive(Deserialize)]
struct Ruleset {
    nftables: Vec<Object>,
}

/// One of them, or an object of another type.
#[derive(Deserialize)]
struct Object {
    chain: Option<ChainObject>,
    rule: Option<RuleObject>,
}

#[derive(Deserialize)]
struct ChainObject {
    family: String,
    table: String,
    name: String,
    /// Of base chains only.
    hook: Option<String>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct RuleObject {
    family: String,
    table: String,
    expr: Vec<Value>,
}

/// The chains of a ruleset as `nft -j` prints it (libnftables-json(5)): those with a policy of drop, and those in whose table
/// a rule drops.
fn chains(text: &str) -> Result<Vec<Chain>, String> {
    let ruleset: Ruleset =
        serde_json::from_str(text).map_err(|error| format!("cannot read the output of nft: {error}"))?;
    let mut base = Vec::new();
    let mut dropping: BTreeMap<(String, String), usize> = BTreeMap::new();
    for Object { chain, rule } in ruleset.nftables {
        base.extend(chain.filter(ChainObject::sees_bridged));
        if let Some(rule) = rule {
            let drops =
                rule.expr.iter().any(|statement| DROPS.iter().any(|drop| statement.get(drop).is_some()));
            *dropping.entry((rule.family, rule.table)).or_default() += usize::from(drops);
        }
    }
    let found = base.into_iter().filter_map(|chain| {
        let rules = dropping.get(&(chain.family.clone(), chain.table.clone())).copied().unwrap_or_default();
        let why = match (chain.policy.as_deref(), rules) {
            (Some("drop"), _) => "policy drop".to_owned(),
            (_, 0) => return None,
            (_, 1) => "a rule of its table drops".to_owned(),
            (_, rules) => format!("{rules} rules of its table drop"),
        };
        let name = format!("{} {} {}", chain.family, chain.table, chain.name);
        Some(Chain { name, bridged: chain.family == "bridge" || chain.family == "netdev", why })
    });
    Ok(found.collect())
}

impl ChainObject {
    fn sees_bridged(&self) -> bool {
        let Some(hook) = self.hook.as_deref() else { return false };
        match self.family.as_str() {
            "bridge" | "netdev" => true,
            "inet" => IP_HOOKS.contains(&hook),
            "ip" | "ip6" => IP_HOOKS.contains(&hook) && !OF_IPTABLES.contains(&self.table.as_str()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(objects: &str) -> Vec<String> {
        let text = format!(r#"{{"nftables": [{{"metainfo": {{"version": "1.0.6"}}}}, {objects}]}}"#);
        chains(&text).unwrap().into_iter().map(|chain| format!("{}: {}", chain.name, chain.why)).collect()
    }

    fn base(family: &str, table: &str, hook: &str, policy: &str) -> String {
        format!(
            r#"{{"chain": {{"family": "{family}", "table": "{table}", "name": "c", "handle": 1, "type": "filter", "hook": "{hook}", "prio": 0, "policy": "{policy}"}}}}"#
        )
    }

    fn rule(family: &str, table: &str, statement: &str) -> String {
        format!(
            r#"{{"rule": {{"family": "{family}", "table": "{table}", "chain": "other", "handle": 2, "expr": [{{"match": {{}}}}, {{"{statement}": null}}]}}}}"#
        )
    }

    #[test]
    fn chains_that_may_drop_bridged_packets_are_found() {
        assert_eq!(found(&base("inet", "mine", "forward", "drop")), ["inet mine c: policy drop"]);
        assert_eq!(found(&base("bridge", "mine", "forward", "drop")), ["bridge mine c: policy drop"]);
        let by_rule = [base("inet", "mine", "forward", "accept"), rule("inet", "mine", "reject")].join(",");
        assert_eq!(found(&by_rule), ["inet mine c: a rule of its table drops"]);
        let by_rules = [
            base("ip", "mine", "prerouting", "accept"),
            rule("ip", "mine", "drop"),
            rule("ip", "mine", "drop"),
        ];
        assert_eq!(found(&by_rules.join(",")), ["ip mine c: 2 rules of its table drop"]);
    }

    #[test]
    fn others_are_not() {
        for harmless in [
            base("inet", "mine", "input", "drop"),
            base("ip", "filter", "forward", "drop"),
            base("arp", "mine", "input", "drop"),
            [base("inet", "mine", "forward", "accept"), rule("ip", "mine", "drop")].join(","),
            [base("inet", "mine", "forward", "accept"), rule("inet", "mine", "accept")].join(","),
        ] {
            assert_eq!(found(&harmless), Vec::<String>::new(), "{harmless}");
        }
        assert!(chains("no JSON").is_err());
    }
}
