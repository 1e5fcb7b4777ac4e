//! Protocol by which a host asks the management node whether new ssh connections reach it: one line each way
//! over TCP.
//!
//! ```text
//! host -> management node   knock 22 10.99.0.11
//! management node -> host   in: SSH-2.0-OpenSSH_9.2p1
//!                           out: no connection to 10.99.0.11 port 22 within 2 s
//! ```
//!
//! The host sends the port of its sshd and its own address of the connection. The management node connects only to
//! the peer of the connection; the address only shows whether a NAT is in between.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;

use thiserror::Error;

/// TCP port of the helper on the management node.
pub const PORT: u16 = 3022;

/// Maximum length of a line with its newline. OpenSSH's banner has at most 255 bytes (RFC 4253, 4.2).
pub const MAX_LINE: usize = 300;

/// A host's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// TCP port of its sshd.
    pub port: NonZeroU16,
    /// The host's own address of this connection.
    pub address: IpAddr,
}

/// The management node's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A new connection received this banner of sshd.
    In(String),
    /// No connection or no banner: the reason.
    Out(String),
}

/// A line that is neither a request nor an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// Not a valid request.
    #[error("not a request: expected \"knock PORT ADDRESS\"")]
    Request,
    /// Not a valid answer.
    #[error("not an answer of xdock's helper")]
    Answer,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "knock {} {}", self.port, self.address)
    }
}

impl FromStr for Request {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["knock", port, address] = words.as_slice() else { return Err(LineError::Request) };
        match (decimal(port), address.parse()) {
            (Some(port), Ok(address)) => Ok(Self { port, address }),
            _ => Err(LineError::Request),
        }
    }
}

/// Accepts digits only: Rust's parser also accepts a plus sign.
fn decimal(text: &str) -> Option<NonZeroU16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(banner) => write!(f, "in: {}", printable(banner)),
            Self::Out(why) => write!(f, "out: {}", printable(why)),
        }
    }
}

impl FromStr for Answer {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        match line.split_once(": ") {
            Some(("in", banner)) if banner.starts_with("SSH-") => Ok(Self::In(printable(banner))),
            Some(("out", why)) => Ok(Self::Out(printable(why))),
            _ => Err(LineError::Answer),
        }
    }
}

/// Makes text of another machine safe for terminals and logs: no control characters, at most 255 characters.
pub fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.chars().take(255).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, LineError> {
        line.parse()
    }

    #[test]
    fn requests_and_answers_are_read_as_they_are_written() {
        for line in ["knock 22 10.99.0.11", "knock 2222 fd00::11"] {
            assert_eq!(request(line).unwrap().to_string(), line);
        }
        for line in
            ["in: SSH-2.0-OpenSSH_9.2p1 Debian-2", "out: no connection to 10.0.0.1 port 22 within 2 s"]
        {
            assert_eq!(line.parse::<Answer>().unwrap().to_string(), line);
        }
    }

    #[test]
    fn nothing_else_is_a_request() {
        for line in [
            "",
            "knock",
            "knock 22",
            "knock 0 10.0.0.1",
            "knock 65536 10.0.0.1",
            "knock +22 10.0.0.1",
            "knock -1 10.0.0.1",
            "knock 22 host1",
            "knock 22 10.0.0.1 more",
            "knock  22 10.0.0.1",
            "knock 22 10.0.0.1\r",
            "KNOCK 22 10.0.0.1",
            "GET / HTTP/1.1",
            "knock 22 10.0.0.1:22",
            "\u{0}",
            "knock 22\t10.0.0.1",
        ] {
            assert_eq!(request(line), Err(LineError::Request), "{line:?}");
        }
    }

    #[test]
    fn what_a_stranger_says_cannot_reach_a_terminal() {
        let banner = format!("SSH-\u{1b}[2J{}", "x".repeat(400));
        let answer = Answer::In(banner).to_string();
        assert!(answer.starts_with("in: SSH-?[2Jxxx") && answer.len() == 4 + 255, "{answer}");
        assert_eq!("in: HTTP/1.1 400".parse::<Answer>(), Err(LineError::Answer));
        assert_eq!("yes".parse::<Answer>(), Err(LineError::Answer));
    }
}
