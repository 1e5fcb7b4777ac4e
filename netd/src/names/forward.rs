//! Forwards requests to name servers, from the host's network namespace.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};

use super::wire::{self, Transport};

/// Time until a request has failed. Docker's resolver waits 4 s for an answer, and asks the next server after a failure
/// (moby `libnetwork/resolver.go`, `extIOTimeout`).
const DEADLINE: Duration = Duration::from_millis(3500);
/// Time after which the next server is asked too.
const NEXT_SERVER: Duration = Duration::from_millis(800);
/// Time for which a server that did not answer is asked last.
const SLOW: Duration = Duration::from_secs(30);

/// Servers that did not answer recently.
#[derive(Debug, Default)]
pub(crate) struct SlowServers(BTreeMap<SocketAddr, Instant>);

impl SlowServers {
    /// The servers in the order in which they are asked.
    pub(crate) fn ordered(&mut self, mut servers: Vec<SocketAddr>) -> Vec<SocketAddr> {
        self.0.retain(|_, since| since.elapsed() < SLOW);
        servers.sort_by_key(|server| self.0.contains_key(server));
        servers
    }

    /// Records the servers that were asked and did not answer.
    pub(crate) fn record(&mut self, silent: &[SocketAddr]) {
        self.0.extend(silent.iter().map(|server| (*server, Instant::now())));
    }
}

/// Result of a forwarded request.
#[derive(Debug)]
pub(crate) struct Forwarded {
    /// The answer with the ID of the request. `None`: no server answered.
    pub(crate) answer: Option<Vec<u8>>,
    /// Servers that did not answer in time.
    pub(crate) silent: Vec<SocketAddr>,
}

/// Asks the servers in their order, each after a failure of the one before or after [`NEXT_SERVER`]. The first answer
/// counts, also that a name does not exist.
pub(crate) async fn forward(request: Arc<[u8]>, servers: Vec<SocketAddr>, transport: Transport) -> Forwarded {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let mut rest = servers.into_iter();
    let (mut attempts, mut waiting) = (JoinSet::new(), Vec::new());
    loop {
        if let Some(server) = rest.next() {
            let request = Arc::clone(&request);
            waiting.push(server);
            attempts.spawn(async move { (server, exchange(&request, server, transport).await) });
        }
        let step =
            if rest.len() == 0 { deadline } else { deadline.min(tokio::time::Instant::now() + NEXT_SERVER) };
        let ended = tokio::select! {
            ended = attempts.join_next() => ended,
            () = sleep_until(step) => {
                if rest.len() > 0 && tokio::time::Instant::now() < deadline {
                    continue;
                }
                return Forwarded { answer: None, silent: waiting };
            }
        };
        match ended {
            None => return Forwarded { answer: None, silent: Vec::new() },
            Some(Ok((server, result))) => {
                waiting.retain(|other| *other != server);
                if let Ok(mut answer) = result
                    && !is_failure(&answer)
                {
                    if let Some([high, low]) = request.get(..2) {
                        wire::set_id(&mut answer, u16::from_be_bytes([*high, *low]));
                    }
                    return Forwarded { answer: Some(answer), silent: waiting };
                }
            }
            Some(Err(_)) => {}
        }
    }
}

/// Another server may know more.
fn is_failure(answer: &[u8]) -> bool {
    matches!(
        wire::response_code(answer),
        Some(ResponseCode::ServFail | ResponseCode::Refused | ResponseCode::NotImp)
    )
}

async fn exchange(request: &[u8], server: SocketAddr, transport: Transport) -> io::Result<Vec<u8>> {
    // an ID that others cannot guess; the kernel chooses a random source port
    let [high, low, ..] = RandomState::new().hash_one(server).to_be_bytes();
    let id = u16::from_be_bytes([high, low]);
    let mut message = request.to_vec();
    wire::set_id(&mut message, id);
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let work = async {
        match transport {
            Transport::Udp => by_udp(&message, server, id).await,
            Transport::Tcp => by_tcp(&message, server, id).await,
        }
    };
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn by_udp(message: &[u8], server: SocketAddr, id: u16) -> io::Result<Vec<u8>> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    // the kernel then drops packets of others, and reports a closed port
    socket.connect(server).await?;
    socket.send(message).await?;
    let mut answer = Vec::with_capacity(4096);
    loop {
        answer.clear();
        socket.recv_buf(&mut answer).await?;
        if wire::is_answer(&answer, message, id) {
            return Ok(answer);
        }
    }
}

async fn by_tcp(message: &[u8], server: SocketAddr, id: u16) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&framed(message)).await?;
    let answer = read_framed(&mut stream).await?;
    if wire::is_answer(&answer, message, id) { Ok(answer) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// A message with its length (RFC 1035, 4.2.2).
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// Reads a message with its length.
pub(crate) async fn read_framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
