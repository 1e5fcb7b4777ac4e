//! Published ports and links.

use std::net::IpAddr;
use std::str::FromStr;

use crate::container::Link;

impl FromStr for Link {
    type Err = String;

    /// `NODE` or `NODE:ALIAS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (node, alias) = text.split_once(':').unwrap_or((text, text));
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if alias.is_empty() || alias.len() > 253 || !alias.bytes().all(letter) {
            return Err(format!("{alias:?} is no host name: letters, digits, '.', '_' and '-' are needed"));
        }
        Ok(Self { node: node.parse().map_err(|error| format!("{error}"))?, alias: alias.to_owned() })
    }
}

/// `[IP:]HOSTPORT:PORT[/PROTO]`, an IPv6 address in brackets.
pub(super) fn port(text: &str) -> Result<String, String> {
    let form = || "the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp]".to_owned();
    let (ends, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (rest, inner) = ends.rsplit_once(':').ok_or_else(form)?;
    let (address, outer) = match rest.rsplit_once(':') {
        Some((address, outer)) => (Some(address), outer),
        None => (None, rest),
    };
    let number = |text: &str| text.parse::<u16>().is_ok_and(|port| port != 0);
    let known = ["tcp", "udp", "sctp"].contains(&protocol);
    if number(inner) && number(outer) && known && address.is_none_or(is_address) {
        return Ok(text.to_owned());
    }
    Err(form())
}

fn is_address(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(six) => six.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()),
        None => text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()),
    }
}
