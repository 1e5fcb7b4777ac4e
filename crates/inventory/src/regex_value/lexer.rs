//! Splits an expression into tokens.

use super::ArithmeticError;

/// A token of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A number as perl reads it: with a leading 0 it is octal.
    Number(i64),
    /// `$1`.
    Group(usize),
    /// The name of a function.
    Name(&'a str),
    /// `'3:2'`.
    Text(&'a str),
    /// One of `+ - * / % ( ) ,`.
    Sign(char),
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ArithmeticError> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '0'..='9' => number(rest)?,
            '$' => group(rest)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let (name, after) = split(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                (Token::Name(name), after)
            }
            '\'' | '"' => quoted(rest, first)?,
            '+' | '-' | '*' | '/' | '%' | '(' | ')' | ',' => (Token::Sign(first), tail(rest)),
            other => return Err(ArithmeticError::Unexpected(other.to_string())),
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

fn number(text: &str) -> Result<(Token<'_>, &str), ArithmeticError> {
    let (digits, after) = split(text, |c| c.is_ascii_alphanumeric());
    let parsed = match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => i64::from_str_radix(octal, 8),
        _ => digits.parse(),
    };
    let number = parsed.map_err(|_| ArithmeticError::Number(digits.to_owned()))?;
    Ok((Token::Number(number), after))
}

fn group(text: &str) -> Result<(Token<'_>, &str), ArithmeticError> {
    let (digits, after) = split(tail(text), |c| c.is_ascii_digit());
    let number = digits.parse().map_err(|_| ArithmeticError::Unexpected(format!("${digits}")))?;
    Ok((Token::Group(number), after))
}

fn quoted(text: &str, quote: char) -> Result<(Token<'_>, &str), ArithmeticError> {
    let unclosed = || ArithmeticError::Unexpected(text.to_owned());
    let (content, after) = tail(text).split_once(quote).ok_or_else(unclosed)?;
    Ok((Token::Text(content), after))
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn tail(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}
