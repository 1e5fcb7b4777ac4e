//! Asks the management node to open a new ssh connection to this host. Only this proves that the host is
//! reachable: a firewall accepts the answers to connections that the host opens itself.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use knock::{Answer, MAX_LINE, PORT, Request};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connection timeout. The helper accepts at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Answer timeout, longer than the helper's own timeout.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Address of the helper and the port to test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    /// The management node.
    pub master: IpAddr,
    /// Port of this host's sshd.
    pub ssh: NonZeroU16,
}

/// Result of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knocked {
    /// A new connection was accepted.
    In,
    /// A new connection failed; the cause.
    Out(String),
    /// The management node cannot test; the cause.
    NoHelper(String),
}

impl Knock {
    /// Takes sshd's port from the current ssh connection (`SSH_CONNECTION`, ssh(1)); without it, port 22.
    pub fn new(master: IpAddr, ssh_connection: Option<&str>) -> Self {
        let port = ssh_connection.and_then(|fields| fields.split(' ').nth(3)?.parse().ok());
        Self { master, ssh: port.unwrap_or(const { NonZeroU16::new(22).unwrap() }) }
    }

    /// Asks once.
    pub async fn knock(&self) -> Knocked {
        let helper = SocketAddr::new(self.master, PORT);
        let none = |why: &dyn fmt::Display| {
            Knocked::NoHelper(format!("no answer from the management node's port {PORT}: {why}"))
        };
        let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(helper)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return none(&error),
            Err(_) => return none(&format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
        };
        match timeout(ANSWER_TIMEOUT, self.ask(stream)).await {
            Ok(Ok(line)) => match line.trim_end().parse() {
                Ok(Answer::In(_)) => Knocked::In,
                Ok(Answer::Out(why)) => Knocked::Out(why),
                Err(error) => none(&error),
            },
            Ok(Err(error)) => none(&error),
            Err(_) => none(&format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())),
        }
    }

    async fn ask(&self, mut stream: TcpStream) -> io::Result<String> {
        let request = Request { port: self.ssh, address: stream.local_addr()?.ip() };
        stream.write_all(format!("{request}\n").as_bytes()).await?;
        let mut line = Vec::new();
        stream.take(MAX_LINE as u64).read_to_end(&mut line).await?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_ssh_connection_there_is() {
        let master = "10.99.0.1".parse().unwrap();
        let port = |words| Knock::new(master, words).ssh.get();
        assert_eq!(port(Some("10.99.0.1 51234 10.99.0.11 2222")), 2222);
        assert_eq!(port(None), 22);
        assert_eq!(port(Some("10.99.0.1 51234")), 22);
        assert_eq!(port(Some("a b c 70000")), 22);
    }
}
