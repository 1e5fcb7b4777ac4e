//! `knock`: the program that systemd starts on the management node when a host asks whether new ssh connections reach
//! it. Standard input is the host's connection. The client is not trusted: it gets a connection to its own address
//! only, one banner, and few requests.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream as Stream};
use std::os::fd::AsFd as _;
use std::time::Duration;

use knock::{Answer, MAX_LINE, Request, printable};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::error::{CommandError, Done};

/// Timeout of the request. Hosts send it immediately.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of the connection. A firewall that drops packets does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of the banner. sshd sends it immediately unless it is very busy.
const BANNER_TIMEOUT: Duration = Duration::from_secs(2);
/// Minimum lifetime of a connection: it counts against `MaxConnectionsPerSource` of its host, which limits the request
/// rate.
const MIN_CONNECTION_TIME: Duration = Duration::from_millis(250);
/// Limit for the lines that sshd may send before its banner (RFC 4253, 4.2).
const GREETING_LIMIT: usize = 2_048;

pub(super) async fn run() -> Result<Done, CommandError> {
    let mut asking = standard_input().map_err(CommandError::NoConnection)?;
    let peer = asking.peer_addr().map_err(CommandError::NoConnection)?;
    if let Some(answer) = answer(&mut asking, peer).await {
        // the client may have disconnected
        let _ = timeout(REQUEST_TIMEOUT, asking.write_all(format!("{answer}\n").as_bytes())).await;
        let _ = asking.shutdown().await;
    }
    sleep(MIN_CONNECTION_TIME).await;
    Ok(Done::All)
}

fn standard_input() -> io::Result<TcpStream> {
    let stream = Stream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // also fails if it is not a socket
    stream.peer_addr()?;
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}

/// `None`: the client has disconnected.
async fn answer(asking: &mut TcpStream, peer: SocketAddr) -> Option<Answer> {
    let line = match timeout(REQUEST_TIMEOUT, line(asking, MAX_LINE)).await {
        Ok(Ok(line)) => line,
        Ok(Err(_)) => return None,
        Err(_) => return Some(Answer::Out(format!("no request within {} s", REQUEST_TIMEOUT.as_secs()))),
    };
    Some(match line.parse::<Request>() {
        Err(error) => Answer::Out(error.to_string()),
        Ok(request) if request.address.to_canonical() != peer.ip().to_canonical() => Answer::Out(format!(
            "the host has address {}, but connects from {}: the network between translates addresses (NAT)",
            request.address,
            peer.ip().to_canonical()
        )),
        Ok(request) => greeted(back_to(peer, request.port.get())).await,
    })
}

/// Address of the peer with another port. IPv6 scopes are kept.
fn back_to(peer: SocketAddr, port: u16) -> SocketAddr {
    let mut back = match peer.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, port)),
        IpAddr::V6(_) => peer,
    };
    back.set_port(port);
    back
}

/// The banner, or the reason why there is none.
async fn greeted(sshd: SocketAddr) -> Answer {
    let (address, port) = (sshd.ip(), sshd.port());
    let mut stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(sshd)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Answer::Out(format!("{address} port {port}: {error}")),
        Err(_) => {
            return Answer::Out(format!(
                "no connection to {address} port {port} within {} s",
                CONNECT_TIMEOUT.as_secs()
            ));
        }
    };
    match timeout(BANNER_TIMEOUT, banner(&mut stream)).await {
        Ok(Ok(Some(banner))) => Answer::In(banner),
        Ok(Ok(None)) => Answer::Out(format!("{address} port {port} is not an ssh server")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Answer::Out(format!("{address} port {port} closed the connection without an ssh banner"))
        }
        Ok(Err(error)) => Answer::Out(format!("{address} port {port}: {error}")),
        Err(_) => Answer::Out(format!(
            "no ssh banner from {address} port {port} within {} s",
            BANNER_TIMEOUT.as_secs()
        )),
    }
}

async fn banner(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut left = GREETING_LIMIT;
    while left > 0 {
        let line = line(stream, left).await?;
        if line.starts_with("SSH-") {
            return Ok(Some(printable(line.trim_end_matches('\r'))));
        }
        left = left.saturating_sub(line.len() + 1);
    }
    Ok(None)
}

/// A line without its line feed, of at most `limit` bytes.
async fn line(stream: &mut (impl AsyncRead + Unpin), limit: usize) -> io::Result<String> {
    let mut line = Vec::new();
    while line.len() < limit {
        // one byte at a time, because the bytes after the line must stay unread
        match stream.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
#[path = "knock/tests.rs"]
mod tests;
