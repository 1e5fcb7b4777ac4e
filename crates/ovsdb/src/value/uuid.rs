//! UUIDs of rows.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A UUID in the form of OVSDB: 8-4-4-4-12 hexadecimal digits (RFC 7047 section 3.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(u128);

/// Text that is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{0}\" is not a UUID: 8-4-4-4-12 hexadecimal digits are needed")]
pub struct UuidError(String);

/// Positions of the hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Uuid {
    /// The UUID of no row. As a transaction ID it means "none" (ovsdb-server(7), `monitor_cond_since`).
    pub const ZERO: Self = Self(0);

    /// A UUID from its 128 bits, the first digit being the highest.
    pub fn from_u128(bits: u128) -> Self {
        Self(bits)
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        let wrong = || UuidError(text.chars().take(64).collect());
        if text.len() != 36 {
            return Err(wrong());
        }
        let mut bits = 0;
        for (at, character) in text.char_indices() {
            match character.to_digit(16) {
                None if character == '-' && HYPHENS.contains(&at) => {}
                Some(digit) if !HYPHENS.contains(&at) => bits = bits << 4 | u128::from(digit),
                _ => return Err(wrong()),
            }
        }
        Ok(Self(bits))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = |shift: u32, digits: u32| self.0 >> shift & ((1 << (4 * digits)) - 1);
        let (a, b, c, d, e) = (field(96, 8), field(80, 4), field(64, 4), field(48, 4), field(0, 12));
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let text = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(text.parse::<Uuid>().unwrap().to_string(), text);
        assert_eq!(Uuid::ZERO.to_string(), "00000000-0000-0000-0000-000000000000");
        assert_eq!(Uuid::from_u128(u128::MAX).to_string(), "ffffffff-ffff-ffff-ffff-ffffffffffff");
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "550e8400e29b41d4a716446655440000",
            "550e8400-e29b-41d4-a716-44665544000g",
            "550e8400-e29b-41d4-a716-4466554400000",
            "550e8400-e29b-41d4-a716--46655440000",
            "550e8400-e29b-41d4-a716-4466554400é",
        ] {
            let error = text.parse::<Uuid>().unwrap_err();
            let told = format!("\"{text}\" is not a UUID: 8-4-4-4-12 hexadecimal digits are needed");
            assert_eq!(error.to_string(), told);
        }
    }
}
