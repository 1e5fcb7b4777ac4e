//! Formats an error and its causes on one line. Programs print this once, before they exit or log; no `Display` of
//! ours includes the source error.

use std::error::Error;

/// Returns `error: cause: next cause`. A cause that the text already ends with is not repeated: some
/// libraries include it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Failure(&'static str, Option<Box<Failure>>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failure {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn every_cause_is_said_once() {
        let cause = Failure("no such file", None);
        let repeats = Failure("open: no such file", Some(Box::new(cause)));
        let error = Failure("cannot read it", Some(Box::new(repeats)));
        assert_eq!(chain(&error), "cannot read it: open: no such file");
    }
}
