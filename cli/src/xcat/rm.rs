//! `rmdocker` and `rmvm`: `[-f|--force]`, and for `rmvm` `[-p]`: the storage too (rmvm(1)).

use super::own_command::OwnCommand;

pub(super) fn parse(name: &str, words: &[String]) -> Result<OwnCommand, String> {
    let mut own = OwnCommand::new("rm", &[]);
    for word in words {
        match (name, word.as_str()) {
            (_, "-f" | "--force") => own.options.push("--force"),
            ("rmvm", "-p") => own.options.push("--volumes"),
            (_, other) => return Err(format!("Option {other} is not supported for {name}")),
        }
    }
    own.options.sort_unstable();
    own.options.dedup();
    Ok(own)
}

#[cfg(test)]
mod tests {
    use crate::xcat::command::tests::own;

    #[test]
    fn rmdocker_takes_force_and_rmvm_also_storage() {
        assert_eq!(own("rmdocker", &[]).unwrap(), "rm");
        assert_eq!(own("rmdocker", &["-f"]).unwrap(), "rm --force");
        assert_eq!(own("rmdocker", &["-f", "--force"]).unwrap(), "rm --force");
        assert_eq!(own("rmvm", &["--force"]).unwrap(), "rm --force");
        assert_eq!(own("rmvm", &["-p", "-f"]).unwrap(), "rm --force --volumes");
        assert_eq!(own("rmdocker", &["-p"]).unwrap_err(), "Option -p is not supported for rmdocker");
        assert_eq!(own("rmvm", &["-r"]).unwrap_err(), "Option -r is not supported for rmvm");
        assert_eq!(own("rmdocker", &["-x"]).unwrap_err(), "Option -x is not supported for rmdocker");
    }
}
