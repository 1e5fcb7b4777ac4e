//! The entries of a `nics` column: `NIC!VALUE`, separated by `,`.
//!
//! A value may be an expression over the node's name, as in any other column: `eth1!|\D+(\d+)|30.0.0.($1%100)|` (xCAT
//! `DBobjUtils.pm` and `Postage.pm`, which give each entry to `transRegexAttrs`). What it computes may be several values
//! separated by `|`.

use std::borrow::Cow;

use crate::name::IfName;
use crate::regex_value::{self, RegexValueError};

/// The entries, without blanks around them. A comma inside an expression separates nothing: arithmetic has commas between
/// a function's arguments.
pub(crate) fn split(column: &str) -> Vec<&str> {
    let mut entries = Vec::new();
    let mut rest = column;
    while let Some((entry, after)) = first(rest) {
        entries.push(entry.trim());
        rest = after;
    }
    entries.retain(|entry| !entry.is_empty());
    entries
}

/// NIC and value of an entry.
pub(crate) fn pair(entry: &str) -> Option<(&str, &str)> {
    entry.split_once('!').map(|(nic, value)| (nic.trim(), value.trim()))
}

/// Whether a value is computed from the node's name.
pub(crate) fn is_expression(value: &str) -> bool {
    let inside = |mark: char| value.strip_prefix(mark).is_some_and(|rest| rest.ends_with(mark));
    inside('|') || inside('/')
}

/// The column with the value of each entry computed for `node`.
pub(crate) fn computed<'a>(column: &'a str, node: &str) -> Result<Cow<'a, str>, RegexValueError> {
    if !column.contains('!') || !column.contains(['|', '/']) {
        return Ok(column.into());
    }
    let entries = split(column);
    let is_computed = |entry: &&str| pair(entry).is_some_and(|(_, value)| is_expression(value));
    if !entries.iter().any(is_computed) {
        return Ok(column.into());
    }
    let computed: Vec<String> =
        entries.into_iter().map(|entry| of_node(entry, node)).collect::<Result<_, _>>()?;
    Ok(computed.join(",").into())
}

fn of_node(entry: &str, node: &str) -> Result<String, RegexValueError> {
    match pair(entry) {
        Some((nic, value)) => Ok(format!("{nic}!{}", regex_value::apply(value, node)?)),
        None => Ok(entry.to_owned()),
    }
}

/// The first entry, and what follows its comma.
fn first(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    for (at, _) in text.match_indices(',') {
        let (Some(entry), Some(rest)) = (text.get(..at), text.get(at + 1..)) else { continue };
        if !is_open(entry) || rest.trim().is_empty() || begins(rest) {
            return Some((entry, rest));
        }
    }
    Some((text, ""))
}

/// Whether the text ends inside an expression.
fn is_open(entry: &str) -> bool {
    let value = pair(entry).map_or("", |(_, value)| value);
    value.starts_with(['|', '/']) && !is_expression(value)
}

/// Whether another entry starts here.
fn begins(text: &str) -> bool {
    let no_expression = |nic: &str| !nic.contains(['|', '(', ')', '$', ',']);
    pair(text).is_some_and(|(nic, _)| no_expression(nic) && nic.parse::<IfName>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_ends_an_entry_but_not_an_expression() {
        for (column, entries) in [
            ("eth1!10.0.0.1|10.0.0.2, eth2!10.1.0.1,", &["eth1!10.0.0.1|10.0.0.2", "eth2!10.1.0.1"][..]),
            (
                r"eth1!|\D+(\d+)|30.0.0.($1%100)|,eth2!40.0.0.9",
                &[r"eth1!|\D+(\d+)|30.0.0.($1%100)|", "eth2!40.0.0.9"],
            ),
            (
                r"eth1!|r(\d+)c(\d+)|10.0.0.(dim2idx($1,4,$2))|,eth2!|x(\d{1,3})|10.1.0.($1)|",
                &[r"eth1!|r(\d+)c(\d+)|10.0.0.(dim2idx($1,4,$2))|", r"eth2!|x(\d{1,3})|10.1.0.($1)|"],
            ),
            // the second of several values: no expression
            ("eth1!|-b,eth2!-c", &["eth1!|-b", "eth2!-c"]),
            ("eth1!a,b", &["eth1!a", "b"]),
            ("", &[]),
        ] {
            assert_eq!(split(column), entries, "{column}");
        }
    }

    #[test]
    fn each_entry_is_computed_by_itself() {
        for (column, node, result) in [
            (r"eth1!|\D+(\d+)|30.0.0.($1%100)|,eth2!40.0.0.9", "regex1", "eth1!30.0.0.1,eth2!40.0.0.9"),
            (
                r"eth1!|\D+(\d+)|30.0.0.($1)|,eth2!|\D+(\d+)|40.0.0.($1+1)|",
                "n107",
                "eth1!30.0.0.107,eth2!40.0.0.108",
            ),
            // two addresses of one interface
            (r"eth1!|\D+(\d+)|30.0.0.($1)|31.0.0.($1)|", "n7", "eth1!30.0.0.7|31.0.0.7"),
            ("eth1!|30.0.0.($1)|", "n7", "eth1!30.0.0.7"),
            (r"ib0!/\z/-ib0/", "n7", "ib0!n7-ib0"),
            (r"ib0!|maestro-(\d+)$|m($1)-ib0|", "maestro-1000", "ib0!m1000-ib0"),
            (r"eth1!|r(\d+)c(\d+)|10.0.0.(dim2idx($1,4,$2))|", "r2c1", "eth1!10.0.0.5"),
            ("eth1!10.0.0.1|10.0.0.2", "n7", "eth1!10.0.0.1|10.0.0.2"),
        ] {
            assert_eq!(computed(column, node).unwrap(), result, "{column}");
        }
    }
}
