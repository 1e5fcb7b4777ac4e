//! `rpower`: one word. Beside those of the docker plugin (start stop restart pause unpause state) it takes those of every other
//! kind of node, which the original refused.

use clap::ValueEnum as _;

use super::command::Own;
use crate::args::PowerAction;

pub(super) fn parse(words: &[String]) -> Result<Own, String> {
    match words {
        [] => Err("No option specified for rpower".to_owned()),
        [word] if PowerAction::from_str(word, false).is_ok() => {
            Ok(Own { words: vec![word.clone()], ..Own::new("power", &[]) })
        }
        [word] => Err(format!("The option {word} not support for rpower")),
        _ => Err("Only one option is supportted at the same time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::xcat::command::tests::own;

    #[test]
    fn the_words_of_every_kind_of_node_are_taken() {
        for word in [
            "start", "stop", "restart", "pause", "unpause", "state", "on", "off", "stat", "boot", "reset",
            "softoff",
        ] {
            assert_eq!(own("rpower", &[word]).unwrap(), format!("power {word}"));
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_its_words() {
        let told = |words: &[&str]| own("rpower", words).unwrap_err();
        assert_eq!(told(&[]), "No option specified for rpower");
        assert_eq!(told(&["sideways"]), "The option sideways not support for rpower");
        // the original's spelling
        assert_eq!(told(&["on", "off"]), "Only one option is supportted at the same time");
    }
}
