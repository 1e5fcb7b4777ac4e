//! Parses text to a [`Range`].

use std::iter::Peekable;
use std::ops;
use std::vec::IntoIter;

use super::lexer::{Token, tokens};
use super::{Criterion, Element, Factor, NoderangeError, Range};

/// Parentheses deeper than this are a mistake, or an attack on the stack.
const DEPTH: usize = 64;

pub(super) fn range(text: &str) -> Result<Range, NoderangeError> {
    let text: String = text.chars().filter(|c| !matches!(c, '\'' | '"')).collect();
    let mut parser =
        Parser { text: &text, tokens: tokens(&text).into_iter().peekable(), invalid: Vec::new() };
    let mut range = parser.range(0);
    while let Some((_, place)) = parser.tokens.next() {
        // a `)` too many
        parser.refuse(place);
        range = parser.range(0);
    }
    if parser.invalid.is_empty() {
        Ok(range)
    } else {
        Err(NoderangeError::Invalid { members: parser.invalid })
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Peekable<IntoIter<(Token<'a>, ops::Range<usize>)>>,
    /// Members that do not match the grammar.
    invalid: Vec<String>,
}

impl<'a> Parser<'a> {
    /// Up to the end or the `)` that closes it. Empty elements are passed over.
    fn range(&mut self, depth: usize) -> Range {
        let mut elements = Vec::new();
        loop {
            match self.tokens.peek() {
                None | Some((Token::Close, _)) => return Range { elements },
                Some((Token::Comma, _)) => drop(self.tokens.next()),
                Some(_) => elements.extend(self.element(depth)),
            }
        }
    }

    /// Up to a comma or `)`; `None` if it is not of the grammar, and noted.
    fn element(&mut self, depth: usize) -> Option<Element> {
        let start = self.tokens.peek().map_or(0, |(_, place)| place.start);
        let exclude = self.take(Token::Minus);
        let mut factors = Vec::new();
        loop {
            match self.factor(depth) {
                Some(factor) => factors.push(factor),
                None => return self.refuse_element(start),
            }
            if !self.take(Token::At) {
                break;
            }
        }
        match self.tokens.peek() {
            None | Some((Token::Comma | Token::Close, _)) => Some(Element { exclude, factors }),
            Some(_) => self.refuse_element(start),
        }
    }

    fn factor(&mut self, depth: usize) -> Option<Factor> {
        match self.tokens.peek()? {
            (Token::Text(text), _) => {
                let factor = factor_of(text.trim());
                self.tokens.next();
                Some(factor)
            }
            (Token::Open, _) if depth < DEPTH => {
                self.tokens.next();
                let nested = self.range(depth + 1);
                self.take(Token::Close).then_some(Factor::Nested(nested))
            }
            _ => None,
        }
    }

    fn take(&mut self, token: Token<'a>) -> bool {
        self.tokens.next_if(|(next, _)| *next == token).is_some()
    }

    /// Notes the whole element, up to the comma or `)` that ends it at its own depth.
    fn refuse_element(&mut self, start: usize) -> Option<Element> {
        let mut end = self.tokens.peek().map_or(self.text.len(), |(_, place)| place.start);
        let mut depth = 0_usize;
        loop {
            match self.tokens.peek() {
                None => break,
                Some((Token::Comma | Token::Close, _)) if depth == 0 => break,
                Some((token, place)) => {
                    end = place.end;
                    depth += usize::from(*token == Token::Open);
                    depth -= usize::from(*token == Token::Close);
                }
            }
            self.tokens.next();
        }
        self.refuse(start..end);
        None
    }

    fn refuse(&mut self, place: ops::Range<usize>) {
        let member = self.text.get(place).unwrap_or(self.text).trim().to_owned();
        if !self.invalid.contains(&member) {
            self.invalid.push(member);
        }
    }
}

fn factor_of(text: &str) -> Factor {
    if let Some(pattern) = text.strip_prefix('/') {
        return Factor::Regex(pattern.to_owned());
    }
    if let Some(path) = text.strip_prefix('^') {
        return Factor::File(path.into());
    }
    Criterion::parse(text).map_or_else(|| Factor::Word(text.to_owned()), Factor::Criterion)
}
