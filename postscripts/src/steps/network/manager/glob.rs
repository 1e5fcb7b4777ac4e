//! Shell patterns as in fnmatch(3): `*`, `?`, `[...]` and backslash. Pure.

/// Whether a text matches a pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    matches_chars(&pattern, &text)
}

/// Whether a text contains pattern characters.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn matches_chars(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['*', rest @ ..], _) => {
            matches_chars(rest, text)
                || text.split_first().is_some_and(|(_, text)| matches_chars(pattern, text))
        }
        (_, []) => false,
        (['?', rest @ ..], [_, text @ ..]) => matches_chars(rest, text),
        (['[', rest @ ..], [first, text @ ..]) => match set(rest) {
            Some((set, rest)) => set.has(*first) && matches_chars(rest, text),
            None => *first == '[' && matches_chars(rest, text),
        },
        (['\\', one, rest @ ..], [first, text @ ..]) => one == first && matches_chars(rest, text),
        ([one, rest @ ..], [first, text @ ..]) => one == first && matches_chars(rest, text),
    }
}

/// A bracket expression, without its brackets.
struct Set<'a> {
    inverted: bool,
    members: &'a [char],
}

/// The bracket expression at the beginning and the rest; `None` if it is not closed. A `]` at the first
/// position is a member.
fn set(pattern: &[char]) -> Option<(Set<'_>, &[char])> {
    let (inverted, members) = match pattern {
        ['!' | '^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let end = members.iter().skip(1).position(|letter| *letter == ']')? + 1;
    let (members, rest) = members.split_at_checked(end)?;
    Some((Set { inverted, members }, rest.get(1..)?))
}

impl Set<'_> {
    fn has(&self, letter: char) -> bool {
        let mut members = self.members;
        let mut found = false;
        while let [first, rest @ ..] = members {
            members = match rest {
                ['-', last, rest @ ..] => {
                    found |= (*first..=*last).contains(&letter);
                    rest
                }
                _ => {
                    found |= *first == letter;
                    rest
                }
            };
        }
        found != self.inverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (text, pattern) in [
            ("eth0", "eth*"),
            ("eth0", "*"),
            ("eth0", "e?h0"),
            ("eth0", "eth0"),
            ("ens1f0", "en*f*"),
            ("eth0", "eth[0-9]"),
            ("eth0", "eth[!1]"),
            ("eth0", "eth[10]"),
            ("eth]", "eth[]]"),
            ("eth[", "eth["),
            ("eth*", "eth\\*"),
        ] {
            assert!(matches(pattern, text), "{text} {pattern}");
        }
        for (text, pattern) in [
            ("eth0", "en*"),
            ("eth0", "eth"),
            ("eth", "eth?"),
            ("eth0", ""),
            ("eth0", "eth[1-9]"),
            ("eth0", "eth[^0]"),
            ("eth0", "eth\\*"),
        ] {
            assert!(!matches(pattern, text), "{text} {pattern}");
        }
    }
}
