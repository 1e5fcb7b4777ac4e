//! An error and its causes on one line: what a program says at its edge, once. No Display of ours holds its source.

use std::error::Error;

/// `error: its cause: the cause's cause`, each once: some libraries repeat a cause in their own words.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
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
    struct Told(&'static str, Option<Box<Told>>);

    impl fmt::Display for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Told {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn every_cause_is_said_once() {
        let cause = Told("no such file", None);
        let repeats = Told("open: no such file", Some(Box::new(cause)));
        let error = Told("cannot read it", Some(Box::new(repeats)));
        assert_eq!(chain(&error), "cannot read it: open: no such file");
    }
}
