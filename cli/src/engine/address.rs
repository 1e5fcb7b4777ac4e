//! Address of an engine: URLs of /etc/xdock/xdock.toml and the `host:port` form of `vm.host`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The port that xCAT assumes when a TCP address names none (Schema.pm, `dockerhost`).
const TCP_PORT: u16 = 2375;

/// Address of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Root ssh of xCAT: needs no open port and no new secret.
    Ssh {
        /// User; default root.
        user: String,
        /// Host name for ssh.
        host: String,
        /// Port of the URL.
        port: Option<u16>,
    },
    /// TCP, always with mutual TLS.
    Tcp {
        /// A node's name or an IP address.
        host: String,
        port: u16,
    },
}

/// Invalid engine URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid engine URL {url:?}: {rule}")]
pub(crate) struct AddressError {
    url: String,
    rule: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let wrong = |rule| AddressError { url: url.to_owned(), rule };
        match url.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("unix", _)) => {
                Err(wrong("unix:// needs an absolute path, such as unix:///run/docker.sock"))
            }
            Some(("ssh", rest)) => ssh(rest).ok_or_else(|| wrong("the form is ssh://[USER@]HOST[:PORT]")),
            Some(("tcp", rest)) => tcp(rest).ok_or_else(|| wrong("the form is tcp://HOST[:PORT]")),
            _ => Err(wrong("unix:///PATH, ssh://HOST or tcp://HOST:PORT is needed")),
        }
    }
}

fn ssh(rest: &str) -> Option<Address> {
    let (user, place) = rest.rsplit_once('@').unwrap_or(("root", rest));
    let (host, port) = host_and_port(place)?;
    // these become arguments of ssh, and must not look like options
    let plain = |word: &str| !word.is_empty() && !word.starts_with('-');
    (plain(user) && plain(&host)).then(|| Address::Ssh { user: user.to_owned(), host, port })
}

fn tcp(rest: &str) -> Option<Address> {
    let (host, port) = host_and_port(rest)?;
    Some(Address::Tcp { host, port: port.unwrap_or(TCP_PORT) })
}

/// `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT`.
fn host_and_port(place: &str) -> Option<(String, Option<u16>)> {
    let place = place.strip_suffix('/').unwrap_or(place);
    let (host, port) = match place.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = port.map(|digits| digits.parse().ok().filter(|port| *port != 0).ok_or(())).transpose().ok()?;
    let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:%".contains(&b));
    named.then(|| (host.to_owned(), port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Ssh { user, host, port: None } => write!(f, "ssh://{user}@{host}"),
            Self::Ssh { user, host, port: Some(port) } => write!(f, "ssh://{user}@{host}:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_printed() {
        for (url, shown) in [
            ("unix:///run/docker.sock", "unix:///run/docker.sock"),
            ("ssh://host1", "ssh://root@host1"),
            ("ssh://adm@host1:2222", "ssh://adm@host1:2222"),
            ("tcp://host1", "tcp://host1:2375"),
            ("tcp://[fd00::1]:2376", "tcp://fd00::1:2376"),
        ] {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_wrong_url_is_told_with_its_form() {
        let told = |url: &str| url.parse::<Address>().unwrap_err().to_string();
        assert_eq!(
            told("http://host1"),
            "invalid engine URL \"http://host1\": unix:///PATH, ssh://HOST or tcp://HOST:PORT is needed"
        );
        assert_eq!(
            told("ssh://-oProxyCommand=x"),
            "invalid engine URL \"ssh://-oProxyCommand=x\": the form is ssh://[USER@]HOST[:PORT]"
        );
        assert_eq!(
            told("tcp://host1:0"),
            "invalid engine URL \"tcp://host1:0\": the form is tcp://HOST[:PORT]"
        );
    }
}
