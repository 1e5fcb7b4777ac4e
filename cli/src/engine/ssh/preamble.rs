//! Separates the output of a program on a host from output before it.
//!
//! Root's login files (`.bashrc`, `.cshrc`) run before each command and may print text. So a mark precedes the
//! command's output on both streams, and text before the mark is ignored.

/// Mark line.
const MARK: &str = "xdock: output follows";

/// Prints the mark and executes the program. Runs in `sh`, whatever root's shell is.
const SCRIPT: &str = "echo 'xdock: output follows'; echo 'xdock: output follows' >&2; exec \"$0\" \"$@\"";

/// Limit of output before the mark.
const LIMIT: usize = 64 * 1024;

/// Command line for the login shell of a host.
pub(super) fn command(words: &[&str]) -> String {
    format!("exec sh -c {} {}", process::shell_word(SCRIPT), process::shell_words(words))
}

/// Output after the mark; `None`: no mark.
pub(super) fn after(output: &[u8]) -> Option<&[u8]> {
    let mark = format!("{MARK}\n");
    let at = output.windows(mark.len()).position(|window| window == mark.as_bytes())?;
    output.get(at + mark.len()..)
}

/// Text after the mark, or all text without one.
pub(super) fn own(text: &str) -> &str {
    after(text.as_bytes()).and_then(|own| std::str::from_utf8(own).ok()).unwrap_or(text)
}

/// Stream before the mark.
#[derive(Debug, Default)]
pub(in crate::engine) struct Preamble(Vec<u8>);

impl Preamble {
    /// Adds output; returns the output after the mark once it is found. `Err`: the mark is missing.
    pub(in crate::engine) fn take(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
        self.0.extend_from_slice(bytes);
        match after(&self.0) {
            Some(rest) => Ok(Some(rest.to_vec())),
            None if self.0.len() > LIMIT => Err(self.error().unwrap_or_default()),
            None => Ok(None),
        }
    }

    /// Error for a stream without the mark; `None`: it is empty.
    pub(in crate::engine) fn error(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        let first: String = first.chars().take(80).collect();
        Some(format!(
            "root's login files on the host print text and start no command (first line: {first:?}); disable them for non-interactive shells"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_line_for_any_shell() {
        assert_eq!(
            command(&["netd", "snapshot", "load", "-"]),
            r#"exec sh -c 'echo '\''xdock: output follows'\''; echo '\''xdock: output follows'\'' >&2; exec "$0" "$@"' netd snapshot load -"#
        );
        assert!(SCRIPT.contains(MARK));
    }

    #[test]
    fn what_login_files_print_is_cut_off() {
        assert_eq!(after(b"hello\nxdock: output follows\n{}\n"), Some(&b"{}\n"[..]));
        assert_eq!(after(b"no line end xdock: output follows\n{}\n"), Some(&b"{}\n"[..]));
        assert_eq!(after(b"{}\n"), None);
        assert_eq!(own("stty: no tty\nxdock: output follows\nnetd: no\n"), "netd: no\n");
        assert_eq!(own("ssh: no route\n"), "ssh: no route\n");
    }

    #[test]
    fn a_stream_is_cut_wherever_its_pieces_end() {
        let text = b"hello\nxdock: output follows\nHTTP/1.1 200 OK\n";
        for cut in 0..text.len() {
            let mut preamble = Preamble::default();
            let (first, second) = text.split_at(cut);
            let rest = match preamble.take(first).unwrap() {
                Some(rest) => [rest.as_slice(), second].concat(),
                None => preamble.take(second).unwrap().unwrap(),
            };
            assert_eq!(rest, b"HTTP/1.1 200 OK\n", "{cut}");
        }
    }

    #[test]
    fn text_without_the_mark_is_told_by_its_first_line() {
        let mut preamble = Preamble::default();
        assert_eq!(preamble.error(), None);
        preamble.take(b"\nhello\nyou\n").unwrap();
        let text = "root's login files on the host print text and start no command (first line: \"hello\"); disable them for non-interactive shells";
        assert_eq!(preamble.error().unwrap(), text);
        assert_eq!(preamble.take(&[b'x'; LIMIT]).unwrap_err(), text);
    }
}
