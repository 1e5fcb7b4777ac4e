//! Ethernet addresses (IEEE 802), and the derived address of a node without one in the tables.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::name::{NetName, NodeName};

/// An Ethernet address, printed in lower case with colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddr([u8; 6]);

/// Error: not a unicast Ethernet address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MacError {
    /// Not six hexadecimal bytes.
    #[error("invalid MAC address {0:?}: six hexadecimal bytes such as 02:42:0a:63:01:02 are needed")]
    Form(String),
    /// A group address (IEEE 802: lowest bit of the first byte) or all zeros; no interface can have it.
    #[error("invalid MAC address {0}: an interface cannot have a group address or all zeros")]
    NotUnicast(String),
}

impl MacAddr {
    /// Derives the address of a node on a network for nodes without `mac.mac`: locally administered, unicast, and
    /// a function of the two names only, so that it is the same on every host and after every restart.
    pub fn derive(node: &NodeName, network: &NetName) -> Self {
        let hash = Sha256::new()
            .chain_update(node.as_str())
            .chain_update([0])
            .chain_update(network.as_str())
            .finalize();
        let mut bytes = [0x02; 6];
        for (byte, from) in bytes.iter_mut().skip(1).zip(hash.iter()) {
            *byte = *from;
        }
        Self(bytes)
    }

    /// The six bytes in transmission order.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl FromStr for MacAddr {
    type Err = MacError;

    /// Accepts `:`, `-` or nothing between the bytes.
    fn from_str(text: &str) -> Result<Self, MacError> {
        let form = || MacError::Form(text.to_owned());
        let parts: Vec<&str> = match text.len() {
            17 => text.split([':', '-']).collect(),
            12 if text.is_ascii() => (0..6).filter_map(|i| text.get(2 * i..2 * i + 2)).collect(),
            _ => return Err(form()),
        };
        let mut bytes = [0; 6];
        if parts.len() != 6 {
            return Err(form());
        }
        for (byte, part) in bytes.iter_mut().zip(parts) {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16).ok().filter(|_| digits).ok_or_else(form)?;
        }
        match bytes {
            [0, 0, 0, 0, 0, 0] => Err(MacError::NotUnicast(text.to_owned())),
            [first, ..] if first & 1 == 1 => Err(MacError::NotUnicast(text.to_owned())),
            _ => Ok(Self(bytes)),
        }
    }
}

impl TryFrom<String> for MacAddr {
    type Error = MacError;
    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> String {
        mac.to_string()
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_addresses_are_stable_and_local() {
        let mac = MacAddr::derive(&"host1c1".parse().unwrap(), &"mynet0".parse().unwrap());
        // stored in tables and switches all over a cluster: this value must never change
        assert_eq!(mac, MacAddr::derive(&"host1c1".parse().unwrap(), &"mynet0".parse().unwrap()));
        assert_eq!(mac.octets()[0], 0x02);
        assert_eq!(mac.to_string().parse::<MacAddr>().unwrap(), mac);
    }

    #[test]
    fn group_addresses_and_noise_are_refused() {
        assert!(matches!("01:00:5e:00:00:01".parse::<MacAddr>(), Err(MacError::NotUnicast(_))));
        for noise in
            ["", "02:42", "02:42:0a:63:01:0g", "+2:42:0a:63:01:02", "0242:0a63:01:02:3", "é2420a63010"]
        {
            assert!(matches!(noise.parse::<MacAddr>(), Err(MacError::Form(_))), "{noise}");
        }
        assert_eq!("02-42-0A-63-01-02".parse::<MacAddr>().unwrap().to_string(), "02:42:0a:63:01:02");
    }
}
