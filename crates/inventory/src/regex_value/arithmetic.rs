//! Integer arithmetic as perl's `use integer` does it: division truncates toward zero, `%` has the sign of the
//! left side. Overflow and words as numbers are errors, unlike in perl.

use std::iter::Peekable;
use std::vec::IntoIter;

use thiserror::Error;

use super::functions;
use super::lexer::{Token, tokens};

/// Parentheses deeper than this are a mistake, or an attack on the stack.
const DEPTH: usize = 32;

/// Error in an expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArithmeticError {
    /// Unexpected token.
    #[error("unexpected {0:?}")]
    Unexpected(String),
    /// The expression is not complete.
    #[error("the expression ends too early")]
    End,
    /// Too many parentheses in each other.
    #[error("parentheses are nested deeper than {DEPTH}")]
    Depth,
    /// Digits that are not a valid number.
    #[error("{0:?} is not a whole number (a leading 0 makes it octal)")]
    Number(String),
    /// The regular expression has no such group.
    #[error("the regular expression has no group ${0}")]
    Group(usize),
    /// Division by zero.
    #[error("division by zero")]
    Zero,
    /// A result that does not fit.
    #[error("the result does not fit in 64 bits")]
    Overflow,
    /// Unknown function.
    #[error("unknown function {0}; the functions are a2idx, a2zidx, dim2idx and skip")]
    Function(String),
    /// Invalid arguments of a function.
    #[error("{function} takes {takes}")]
    Arguments {
        /// Its name.
        function: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// The index is one that `skip` skips.
    #[error("{0} is one of the indexes to skip")]
    Skipped(i64),
}

/// A value: a matched text stays as it is until it is computed with, so that `($1)` keeps its zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Int(i64),
    Text(String),
}

impl Value {
    /// The number that it is.
    pub(super) fn int(&self) -> Result<i64, ArithmeticError> {
        match self {
            Self::Int(number) => Ok(*number),
            Self::Text(text) if text.is_empty() => Ok(0),
            Self::Text(text) => text.parse().map_err(|_| ArithmeticError::Number(text.clone())),
        }
    }

    /// The text that it is.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The value of an expression, as text.
pub(super) fn evaluate(
    expression: &str,
    group: &dyn Fn(usize) -> Option<String>,
) -> Result<String, ArithmeticError> {
    let mut parser = Parser { tokens: tokens(expression)?.into_iter().peekable(), group, depth: 0 };
    let value = parser.sum()?;
    match parser.tokens.next() {
        Some(token) => Err(unexpected(&token)),
        None => Ok(value.text()),
    }
}

struct Parser<'a> {
    tokens: Peekable<IntoIter<Token<'a>>>,
    group: &'a dyn Fn(usize) -> Option<String>,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Value, ArithmeticError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ArithmeticError::Depth);
        }
        let mut left = self.product()?;
        while let Some(sign) = self.sign(&['+', '-']) {
            let (a, b) = (left.int()?, self.product()?.int()?);
            let sum = if sign == '+' { a.checked_add(b) } else { a.checked_sub(b) };
            left = Value::Int(sum.ok_or(ArithmeticError::Overflow)?);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Value, ArithmeticError> {
        let mut left = self.operand()?;
        while let Some(sign) = self.sign(&['*', '/', '%']) {
            let (a, b) = (left.int()?, self.operand()?.int()?);
            let result = match sign {
                '*' => a.checked_mul(b),
                _ if b == 0 => return Err(ArithmeticError::Zero),
                '/' => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            left = Value::Int(result.ok_or(ArithmeticError::Overflow)?);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value, ArithmeticError> {
        let mut negative = false;
        while let Some(sign) = self.sign(&['+', '-']) {
            negative ^= sign == '-';
        }
        let value = self.primary()?;
        if !negative {
            return Ok(value);
        }
        value.int()?.checked_neg().map(Value::Int).ok_or(ArithmeticError::Overflow)
    }

    fn primary(&mut self) -> Result<Value, ArithmeticError> {
        match self.tokens.next().ok_or(ArithmeticError::End)? {
            Token::Number(number) => Ok(Value::Int(number)),
            Token::Text(text) => Ok(Value::Text(text.to_owned())),
            Token::Group(number) => {
                (self.group)(number).map(Value::Text).ok_or(ArithmeticError::Group(number))
            }
            Token::Sign('(') => {
                let value = self.sum()?;
                self.close().map(|()| value)
            }
            Token::Name(name) => {
                let arguments = self.arguments()?;
                functions::call(name, &arguments).map(Value::Int)
            }
            other @ Token::Sign(_) => Err(unexpected(&other)),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Value>, ArithmeticError> {
        match self.tokens.next() {
            Some(Token::Sign('(')) => {}
            Some(other) => return Err(unexpected(&other)),
            None => return Err(ArithmeticError::End),
        }
        let mut values = vec![self.sum()?];
        while self.sign(&[',']).is_some() {
            values.push(self.sum()?);
        }
        self.close().map(|()| values)
    }

    fn close(&mut self) -> Result<(), ArithmeticError> {
        match self.tokens.next() {
            Some(Token::Sign(')')) => Ok(()),
            Some(other) => Err(unexpected(&other)),
            None => Err(ArithmeticError::End),
        }
    }

    fn sign(&mut self, signs: &[char]) -> Option<char> {
        match self.tokens.next_if(|token| matches!(token, Token::Sign(sign) if signs.contains(sign)))? {
            Token::Sign(sign) => Some(sign),
            _ => None,
        }
    }
}

fn unexpected(token: &Token<'_>) -> ArithmeticError {
    ArithmeticError::Unexpected(match token {
        Token::Number(number) => number.to_string(),
        Token::Group(number) => format!("${number}"),
        Token::Name(text) | Token::Text(text) => (*text).to_owned(),
        Token::Sign(sign) => sign.to_string(),
    })
}
