//! `rmdocker` and `rmvm`: `[-f|--force]`.

use super::command::Own;

pub(super) fn parse(name: &str, words: &[String]) -> Result<Own, String> {
    let mut own = Own::new("rm", &[]);
    for word in words {
        match word.as_str() {
            "-f" | "--force" => own.options = vec!["--force"],
            other => return Err(format!("Option {other} is not supported for {name}")),
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use crate::xcat::command::tests::own;

    #[test]
    fn rmdocker_takes_force_and_nothing_else() {
        assert_eq!(own("rmdocker", &[]).unwrap(), "rm");
        assert_eq!(own("rmdocker", &["-f"]).unwrap(), "rm --force");
        assert_eq!(own("rmvm", &["--force"]).unwrap(), "rm --force");
        assert_eq!(own("rmdocker", &["-x"]).unwrap_err(), "Option -x is not supported for rmdocker");
    }
}
