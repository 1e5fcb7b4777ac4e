//! Names in a noderange whose nodes need not exist yet.

use super::expand::{self, Budget, TooMany};
use super::{Factor, LIMIT, NoderangeError, NumberNames, parse};

/// Names in `text`, in its order, without duplicates. The nodes need not exist. Only words and ranges are valid
/// (`n[1-3],m1-m4,-n2`). Groups, criteria and regular expressions select existing nodes and are refused.
///
/// # Errors
/// Members that are not names, or too many names.
pub fn names(text: &str, numbers: &NumberNames) -> Result<Vec<String>, NoderangeError> {
    let mut budget = Budget::new(LIMIT);
    let (mut written, mut excluded, mut members) = (Vec::new(), Vec::new(), Vec::new());
    for element in parse(text)?.elements {
        match element.factors.as_slice() {
            [Factor::Word(word)] => {
                let made = expand::names(word, numbers, &mut budget)
                    .map_err(|TooMany| NoderangeError::TooMany { member: word.clone() })?;
                let list = if element.exclude { &mut excluded } else { &mut written };
                list.extend(made);
            }
            _ => members.push(text.to_owned()),
        }
    }
    if !members.is_empty() {
        return Err(NoderangeError::Invalid { members });
    }
    let mut seen: std::collections::HashSet<String> = excluded.into_iter().collect();
    written.retain(|name| seen.insert(name.clone()));
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_not_exist() {
        let names = |text: &str| names(text, &NumberNames::default()).map_err(|error| error.to_string());
        assert_eq!(names("b[1-3],a,-b2,a"), Ok(vec!["b1".into(), "b3".into(), "a".into()]));
        assert_eq!(names("h[1-2]c[1-2]"), Ok(["h1c1", "h1c2", "h2c1", "h2c2"].map(str::to_owned).into()));
        let message = "Invalid nodes and/or groups in noderange: mgt==docker".to_owned();
        assert_eq!(names("mgt==docker"), Err(message));
    }
}
