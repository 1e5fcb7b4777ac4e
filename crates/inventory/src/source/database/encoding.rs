//! Text that passed through a Latin-1 connection.
//!
//! xCAT writes UTF-8, and lets MySQL's client library choose the connection's character set. Where that is `latin1`, the server takes
//! each byte for a character: `ü` is stored as `Ã¼`. xCAT reads its own text back the same way and sees `ü` again.

/// Characters of the bytes 0x80 to 0x9f in MySQL's `latin1`, which is Windows-1252. Bytes that it leaves undefined stand for
/// themselves (MySQL Reference Manual, "West European Character Sets").
const UPPER: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text that was written, where `text` is the Latin-1 reading of UTF-8; else `text` itself.
pub(super) fn repaired(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(byte).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(text)
}

fn byte(character: char) -> Option<u8> {
    match UPPER.iter().position(|known| *known == character) {
        Some(at) => u8::try_from(0x80 + at).ok(),
        None => u8::try_from(u32::from(character)).ok().filter(|byte| !(0x80..0xa0).contains(byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a server gives for the bytes of `text` that it took for Latin-1.
    fn misread(text: &str) -> String {
        let character = |byte: u8| match byte {
            0x80..0xa0 => UPPER[usize::from(byte - 0x80)],
            byte => char::from(byte),
        };
        text.bytes().map(character).collect()
    }

    #[test]
    fn text_that_was_written_as_it_is_stays() {
        for text in ["", "rack 7", "Größe", "Zürich, Geb. é", "服务器", "a€b", "ÿ"] {
            assert_eq!(repaired(text.to_owned()), text);
        }
        assert_eq!(misread("Größe €"), "GrÃ¶ÃŸe â‚¬");
    }

    proptest! {
        #[test]
        fn misread_text_is_read_as_it_was_written(text in "\\PC{0,40}") {
            prop_assert_eq!(repaired(misread(&text)), text);
        }
    }
}
