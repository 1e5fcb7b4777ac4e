//! MAC addresses as Docker sends them: text with colons, or base64 of the six bytes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Text that is not a MAC address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a MAC address such as 02:42:0a:63:01:02 is needed")]
pub struct MacError;

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Parses an endpoint option: Go writes `net.HardwareAddr` in JSON as base64, and
    /// `--driver-opt com.docker.network.endpoint.macaddress=02:..` arrives as plain text.
    ///
    /// # Errors
    /// The text has neither form.
    pub fn from_option(text: &str) -> Result<Self, MacError> {
        if text.contains(':') {
            return text.parse();
        }
        let bytes = STANDARD.decode(text).map_err(|_| MacError)?;
        bytes.try_into().map(Self).map_err(|_| MacError)
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let mut parts = text.split(':');
        let mut bytes = [0; 6];
        for byte in &mut bytes {
            *byte = parts.next().and_then(hex_byte).ok_or(MacError)?;
        }
        if parts.next().is_some() { Err(MacError) } else { Ok(Self(bytes)) }
    }
}

/// `from_str_radix` alone would accept `+f`.
fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u8::from_str_radix(text, 16).ok().filter(|_| digits)
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_docker_are_read() {
        let mac = Mac([0x02, 0x42, 0x0a, 0x63, 0x01, 0x02]);
        assert_eq!("02:42:0A:63:01:02".parse(), Ok(mac));
        assert_eq!(Mac::from_option("AkIKYwEC"), Ok(mac));
        assert_eq!(Mac::from_option("02:42:0a:63:01:02"), Ok(mac));
        assert_eq!(mac.to_string(), "02:42:0a:63:01:02");
    }

    #[test]
    fn noise_is_refused() {
        for noise in
            ["", "02:42", "02:42:0a:63:01:02:03", "+2:42:0a:63:01:02", "2:42:a:63:1:2", "é:42:0a:63:01:02"]
        {
            assert_eq!(noise.parse::<Mac>(), Err(MacError), "{noise}");
        }
        for noise in ["", "AkIK", "AkIKYwECAw==", "not base64!"] {
            assert_eq!(Mac::from_option(noise), Err(MacError), "{noise}");
        }
    }
}
