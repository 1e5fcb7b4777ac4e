//! Commands in shell syntax: xCAT reads `busybox!sh -c "sleep 1"` as a single argument, which is not a program.

use super::Finding;
use crate::container::ContainerSpec;

/// A warning only: the image's entry point may expect such an argument.
pub(super) fn of_container(spec: &ContainerSpec) -> Option<Finding> {
    let command = spec.command.as_ref().filter(|_| spec.settings.entrypoint.is_none())?;
    let program = command.first().filter(|word| word.contains(char::is_whitespace))?;
    let (node, image) = (&spec.node, spec.image.as_deref().unwrap_or_default());
    let remedy = match command.len() {
        1 => format!("separate words by commas: provmethod={image}!{}", provmethod(&shell_words(program))),
        _ => "separate words by commas".to_owned(),
    };
    let place = format!("nodetype.provmethod of {node}");
    let text = format!(
        "{place}: the command begins with the single word {program:?}, which is not a program; {remedy}"
    );
    Some(Finding::warning(place, &text, []))
}

/// The command in the form of `provmethod`. Arguments that contain commas need a JSON list.
fn provmethod(words: &[String]) -> String {
    if words.iter().any(|word| word.contains(',')) {
        return serde_json::to_string(words).unwrap_or_default();
    }
    words.join(",")
}

/// Splits a command as a shell does: quotes keep blanks.
fn shell_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(end)) if letter == end => quote = None,
            (blank, None) if blank.is_whitespace() => words.push(std::mem::take(&mut word)),
            (letter, _) => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("sh -c \"sleep 1\"", "sh,-c,sleep 1"),
            ("  sleep   inf ", "sleep,inf"),
            ("sh -c 'echo a, b'", r#"["sh","-c","echo a, b"]"#),
            ("sh -c 'no end", "sh,-c,no end"),
        ] {
            assert_eq!(provmethod(&shell_words(text)), expected);
        }
    }
}
