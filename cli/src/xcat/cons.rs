//! `rcons`: one node. xCAT's own `rcons` calls `share/xcat/cons/docker`; this is for machines without xCAT.

use super::own_command::OwnCommand;

/// `-f` (take the console from others) and `-s` (in a window of its own) are about console servers: there is none here.
pub(super) fn parse(words: &[String]) -> Result<OwnCommand, String> {
    match words.iter().find(|word| !["-f", "--force", "-s", "--screen"].contains(&word.as_str())) {
        Some(other) => Err(format!("Option {other} is not supported for rcons")),
        None => Ok(OwnCommand::new("cons", &[])),
    }
}

#[cfg(test)]
mod tests {
    use crate::xcat::command::tests::own;

    #[test]
    fn what_is_for_console_servers_is_taken_and_means_nothing() {
        assert_eq!(own("rcons", &["-f", "-s"]).unwrap(), "cons");
        assert_eq!(own("rcons", &["host9"]).unwrap_err(), "Option host9 is not supported for rcons");
    }
}
