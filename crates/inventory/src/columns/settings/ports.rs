//! Ports, links and extra hosts.

use std::net::IpAddr;
use std::str::FromStr;

use crate::container::{ExposedPorts, ExtraHost, Link, PortRange, Protocol, PublishedPorts};

impl FromStr for Link {
    type Err = String;

    /// `NODE` or `NODE:ALIAS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (node, alias) = text.split_once(':').unwrap_or((text, text));
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if alias.is_empty() || alias.len() > 253 || !alias.bytes().all(letter) {
            return Err(format!(
                "{alias:?} is not a host name: letters, digits, '.', '_' and '-' are needed"
            ));
        }
        Ok(Self { node: node.parse().map_err(|error| format!("{error}"))?, alias: alias.to_owned() })
    }
}

impl FromStr for PublishedPorts {
    type Err = String;

    /// `[IP:]HOSTPORT[-LAST]:PORT[-LAST][/PROTO]`, an IPv6 address in brackets.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            "the form is [IP:]HOSTPORT:PORT[/tcp|/udp|/sctp], or a range of each: 8000-8010:8000-8010"
                .to_owned()
        };
        let (ends, protocol) = with_protocol(text).ok_or_else(form)?;
        let Some((rest, inner)) = ends.rsplit_once(':') else {
            let own = range(ends).ok_or_else(form)?;
            let (port, own) = (own.first, ends);
            return Err(format!(
                "the host's port is missing, as in {port}:{own}: ports that the engine chooses are not in the tables"
            ));
        };
        let (address, outer) = match rest.rsplit_once(':') {
            Some((address, outer)) => (Some(address), outer),
            None => (None, rest),
        };
        let address = address.map(|text| address_of(text).ok_or_else(form)).transpose()?;
        let (host, container) = (range(outer).ok_or_else(form)?, range(inner).ok_or_else(form)?);
        let (count, other) = (host.iter().count(), container.iter().count());
        if count != other {
            return Err(format!(
                "{count} ports of the host cannot be {other} of the container: both ranges need the same length"
            ));
        }
        Ok(Self { address, host, container, protocol })
    }
}

impl FromStr for ExposedPorts {
    type Err = String;

    /// `PORT[-LAST][/PROTO]`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = with_protocol(text).and_then(|(ports, protocol)| Some((range(ports)?, protocol)));
        let (ports, protocol) = parsed.ok_or("the form is PORT[-PORT][/tcp|/udp|/sctp]")?;
        Ok(Self { ports, protocol })
    }
}

impl FromStr for ExtraHost {
    type Err = String;

    /// `NAME:ADDRESS`, or `NAME=ADDRESS` as in newer versions of docker.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "the form is extrahost=NAME:ADDRESS".to_owned();
        let (name, address) = text.split_once(['=', ':']).ok_or_else(form)?;
        if address == "host-gateway" {
            return Err("host-gateway is an address of docker0, which containers of these networks do not reach: write the host's own address".to_owned());
        }
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(letter) {
            return Err(form());
        }
        Ok(Self { name: name.to_owned(), address: address.parse().map_err(|_| form())? })
    }
}

fn with_protocol(text: &str) -> Option<(&str, Protocol)> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return None,
    };
    Some((ports, protocol))
}

fn range(text: &str) -> Option<PortRange> {
    let port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| *port != 0 && digits)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(PortRange { first, last })
}

fn address_of(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(six) => six.parse().ok().filter(IpAddr::is_ipv6),
        None => text.parse().ok().filter(IpAddr::is_ipv4),
    }
}
