//! Natural order of names: `c2` before `c10`. Pure.

use std::cmp::Ordering;

/// Compares names; digits compare as numbers.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let order = match (part(&mut left), part(&mut right)) {
            // `c01` and `c1` are equal up to here
            (None, None) => return one.cmp(other),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.len().cmp(&b.len()).then(a.cmp(b)),
                _ => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Removes and returns the leading digits or the leading text; `None`: the text is empty.
fn part<'a>(text: &mut &'a str) -> Option<&'a str> {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let begins_with_digit = text.starts_with(is_digit);
    let end = text.find(|letter| is_digit(letter) != begins_with_digit).unwrap_or(text.len());
    let (part, rest) = text.split_at_checked(end)?;
    *text = rest;
    (!part.is_empty()).then_some(part)
}

/// Digits without leading zeros.
fn number(part: &str) -> Option<&str> {
    part.starts_with(|letter: char| letter.is_ascii_digit()).then(|| part.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let mut names = vec![
            "host10",
            "c10",
            "host1c2",
            "c2",
            "c02",
            "c1",
            "c",
            "b9",
            "host1",
            "host1c10",
            "c2x",
            "c99999999999999999999999",
        ];
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(
            names,
            [
                "b9",
                "c",
                "c1",
                "c02",
                "c2",
                "c2x",
                "c10",
                "c99999999999999999999999",
                "host1",
                "host1c2",
                "host1c10",
                "host10"
            ]
        );
    }

    proptest! {
        /// A total order, and only equal names are equal.
        #[test]
        fn it_is_an_order(a in "[ab0-2]{0,6}", b in "[ab0-2]{0,6}", c in "[ab0-2]{0,6}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b).is_eq(), a == b);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}
