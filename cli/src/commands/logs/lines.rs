//! Splits chunks into lines.

/// Longer lines are split, so that no log can fill our memory.
const MAX_LINE: usize = 64 * 1024;

/// The partial line.
#[derive(Debug, Default)]
pub(in crate::commands) struct Lines(Vec<u8>);

impl Lines {
    /// Adds a chunk and returns the complete lines.
    pub(in crate::commands) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(part);
            if part.ends_with(b"\n") || self.0.len() >= MAX_LINE {
                whole.push(text(&std::mem::take(&mut self.0)));
            }
        }
        whole
    }

    /// The last line, if it has no line feed.
    pub(in crate::commands) fn rest(self) -> Option<String> {
        (!self.0.is_empty()).then(|| text(&self.0))
    }
}

/// Lines of terminals end with "\r\n".
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_wherever_the_pieces_end() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"a\nb"), ["a"]);
        assert_eq!(lines.take(b"c\r\n\nf"), ["bc", ""]);
        assert_eq!(lines.rest().as_deref(), Some("f"));
    }

    #[test]
    fn a_line_without_end_is_told_in_parts() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(&vec![b'x'; MAX_LINE + 1])[0].len(), MAX_LINE + 1);
        assert_eq!(lines.rest(), None);
    }
}
