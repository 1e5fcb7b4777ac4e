//! Compares the rules of published ports with the output of `iptables-save`. Pure.

use std::fmt::Write as _;

use super::Step;
use super::rules::{Chain, Jump, Table};
use crate::firewall::{Family, can_drop};

/// Prefix of our chains.
const PREFIX: &str = "XDOCK-";

/// The step that writes all tables that differ.
pub(super) fn write(family: Family, tables: &[Table], saved: &str) -> Option<Step> {
    let saved = parse(saved);
    let input: String = tables.iter().filter_map(|table| transaction(table, &saved)).collect();
    let any = tables.iter().flat_map(|table| &table.chains).any(|chain| !chain.rules.is_empty());
    (!input.is_empty()).then_some(Step::Write { family, input, any })
}

/// One line of `iptables-save` that matters here.
enum Saved<'a> {
    /// `:CHAIN ...` of one of our chains.
    Chain(&'a str, &'a str),
    /// `-A CHAIN RULE`.
    Rule { table: &'a str, chain: &'a str, rule: String },
}

fn parse(saved: &str) -> Vec<Saved<'_>> {
    let mut table = "";
    let mut lines = Vec::new();
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(name) = line.strip_prefix(':').and_then(|rest| rest.split(' ').next()) {
            lines.extend(name.starts_with(PREFIX).then_some(Saved::Chain(table, name)));
        } else if let Some((chain, rule)) = line.strip_prefix("-A ").and_then(|rest| rest.split_once(' ')) {
            lines.push(Saved::Rule { table, chain, rule: normal(rule) });
        }
    }
    lines
}

/// A rule without quotes: iptables quotes a comment with a dot, and does not quote others.
fn normal(rule: &str) -> String {
    rule.replace('"', "")
}

/// The rules of a chain.
fn rules<'a>(saved: &'a [Saved<'_>], table: &str, chain: &str) -> Vec<&'a str> {
    let of_chain = saved.iter().filter_map(|line| match line {
        Saved::Rule { table: in_table, chain: of, rule } if *in_table == table && *of == chain => {
            Some(rule.as_str())
        }
        _ => None,
    });
    of_chain.collect()
}

/// The input of `iptables-restore` for one table; `None`: nothing differs.
fn transaction(table: &Table, saved: &[Saved<'_>]) -> Option<String> {
    let (mut declared, mut lines, mut removed) = (String::new(), String::new(), String::new());
    for chain in &table.chains {
        let exists = saved
            .iter()
            .any(|line| matches!(line, Saved::Chain(of, name) if *of == table.name && *name == chain.name));
        let wanted = !chain.rules.is_empty();
        if wanted && !(exists && rules(saved, table.name, chain.name) == chain.rules) {
            // with --noflush, a declared chain is created or emptied
            push(&mut declared, &format!(":{} - [0:0]", chain.name));
            chain.rules.iter().for_each(|rule| push(&mut lines, &format!("-A {} {rule}", chain.name)));
        }
        for jump in chain.jumps {
            correct_jump(jump, chain, wanted, &rules(saved, table.name, jump.from), &mut lines);
        }
        if exists && !wanted {
            push(&mut removed, &format!("-F {0}\n-X {0}", chain.name));
        }
    }
    let input = declared + &lines + &removed;
    (!input.is_empty()).then(|| format!("*{}\n{input}COMMIT\n", table.name))
}

/// Leaves one jump, before all that can drop if that matters.
fn correct_jump(jump: &Jump, chain: &Chain, wanted: bool, rules: &[&str], lines: &mut String) {
    let rule = format!("{} -j {}", jump.matches, chain.name);
    let found: Vec<usize> =
        rules.iter().enumerate().filter(|(_, other)| **other == rule).map(|(at, _)| at).collect();
    let is_low = |at: &usize| jump.first && rules.iter().take(*at).any(|other| may_drop(other));
    if wanted && found.len() == 1 && !found.iter().any(is_low) {
        return;
    }
    found.iter().for_each(|_| push(lines, &format!("-D {} {rule}", jump.from)));
    if wanted {
        let verb = if jump.first { "-I" } else { "-A" };
        push(lines, &format!("{verb} {} {rule}", jump.from));
    }
}

fn may_drop(rule: &str) -> bool {
    can_drop(&rule.split_ascii_whitespace().collect::<Vec<_>>())
}

fn push(text: &mut String, line: &str) {
    // writing to a String cannot fail
    let _ = writeln!(text, "{line}");
}
