//! Docker's identifiers: 64 lower-case hexadecimal digits (moby `pkg/stringid`).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Text that is not a Docker identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("64 lower-case hexadecimal digits are needed")]
pub struct IdError;

macro_rules! id_type {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            /// The identifier as text; safe as a file name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_id(text) { Ok(Self(text.into())) } else { Err(IdError) }
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A Docker network. Each host has its own ID for it, and it changes when the network is recreated.
    NetworkId
);
id_type!(
    /// A container's endpoint on a network. It changes at each start of the container.
    EndpointId
);

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_lower_case_digits_are_an_identifier() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(good.parse::<NetworkId>().unwrap().as_str(), good);
        for bad in ["", "abc", &good.to_uppercase(), &"../".repeat(21), &format!("{good}0")] {
            assert_eq!(bad.parse::<EndpointId>(), Err(IdError), "{bad}");
        }
    }
}
