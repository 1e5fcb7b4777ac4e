//! Expands a word to names: `n[1-3,5]`, `n1-n3`, `n1:n3`, `n1+2` (xCAT `NodeRange.pm`, `expandatom`).
//!
//! As in xCAT brackets are rewritten to ranges of whole names, and a range counts the first number in which its two
//! ends differ: `n[1-2]0` is `n10-n20`, eleven names.

/// The longest name that can be a node's; longer ones are not worth making.
const LONGEST: usize = 128;

/// Prefix and suffix of a number that stands alone: `3` is `node3` (xCAT: `XCAT_NODE_PREFIX`, `XCAT_NODE_SUFFIX`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberNames {
    /// Before the number.
    pub prefix: String,
    /// After it.
    pub suffix: String,
}

impl Default for NumberNames {
    fn default() -> Self {
        Self { prefix: "node".to_owned(), suffix: String::new() }
    }
}

impl NumberNames {
    /// The name for a number.
    pub(super) fn name(&self, number: &str) -> String {
        format!("{}{number}{}", self.prefix, self.suffix)
    }
}

/// The noderange expands to too many names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Number of names that may still be created.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new(names: usize) -> Self {
        Self(names)
    }

    fn spend(&mut self, names: usize) -> Result<(), TooMany> {
        self.0 = self.0.checked_sub(names).ok_or(TooMany)?;
        Ok(())
    }
}

/// The names; the word itself if it does not expand.
pub(super) fn names(word: &str, numbers: &NumberNames, budget: &mut Budget) -> Result<Vec<String>, TooMany> {
    if Bracketed::parse(word).is_none() {
        return simple(word, numbers, budget);
    }
    Ok(bracketed(word, numbers, budget)?.unwrap_or_else(|| vec![word.to_owned()]))
}

/// `START[LIST]END`, of the first bracket.
struct Bracketed<'a> {
    start: &'a str,
    list: &'a str,
    end: &'a str,
}

impl<'a> Bracketed<'a> {
    fn parse(word: &'a str) -> Option<Self> {
        let (start, rest) = word.split_once('[')?;
        let (list, end) = rest.split_once(']')?;
        (!list.is_empty()).then_some(Self { start, list, end })
    }
}

/// Expands brackets from left to right: the result of earlier brackets and the text after them is the start of the next one.
fn bracketed(word: &str, numbers: &NumberNames, budget: &mut Budget) -> Result<Option<Vec<String>>, TooMany> {
    let mut starts = vec![String::new()];
    let mut rest = Some(word);
    while let Some(part) = rest.and_then(Bracketed::parse) {
        let more = Bracketed::parse(part.end).is_some();
        let end = if more { "" } else { part.end };
        let mut made = Vec::new();
        for start in starts.iter_mut() {
            start.push_str(part.start);
            for item in part.list.split(',') {
                if start.is_empty() || start.len() + item.len() + end.len() > 2 * LONGEST {
                    return Ok(None);
                }
                made.extend(simple(&with(start, item, end), numbers, budget)?);
            }
        }
        starts = made;
        rest = more.then_some(part.end);
    }
    Ok(Some(starts))
}

/// A name with one item of a list in the bracket's place: `1-3` makes it a range `n1-n3`.
fn with(start: &str, item: &str, end: &str) -> String {
    match item.find(['-', ':']).and_then(|at| item.split_at_checked(at)) {
        Some((left, rest)) => {
            let (sign, right) = rest.split_at_checked(1).unwrap_or((rest, ""));
            format!("{start}{left}{end}{sign}{start}{right}{end}")
        }
        None => format!("{start}{item}{end}"),
    }
}

fn simple(word: &str, numbers: &NumberNames, budget: &mut Budget) -> Result<Vec<String>, TooMany> {
    let span = match word.split_once('+') {
        Some((front, count)) => offset(front, count, numbers),
        None => match ends(word) {
            Some((left, right)) if left == right => return one(left, budget),
            Some((left, right)) => between(left, right),
            None => None,
        },
    };
    match span {
        Some(span) => span.names(budget),
        None => one(word, budget),
    }
}

fn one(name: &str, budget: &mut Budget) -> Result<Vec<String>, TooMany> {
    budget.spend(1)?;
    Ok(vec![name.to_owned()])
}

/// Numbers from one to the other, inclusive, with a text around them.
struct Span {
    before: String,
    after: String,
    first: u64,
    last: u64,
    /// Digits to fill up with zeros.
    width: usize,
}

impl Span {
    fn new(first: &str, last: &str, before: String, after: String) -> Option<Self> {
        let padded = first.len() > 1 && first.starts_with('0');
        if padded && last.len() < first.len() {
            return None;
        }
        let width = if padded { first.len() } else { 0 };
        let short = before.len() + after.len() + last.len() <= LONGEST;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        short.then_some(Self { before, after, first, last, width })
    }

    fn names(&self, budget: &mut Budget) -> Result<Vec<String>, TooMany> {
        let Self { before, after, first, last, width } = self;
        let Some(steps) = last.checked_sub(*first) else { return Ok(Vec::new()) };
        let count = usize::try_from(steps).ok().and_then(|steps| steps.checked_add(1)).ok_or(TooMany)?;
        budget.spend(count)?;
        Ok((*first..=*last).map(|number| format!("{before}{number:0width$}{after}")).collect())
    }
}

/// `n1+2`: as many more, counted in the first number that the name or its host part ends with.
fn offset(front: &str, count: &str, numbers: &NumberNames) -> Option<Span> {
    let count: u64 = count.parse().ok().filter(|_| is_number(count))?;
    let (before, number, after) = first_ending_number(front)?;
    let last = number.parse::<u64>().ok()?.checked_add(count)?;
    let last = format!("{last:0width$}", width = number.len());
    let (before, after) = match (before, after) {
        ("", "") => (numbers.prefix.as_str(), numbers.suffix.as_str()),
        parts => parts,
    };
    Span::new(number, &last, before.to_owned(), after.to_owned())
}

/// The first number that ends the text, or that a `.` and more follows: `n1`, `n1.cluster`.
fn first_ending_number(text: &str) -> Option<(&str, &str, &str)> {
    let mut at = 0;
    while let Some(start) = text.get(at..)?.find(is_digit).map(|found| at + found) {
        let length = text.get(start..)?.find(|c| !is_digit(c)).unwrap_or(text.len() - start);
        let after = text.get(start + length..)?;
        if after.is_empty() || (after.starts_with('.') && after.len() > 1) {
            return Some((text.get(..start)?, text.get(start..start + length)?, after));
        }
        at = start + length;
    }
    None
}

/// The two ends of a range: around the `:`, or the `-` in the middle, as names may have `-` themselves.
fn ends(word: &str) -> Option<(&str, &str)> {
    if let Some((left, right)) = word.split_once(':') {
        return (!right.contains(':')).then_some((left, right));
    }
    let count = word.bytes().filter(|byte| *byte == b'-').count();
    let (middle, _) = word.match_indices('-').nth(count / 2).filter(|_| count % 2 == 1)?;
    Some((word.get(..middle)?, word.get(middle + 1..)?))
}

/// Two names that are equal but for one number.
fn between(left: &str, right: &str) -> Option<Span> {
    let (ours, theirs) = (pieces(left), pieces(right));
    let at = ours.iter().zip(&theirs).position(|(a, b)| a != b)?;
    let (first, last) = (ours.get(at)?, theirs.get(at)?);
    let same_end = ours.get(at + 1..)? == theirs.get(at + 1..)?;
    if !(same_end && is_number(first) && is_number(last)) {
        return None;
    }
    Span::new(first, last, ours.get(..at)?.concat(), ours.get(at + 1..)?.concat())
}

/// Runs of digits and of other characters, in turn.
fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_digit(c) != is_digit(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        found.push(piece);
        rest = after;
    }
    found
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_share_one_budget() {
        let mut budget = Budget::new(5);
        let mut made = |word| names(word, &NumberNames::default(), &mut budget);
        assert_eq!(made("n[1-3]"), Ok(vec!["n1".into(), "n2".into(), "n3".into()]));
        assert_eq!(made("x"), Ok(vec!["x".into()]));
        assert_eq!(made("n1-n2"), Err(TooMany));
    }
}
