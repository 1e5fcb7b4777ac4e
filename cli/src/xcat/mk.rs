//! `mkdocker` and `mkvm`: `[image=IMAGE [command=WORDS]] [dockerflag=JSON]`, and for `mkvm` `[-f|--force]`.

use super::own_command::OwnCommand;

/// The words that they take.
const WORDS: [&str; 3] = ["image", "command", "dockerflag"];

/// A container that exists is an error, as it always was. `mkvm --force` recreates one that differs from the tables.
pub(super) fn parse(name: &str, words: &[String]) -> Result<OwnCommand, String> {
    let mut own = OwnCommand::new("mk", &["--new"]);
    for word in words {
        if name == "mkvm" && ["-f", "--force"].contains(&word.as_str()) {
            own.options = vec!["--replace"];
            continue;
        }
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        if !WORDS.contains(&key) {
            return Err(format!("Option {key} is not supported for {name}"));
        }
        if value.is_empty() {
            return Err(format!("Must set value for {key}"));
        }
        own.words.push(word.clone());
    }
    if has_word(&own, "command") && !has_word(&own, "image") {
        return Err("Must set 'image' if use 'command'".to_owned());
    }
    Ok(own)
}

/// Whether the command line says that word.
pub(super) fn has_word(own: &OwnCommand, key: &str) -> bool {
    own.words.iter().any(|word| word.split_once('=').is_some_and(|(said, _)| said == key))
}

#[cfg(test)]
mod tests {
    use crate::xcat::command::tests::own;

    #[test]
    fn mkdocker_s_words_become_mk_s() {
        assert_eq!(own("mkdocker", &[]).unwrap(), "mk --new");
        assert_eq!(
            own("mkvm", &["image=bb", "command=/bin/sleep,1000"]).unwrap(),
            "mk --new image=bb command=/bin/sleep,1000"
        );
        assert_eq!(
            own("mkdocker", &["dockerflag={\"Tty\":true}"]).unwrap(),
            "mk --new dockerflag={\"Tty\":true}"
        );
    }

    #[test]
    fn mkvm_takes_force() {
        assert_eq!(own("mkvm", &["-f"]).unwrap(), "mk --replace");
        assert_eq!(own("mkvm", &["image=bb", "--force"]).unwrap(), "mk --replace image=bb");
        assert_eq!(own("mkdocker", &["-f"]).unwrap_err(), "Option -f is not supported for mkdocker");
        assert_eq!(own("mkvm", &["-m"]).unwrap_err(), "Option -m is not supported for mkvm");
    }

    #[test]
    fn what_is_wrong_is_told_in_its_words() {
        let told = |words: &[&str]| own("mkdocker", words).unwrap_err();
        assert_eq!(told(&["command=/bin/sh"]), "Must set 'image' if use 'command'");
        assert_eq!(told(&["foo=bar"]), "Option foo is not supported for mkdocker");
        assert_eq!(told(&["image"]), "Must set value for image");
    }

    #[test]
    fn defect_6_image_is_a_word_of_its_own_and_not_empty() {
        // the original found image= anywhere in a word, and took an empty one for the stored image
        assert_eq!(own("mkdocker", &["command=x,image=y"]).unwrap_err(), "Must set 'image' if use 'command'");
        assert_eq!(
            own("mkdocker", &["xximage=y"]).unwrap_err(),
            "Option xximage is not supported for mkdocker"
        );
        assert_eq!(own("mkdocker", &["image="]).unwrap_err(), "Must set value for image");
    }
}
