//! Addresses of servers, in the notation of `ovs-vsctl --db=` and ovsdb(7) ("active connection methods").

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remote {
    /// `unix:PATH`
    Unix(PathBuf),
    /// `tcp:HOST:PORT`, unencrypted.
    Tcp(Host, u16),
    /// `ssl:HOST:PORT`, which needs [`crate::Options::tls`].
    Ssl(Host, u16),
}

/// A host address or name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address; IPv6 in brackets.
    Address(IpAddr),
    /// A name, resolved at each connection attempt.
    Name(String),
}

/// Text that is not a valid remote.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not a valid address: {problem}")]
pub struct RemoteError {
    text: String,
    problem: &'static str,
}

impl FromStr for Remote {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        let parsed = match text.split_once(':') {
            Some(("unix", "")) => Err("unix: needs the path of a socket"),
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp", rest)) => host_and_port(rest).map(|(host, port)| Self::Tcp(host, port)),
            Some(("ssl", rest)) => host_and_port(rest).map(|(host, port)| Self::Ssl(host, port)),
            _ => Err("write unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT"),
        };
        parsed.map_err(|problem| RemoteError { text: text.to_owned(), problem })
    }
}

fn host_and_port(text: &str) -> Result<(Host, u16), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or("its port is not between 1 and 65535")?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match (bracketed, host.parse()) {
        (Some(inside), _) => Host::Address(IpAddr::V6(
            inside.parse().map_err(|_| "the brackets do not contain an IPv6 address")?,
        )),
        (None, Ok(address @ IpAddr::V4(_))) => Host::Address(address),
        (None, _) if host.contains(':') => return Err("an IPv6 address needs brackets: [ADDRESS]:PORT"),
        (None, _) if is_name(host) => Host::Name(host.to_owned()),
        _ => return Err("its host is neither an address nor a name"),
    };
    Ok((host, port))
}

/// Letters, digits, hyphens, dots, and underscores, which are used in practice.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed)
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(host, port) => write!(f, "tcp:{host}:{port}"),
            Self::Ssl(host, port) => write!(f, "ssl:{host}:{port}"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "unix:/run/openvswitch/db.sock",
            "tcp:127.0.0.1:6640",
            "ssl:[::1]:6640",
            "ssl:mgmt.cluster:6642",
            "tcp:a_b-c:1",
        ] {
            assert_eq!(text.parse::<Remote>().unwrap().to_string(), text);
        }
        assert_eq!("unix:a:b".parse(), Ok(Remote::Unix("a:b".into())));
    }

    #[test]
    fn what_is_none() {
        for (text, problem) in [
            ("", "write unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT"),
            ("ptcp:6640", "write unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT"),
            ("unix:", "unix: needs the path of a socket"),
            ("tcp:host", "it has no port"),
            ("tcp:host:0", "its port is not between 1 and 65535"),
            ("tcp:host:65536", "its port is not between 1 and 65535"),
            ("ssl:::1:6640", "an IPv6 address needs brackets: [ADDRESS]:PORT"),
            ("ssl:[127.0.0.1]:6640", "the brackets do not contain an IPv6 address"),
            ("tcp::1", "its host is neither an address nor a name"),
            ("tcp:a b:1", "its host is neither an address nor a name"),
        ] {
            let told = format!("\"{text}\" is not a valid address: {problem}");
            assert_eq!(text.parse::<Remote>().unwrap_err().to_string(), told);
        }
    }
}
