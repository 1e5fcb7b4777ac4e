//! Rules of nftables, as `nft -j list ruleset` prints them (libnftables-json(5)).

mod expression;

use serde_json::Value;

use super::ruleset::{Action, Chain, Holds, NewSsh, Rule, Ruleset};
use expression::{Sets, Statement, statement, words};

/// Tables that belong to iptables.
const OF_IPTABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];
/// firewalld's own table. Its zones follow the device.
const OF_FIREWALLD: &str = "firewalld";
/// Hooks that a packet to the host passes.
const HOOKS: [&str; 2] = ["prerouting", "input"];

/// Parses the rules. `skip_iptables`: iptables-save has printed its rules already.
///
/// # Errors
/// The text is not nft's JSON.
pub(super) fn parse(text: &str, skip_iptables: bool, packet: NewSsh) -> Result<Ruleset, serde_json::Error> {
    let whole: Value = serde_json::from_str(text)?;
    let family = if packet.source.is_ipv4() { "ip" } else { "ip6" };
    let items: Vec<&Value> = whole.get("nftables").and_then(Value::as_array).into_iter().flatten().collect();
    let of = |kind: &'static str| items.iter().filter_map(move |item| item.get(kind));
    let is_told = |item: &&Value| {
        let (family, table) = (field(item, "family"), field(item, "table"));
        let is_iptables = matches!(family, "ip" | "ip6") && OF_IPTABLES.contains(&table);
        table != OF_FIREWALLD && !(skip_iptables && is_iptables)
    };
    let sets: Sets<'_> = of("set").chain(of("map")).map(|set| (name(set, "name"), set)).collect();
    let mut ruleset = Ruleset::default();
    for chain in of("chain").filter(is_told) {
        let enters = HOOKS.contains(&field(chain, "hook")) && field(chain, "type") == "filter";
        let applies = ["inet", family].contains(&field(chain, "family"));
        let drops = field(chain, "policy") == "drop";
        let chain_is = Chain { is_entry: enters && applies, drops, rules: Vec::new() };
        ruleset.chains.insert(name(chain, "name"), chain_is);
    }
    for rule in of("rule").filter(is_told) {
        let chain = ruleset.chains.entry(name(rule, "chain")).or_default();
        chain.rules.push(parsed(rule, &sets, packet));
    }
    Ok(ruleset)
}

fn field<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Name of a chain or set, with its table, because names are unique only in a table.
fn name(item: &Value, key: &str) -> String {
    expression::of_table(table(item).as_str(), field(item, key))
}

fn table(item: &Value) -> String {
    format!("{} {}", field(item, "family"), field(item, "table"))
}

fn parsed(rule: &Value, sets: &Sets<'_>, packet: NewSsh) -> Rule {
    let expressions: Vec<&Value> = rule.get("expr").and_then(Value::as_array).into_iter().flatten().collect();
    let table = table(rule);
    let mut parsed = Rule {
        place: format!("nftables {} {}", table, field(rule, "chain")),
        text: expressions.iter().map(|expression| words(expression)).collect::<Vec<_>>().join(" "),
        incoming: Vec::new(),
        outgoing: Vec::new(),
        others: Holds::Yes,
        action: Action::Continue,
    };
    for expression in expressions {
        match statement(expression, &table, sets, packet) {
            Statement::Incoming(test) => parsed.incoming.push(test),
            Statement::Outgoing(test) => parsed.outgoing.push(test),
            Statement::Condition(holds) => parsed.others = parsed.others.min(holds),
            Statement::Verdict(action) => parsed.action = action,
        }
    }
    parsed
}

#[cfg(test)]
mod tests;
