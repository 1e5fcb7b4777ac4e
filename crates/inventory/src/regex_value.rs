//! Values that are computed from the node's name (xCAT `Table.pm`, `transRegexAttrs`):
//!
//! - `/RE/TEXT/` is the name with the first match of RE replaced by TEXT, which is taken as it is;
//! - `|RE|TEMPLATE|` is the name with the match replaced by TEMPLATE, in which each `(...)` is integer arithmetic
//!   over `$1`, `$2`, .. of the match;
//! - `|TEMPLATE|` is the same with a RE that has a group for each number of the name.
//!
//! As in xCAT a RE that does not match leaves the name as it is.

mod arithmetic;
mod functions;
mod lexer;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use regex::bytes::{Captures, Regex, RegexBuilder};
use thiserror::Error;

pub use arithmetic::ArithmeticError;

/// Maximum size of a compiled regular expression. A larger one is a mistake or an attack.
const SIZE_LIMIT: usize = 1 << 20;

/// Number of compiled expressions in the cache.
const KEPT: usize = 64;

/// Error: a value cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RegexValueError {
    /// Invalid regular expression.
    #[error("{pattern:?} in the value {value:?} is not a valid regular expression")]
    Pattern {
        /// The expression.
        pattern: String,
        /// The whole value.
        value: String,
        /// The error.
        #[source]
        source: regex::Error,
    },
    /// A parenthesis without its partner.
    #[error("the value {value:?} has an unbalanced parenthesis")]
    Unbalanced {
        /// The whole value.
        value: String,
    },
    /// An expression in parentheses.
    #[error("{expression} in the value {value:?} cannot be computed for {node}")]
    Expression {
        /// With its parentheses.
        expression: String,
        /// The whole value.
        value: String,
        /// The node.
        node: String,
        /// Why.
        #[source]
        source: ArithmeticError,
    },
}

/// The value of a cell for a node. Values in one of the three forms are computed, others stay unchanged.
///
/// # Errors
/// Names the part of the value that cannot be computed.
pub fn apply<'a>(value: &'a str, node: &str) -> Result<Cow<'a, str>, RegexValueError> {
    if let Some((pattern, text)) = slashes(value) {
        let regex = compile(pattern, value)?;
        return Ok(substitute(&regex, node, text).into());
    }
    let Some(inner) = bars(value) else { return Ok(value.into()) };
    let easy;
    let (pattern, template) = match inner.split_once('|') {
        Some(parts) => parts,
        None => {
            easy = numbers_of(node);
            (easy.as_str(), inner)
        }
    };
    let regex = compile(pattern, value)?;
    let Some(captures) = regex.captures(node.as_bytes()) else { return Ok(node.to_owned().into()) };
    let text = expand(template, &captures, value, node)?;
    Ok(substitute(&regex, node, &text).into())
}

/// The three parts of `/RE/TEXT/`; a path such as `/a/b` has none.
fn slashes(value: &str) -> Option<(&str, &str)> {
    let (pattern, text) = value.strip_prefix('/')?.strip_suffix('/')?.split_once('/')?;
    (!text.contains('/')).then_some((pattern, text))
}

fn bars(value: &str) -> Option<&str> {
    value.strip_prefix('|')?.strip_suffix('|')
}

/// xCAT's "easy" form: a group for each number of the name, without its leading zeros.
fn numbers_of(node: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let numbers = node.split(|c| !is_digit(c)).filter(|run| !run.is_empty()).count();
    r"[\D0]*(\d+)".repeat(numbers) + ".*$"
}

thread_local! {
    /// Caches compiled expressions, because a group's expression applies to thousands of nodes.
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Names are ASCII. Without Unicode the expression is small, and `\d` matches ASCII digits only.
fn compile(pattern: &str, value: &str) -> Result<Regex, RegexValueError> {
    let known = COMPILED.with_borrow(|compiled| compiled.get(pattern).cloned());
    if let Some(regex) = known {
        return Ok(regex);
    }
    let failed =
        |source| RegexValueError::Pattern { pattern: pattern.to_owned(), value: value.to_owned(), source };
    let regex = RegexBuilder::new(pattern).unicode(false).size_limit(SIZE_LIMIT).build().map_err(failed)?;
    COMPILED.with_borrow_mut(|compiled| {
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), regex.clone());
    });
    Ok(regex)
}

fn substitute(regex: &Regex, node: &str, text: &str) -> String {
    let bytes = regex.replacen(node.as_bytes(), 1, regex::bytes::NoExpand(text.as_bytes()));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn expand(
    template: &str,
    captures: &Captures<'_>,
    value: &str,
    node: &str,
) -> Result<String, RegexValueError> {
    let group = |number: usize| {
        let all = captures.len();
        (number < all).then(|| captures.get(number).map_or(String::new(), |found| lossy(found.as_bytes())))
    };
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['(', ')']) {
        let (before, from) = rest.split_at(at);
        let Some((expression, after)) = balanced(from) else {
            return Err(RegexValueError::Unbalanced { value: value.to_owned() });
        };
        let computed = arithmetic::evaluate(expression, &group).map_err(|source| {
            let [expression, value, node] = [expression, value, node].map(str::to_owned);
            RegexValueError::Expression { expression, value, node, source }
        })?;
        text += before;
        text += &computed;
        rest = after;
    }
    Ok(text + rest)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Splits after the closing parenthesis of the first one.
fn balanced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return text.split_at_checked(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests;
