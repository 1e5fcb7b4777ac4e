//! Items of a column that stand one after the other, separated by `;` or `,`. Quotes keep what is in them together, as a
//! shell's do: in `'...'` everything stands for itself, in `"..."` a backslash makes `"` and `\` stand for themselves. Outside
//! of quotes a backslash is a letter as any other.

/// The items, without their quotes; empty ones left out.
///
/// # Errors
/// A quote that has no end.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut items = Vec::new();
    let mut item = String::new();
    // blanks around an item are none of it, but those in its quotes are
    let mut kept = 0;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ';' | ',' => {
                push(&mut items, std::mem::take(&mut item), kept);
                kept = 0;
            }
            '\'' | '"' => {
                item.push_str(&quoted(letter, &mut letters)?);
                kept = item.len();
            }
            blank if blank.is_whitespace() && item.is_empty() => {}
            letter => item.push(letter),
        }
    }
    push(&mut items, item, kept);
    Ok(items)
}

fn push(items: &mut Vec<String>, mut item: String, kept: usize) {
    item.truncate(item.trim_end().len().max(kept));
    if !item.is_empty() {
        items.push(item);
    }
}

fn quoted(quote: char, letters: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            end if end == quote => return Ok(text),
            '\\' if quote == '"' => match letters.next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => break,
            },
            letter => text.push(letter),
        }
    }
    Err(format!("the quote {quote} has no end"))
}

/// An item as it is written so that [`split`] reads the same.
#[cfg(test)]
fn quote(item: &str) -> String {
    format!("\"{}\"", item.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_keep_separators_and_blanks() {
        for (text, items) in [
            ("a=1; b=2,c=3;", vec!["a=1", "b=2", "c=3"]),
            (r#"a="1,2;3"; b=' x '"#, vec!["a=1,2;3", "b= x "]),
            (r#"a="say \"hi\" \n \\""#, vec![r#"a=say "hi" \n \"#]),
            (r"a='{\x}';C:\dir", vec![r"a={\x}", r"C:\dir"]),
            ("", vec![]),
            ("''", vec![]),
        ] {
            assert_eq!(split(text).unwrap(), items, "{text}");
        }
        assert_eq!(split("a='1"), Err("the quote ' has no end".to_owned()));
        assert_eq!(split("a=\"1\\"), Err("the quote \" has no end".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_again(items in proptest::collection::vec("[^\u{0}]{1,20}", 0..6)) {
            let text: Vec<String> = items.iter().map(|item| quote(item)).collect();
            prop_assert_eq!(split(&text.join(";")), Ok(items));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC*") {
            let _ = split(&text);
        }
    }
}
