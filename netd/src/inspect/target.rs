//! The destination of a probe.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// `ADDRESS` or `ADDRESS:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Port of a TCP connection; `None`: echo requests.
    pub(crate) port: Option<u16>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, port: None });
        }
        let socket: SocketAddr =
            text.parse().map_err(|_| format!("{text:?} is not ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT"))?;
        Ok(Self { address: socket.ip(), port: Some(socket.port()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_with_or_without_port() {
        let of = |text: &str| text.parse::<Target>().map(|target| (target.address.to_string(), target.port));
        assert_eq!(of("10.99.1.1"), Ok(("10.99.1.1".to_owned(), None)));
        assert_eq!(of("10.99.1.1:80"), Ok(("10.99.1.1".to_owned(), Some(80))));
        assert_eq!(of("fd00::1"), Ok(("fd00::1".to_owned(), None)));
        assert_eq!(of("[fd00::1]:80"), Ok(("fd00::1".to_owned(), Some(80))));
        assert_eq!(of("host1"), Err("\"host1\" is not ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT".to_owned()));
    }
}
