//! Items of a column, separated by `;` or `,`. Quotes work as in a shell: in `'...'` every character is literal,
//! in `"..."` a backslash escapes `"` and `\`. Outside of quotes a backslash is an ordinary
//! character. JSON after `docker=` and `entrypoint=` keeps its own quotes and commas.

use std::str::Chars;

use serde::de::IgnoredAny;

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Text without quotes.
    pub(super) text: String,
    /// Whether a `,` separates it from the previous item: it may be another value of that item.
    pub(super) after_comma: bool,
}

/// Splits a column into items, without empty ones.
///
/// # Errors
/// A quote that is not closed.
pub(super) fn split(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut item = Item { text: String::new(), after_comma: false };
    // blanks around an item are ignored, blanks in quotes are kept
    let mut kept = 0;
    let mut letters = text.chars();
    loop {
        let rest = letters.as_str();
        match letters.next() {
            None => break,
            Some(separator @ (';' | ',')) => {
                let next = Item { text: String::new(), after_comma: separator == ',' };
                push(&mut items, std::mem::replace(&mut item, next), kept);
                kept = 0;
            }
            Some(quote @ ('\'' | '"')) => {
                item.text.push_str(&quoted(quote, &mut letters)?);
                kept = item.text.len();
            }
            Some('{' | '[') if let Some(json) = json(&item.text, rest) => {
                item.text.push_str(json);
                kept = item.text.len();
                letters = after(rest, json);
            }
            Some(blank) if blank.is_whitespace() && item.text.is_empty() => {}
            Some(letter) => item.text.push(letter),
        }
    }
    push(&mut items, item, kept);
    Ok(items)
}

/// The JSON value at the start of `rest`, if the item takes one. The end of an invalid object is unknown: the value is
/// then all of `rest`, and its parser reports the error.
fn json<'a>(item: &str, rest: &'a str) -> Option<&'a str> {
    let key = item.trim_end().strip_suffix('=')?.trim_end();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    let is_whole = values.next().is_some_and(|value| value.is_ok());
    match (key, is_whole) {
        ("docker" | "entrypoint", true) => rest.get(..values.byte_offset()),
        ("docker", false) => Some(rest),
        _ => None,
    }
}

fn after<'a>(rest: &'a str, json: &str) -> Chars<'a> {
    rest.get(json.len()..).unwrap_or_default().chars()
}

fn push(items: &mut Vec<Item>, mut item: Item, kept: usize) {
    item.text.truncate(item.text.trim_end().len().max(kept));
    if !item.text.is_empty() {
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

/// Quotes an item so that [`split`] returns the same item.
#[cfg(test)]
fn quote(item: &str) -> String {
    format!("\"{}\"", item.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Result<Vec<String>, String> {
        Ok(split(text)?.into_iter().map(|item| item.text).collect())
    }

    #[test]
    fn json_keeps_its_quotes_and_commas() {
        for (text, items) in [
            (r#"docker={"A":"x,y;z"},tty=yes"#, vec![r#"docker={"A":"x,y;z"}"#, "tty=yes"]),
            (r#"docker = {"A":1} ; b=2"#, vec![r#"docker = {"A":1}"#, "b=2"]),
            (r#"entrypoint=["sh","-c","a, b"];b=2"#, vec![r#"entrypoint=["sh","-c","a, b"]"#, "b=2"]),
            ("docker={A:1,B:2},b=2", vec!["docker={A:1,B:2},b=2"]),
            ("port=[::1]:53:53,b=2", vec!["port=[::1]:53:53", "b=2"]),
            ("entrypoint=[,-f,/x", vec!["entrypoint=[", "-f", "/x"]),
            (r#"env=A={"x":1},b=2"#, vec!["env=A={x:1}", "b=2"]),
        ] {
            assert_eq!(texts(text).unwrap(), items, "{text}");
        }
    }

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
            assert_eq!(texts(text).unwrap(), items, "{text}");
        }
        assert_eq!(texts("a='1"), Err("the quote ' has no end".to_owned()));
        assert_eq!(texts("a=\"1\\"), Err("the quote \" has no end".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_again(items in proptest::collection::vec("[^\u{0}]{1,20}", 0..6)) {
            let text: Vec<String> = items.iter().map(|item| quote(item)).collect();
            prop_assert_eq!(texts(&text.join(";")), Ok(items));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC*") {
            let _ = split(&text);
        }
    }
}
