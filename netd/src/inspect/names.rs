//! Asks netd's name server, from the network namespace of the calling thread.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use inspection::Resolved;

use crate::names::ADDRESS;

/// The name server is on the same machine.
const TIMEOUT: Duration = Duration::from_millis(500);
const PORT: u16 = 53;
/// Largest answer without EDNS (RFC 1035, 4.2.1).
const MAX_ANSWER: usize = 512;

/// The addresses of a name.
pub(super) fn resolve(name: &str) -> Resolved {
    let answers = [RecordType::A, RecordType::AAAA].map(|kind| ask(name, kind));
    let error = answers.iter().find_map(|answer| answer.as_ref().err()).map(ToString::to_string);
    let addresses = answers.into_iter().flatten().flatten().collect();
    Resolved { name: name.to_owned(), addresses, error }
}

fn ask(name: &str, kind: RecordType) -> io::Result<Vec<IpAddr>> {
    let invalid =
        |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let name = Name::from_ascii(name).map_err(|error| invalid(&error))?;
    let mut question = Message::new(1, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, kind));
    let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.connect(SocketAddr::from((ADDRESS, PORT)))?;
    socket.send(&question.to_vec().map_err(|error| invalid(&error))?)?;
    let mut buffer = [0; MAX_ANSWER];
    let length = socket.recv(&mut buffer)?;
    let answer =
        Message::from_vec(buffer.get(..length).unwrap_or_default()).map_err(|error| invalid(&error))?;
    match answer.metadata.response_code {
        ResponseCode::NoError => {
            Ok(answer.answers.iter().filter_map(|record| address(&record.data)).collect())
        }
        code => Err(io::Error::other(code.to_string())),
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(v4) => Some(IpAddr::V4(v4.0)),
        RData::AAAA(v6) => Some(IpAddr::V6(v6.0)),
        _ => None,
    }
}
