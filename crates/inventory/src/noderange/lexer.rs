//! Splits a noderange into tokens with their positions.

use std::ops::Range;

/// A word of a noderange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `,`
    Comma,
    /// `@`
    At,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `-` at the start of a factor.
    Minus,
    /// Anything else, with the brackets in it and what they enclose.
    Text(&'a str),
}

/// All tokens, with their positions in the text.
pub(super) fn tokens(text: &str) -> Vec<(Token<'_>, Range<usize>)> {
    let mut found: Vec<(Token<'_>, Range<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let factor_begins = !matches!(found.last(), Some((Token::Text(_) | Token::Close | Token::Minus, _)));
        let (token, length) = token(rest, factor_begins);
        found.push((token, at..at + length));
        at += length;
    }
    found
}

fn token(rest: &str, factor_begins: bool) -> (Token<'_>, usize) {
    match rest.as_bytes().first() {
        Some(b',') => (Token::Comma, 1),
        Some(b'@') => (Token::At, 1),
        Some(b'(') => (Token::Open, 1),
        Some(b')') => (Token::Close, 1),
        Some(b'-') if factor_begins => (Token::Minus, 1),
        _ => {
            let length = text_length(rest);
            (Token::Text(rest.get(..length).unwrap_or(rest)), length)
        }
    }
}

/// Up to an operator outside of brackets; a bracket that is not closed does not hide operators.
fn text_length(text: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(next) = rest.find([',', '@', '(', ')', '[']) else { break };
        let bracketed = rest.get(next..).filter(|from| from.starts_with('[')).and_then(|from| from.find(']'));
        match bracketed {
            Some(end) => at += next + end + 1,
            None if rest.get(next..).is_some_and(|from| from.starts_with('[')) => at += next + 1,
            None => return at + next,
        }
    }
    text.len()
}
