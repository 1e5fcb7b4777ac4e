//! Names from tables and command lines. They are checked when they are parsed.
//!
//! Rules: Docker must accept the name of a container (moby `daemon/names/names.go`:
//! `[a-zA-Z0-9][a-zA-Z0-9_.-]+`), and the kernel the name of an interface (`dev_valid_name`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Invalid name. The message has the name and the rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid {kind} name {name:?}: {rule}")]
pub struct NameError {
    kind: &'static str,
    name: String,
    rule: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { kind: $kind, name: text.to_owned(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.into()
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name_type!(
    /// The name of a node: a row of `nodelist`, and the name of its container.
    NodeName,
    "node",
    "1 to 128 letters, digits, '.', '_' or '-', the first a letter or digit",
    |text| word(text, 128)
);

name_type!(
    /// `netname` of a row of `networks`, and the name of the Docker network. `makenetworks` calls an IPv6 network by its
    /// prefix, `fd55:1234::/64`; Docker takes all but blanks, and `container:` begins another kind of network mode.
    NetName,
    "network",
    "1 to 128 letters, digits, '.', '_', '-', ':' or '/', the first a letter or digit, not 'container:...'",
    |text| text.len() <= 128 && !text.starts_with("container:") && begins_well(text) && text.bytes().all(|b| is_of_word(b) || matches!(b, b':' | b'/'))
);

name_type!(
    /// The name of a network interface on a host or in a container.
    IfName,
    "interface",
    "1 to 15 bytes, no '/', ':', '%', white space or control character, not '.' or '..'",
    |text| {
        (1..=15).contains(&text.len())
            && text != "."
            && text != ".."
            && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b':' | b'%' | b'\'' | b'"' | b'\\'))
    }
);

impl IfName {
    /// `eth0`: the interface of `hosts.ip` where the tables name no other.
    pub fn eth0() -> Self {
        Self("eth0".into())
    }
}

fn word(text: &str, longest: usize) -> bool {
    text.len() <= longest && begins_well(text) && text.bytes().all(is_of_word)
}

fn begins_well(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn is_of_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_is_told_with_its_rule() {
        let error = "a b".parse::<NodeName>().unwrap_err().to_string();
        assert!(error.starts_with("invalid node name \"a b\": 1 to 128 letters"), "{error}");
        assert!("sixteen-letters-".parse::<IfName>().is_err());
        assert!("eth0".parse::<IfName>().is_ok());
        for name in ["mynet0", "10_0_0_0-255_255_0_0", "fd55:1234::/64", "2001:db8::/32"] {
            assert_eq!(name.parse::<NetName>().unwrap().as_str(), name);
        }
        for name in ["", "a b", "/64", "::/64", "container:d1", "a%b"] {
            assert!(name.parse::<NetName>().is_err(), "{name}");
        }
    }
}
