//! DNS messages (RFC 1035, RFC 6891), by hickory-proto.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::net::IpAddr;

use super::answer::{Answer, Kind};

/// Largest answer by UDP without EDNS (RFC 1035, 4.2.1).
const MIN_UDP: u16 = 512;
/// Largest answer that is sent by UDP. The loopback interface carries it in one packet.
const MAX_UDP: u16 = 4096;
/// Bytes of a header.
const HEADER: usize = 12;

/// A parsed request with one question.
#[derive(Debug)]
pub(crate) struct Request {
    message: Message,
    query: Query,
    /// Name without the dot at its end.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Why a message is not a request that can be answered from the tables or forwarded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// No answer: too short, or itself an answer.
    Ignored,
    /// This error message is the answer.
    Answered(Vec<u8>),
}

/// Answers that are not from the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No server answered.
    NoAnswer,
    /// There is no server to ask.
    Refused,
    /// The name does not exist.
    NoSuchName,
}

/// Transport of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl Request {
    /// Parses a message.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let Some([high, low, flags, ..]) = bytes.get(..HEADER) else { return Err(Invalid::Ignored) };
        let (id, is_response) = (u16::from_be_bytes([*high, *low]), flags & 0x80 != 0);
        if is_response {
            return Err(Invalid::Ignored);
        }
        let error = |op_code, code| {
            let answer = Message::error_msg(id, op_code, code).to_vec();
            answer.map_or(Invalid::Ignored, Invalid::Answered)
        };
        let Ok(message) = Message::from_vec(bytes) else {
            return Err(error(OpCode::Query, ResponseCode::FormErr));
        };
        if message.metadata.op_code != OpCode::Query {
            return Err(error(message.metadata.op_code, ResponseCode::NotImp));
        }
        let [query] = message.queries.as_slice() else {
            return Err(error(OpCode::Query, ResponseCode::FormErr));
        };
        let query = query.clone();
        let mut name = query.name().to_ascii();
        if name.ends_with('.') {
            name.pop();
        }
        Ok(Self { kind: kind(&query), message, query, name })
    }

    /// The message of an answer, in at most as many bytes as the client accepts; `None`: this answer cannot be written.
    pub(crate) fn answer(&self, answer: &Answer, transport: Transport) -> Option<Vec<u8>> {
        let code = if *answer == Answer::Missing { ResponseCode::NXDomain } else { ResponseCode::NoError };
        let mut message = self.response(code);
        message.metadata.authoritative = true;
        let record = |data| Record::from_rdata(self.query.name().clone(), 0, data);
        match answer {
            Answer::Addresses(addresses) => {
                let data = addresses.iter().map(|address| match address {
                    IpAddr::V4(v4) => RData::A(A(*v4)),
                    IpAddr::V6(v6) => RData::AAAA(AAAA(*v6)),
                });
                message.answers = data.map(record).collect();
            }
            Answer::Name(name) => {
                let name = Name::from_ascii(format!("{name}.")).ok()?;
                message.answers = vec![record(RData::PTR(PTR(name)))];
            }
            Answer::Missing | Answer::Foreign => {}
        }
        let bytes = message.to_vec().ok()?;
        if transport == Transport::Udp && bytes.len() > usize::from(self.udp_size()) {
            return message.truncate().to_vec().ok();
        }
        Some(bytes)
    }

    /// The message of a failure.
    pub(crate) fn failure(&self, failure: Failure) -> Option<Vec<u8>> {
        let code = match failure {
            Failure::NoAnswer => ResponseCode::ServFail,
            Failure::Refused => ResponseCode::Refused,
            Failure::NoSuchName => ResponseCode::NXDomain,
        };
        self.response(code).to_vec().ok()
    }

    fn response(&self, code: ResponseCode) -> Message {
        let mut message = Message::new(self.message.metadata.id, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.metadata.recursion_desired = self.message.metadata.recursion_desired;
        message.metadata.recursion_available = true;
        message.add_query(self.query.clone());
        if self.message.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(MAX_UDP);
            message.set_edns(edns);
        }
        message
    }

    fn udp_size(&self) -> u16 {
        let asked = self.message.edns.as_ref().map_or(MIN_UDP, Edns::max_payload);
        asked.clamp(MIN_UDP, MAX_UDP)
    }
}

fn kind(query: &Query) -> Kind {
    if query.query_class() != DNSClass::IN {
        return Kind::Other;
    }
    match query.query_type() {
        RecordType::A => Kind::A,
        RecordType::AAAA => Kind::Aaaa,
        RecordType::ANY => Kind::Any,
        RecordType::PTR => {
            let net = query.name().parse_arpa_name().ok();
            let host = net.filter(|net| net.prefix_len() == net.max_prefix_len());
            host.map_or(Kind::Other, |net| Kind::Ptr(net.addr()))
        }
        _ => Kind::Other,
    }
}

/// Replaces the ID of a message.
pub(crate) fn set_id(message: &mut [u8], id: u16) {
    if let Some(place) = message.get_mut(..2) {
        place.copy_from_slice(&id.to_be_bytes());
    }
}

/// Whether `answer` has this ID and the question of `request`. A server may write the name in another case.
pub(crate) fn is_answer(answer: &[u8], request: &[u8], id: u16) -> bool {
    let is_response = answer.get(2).is_some_and(|flags| flags & 0x80 != 0);
    let end = question_end(request);
    let same = end.is_some_and(|end| match (answer.get(HEADER..end), request.get(HEADER..end)) {
        (Some(answer), Some(request)) => answer.eq_ignore_ascii_case(request),
        _ => false,
    });
    is_response && answer.get(..2) == Some(&id.to_be_bytes()) && same
}

/// Response code of a message without EDNS.
pub(crate) fn response_code(message: &[u8]) -> Option<ResponseCode> {
    message.get(3).map(|flags| ResponseCode::from(0, flags & 0x0f))
}

/// Position after the first question.
fn question_end(message: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        at = at.checked_add(1)?.checked_add(length)?;
        if length == 0 {
            return at.checked_add(4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, kind: RecordType, payload: Option<u16>) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        if let Some(payload) = payload {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            message.set_edns(edns);
        }
        message.to_vec().unwrap()
    }

    fn parsed(name: &str, kind: RecordType) -> (String, Kind) {
        let request = Request::parse(&request(name, kind, None)).unwrap();
        (request.name, request.kind)
    }

    #[test]
    fn questions_are_read() {
        assert_eq!(parsed("Db.", RecordType::A), ("Db".to_owned(), Kind::A));
        assert_eq!(parsed(".", RecordType::NS), (String::new(), Kind::Other));
        let kind = |name| parsed(name, RecordType::PTR).1;
        assert_eq!(kind("1.2.99.10.in-addr.arpa."), Kind::Ptr("10.99.2.1".parse().unwrap()));
        assert_eq!(
            kind("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.9.d.f.ip6.arpa."),
            Kind::Ptr("fd99::1".parse().unwrap())
        );
        assert_eq!((kind("99.10.in-addr.arpa."), kind("host1.")), (Kind::Other, Kind::Other));
    }

    #[test]
    fn what_is_no_question_is_answered_with_its_error_or_not_at_all() {
        assert_eq!(Request::parse(&[0; 11]).unwrap_err(), Invalid::Ignored);
        let mut response = request("a.", RecordType::A, None);
        response[2] |= 0x80;
        assert_eq!(
            Request::parse(&response).unwrap_err(),
            Invalid::Ignored,
            "or two servers would answer each other"
        );
        let mut update = request("a.", RecordType::A, None);
        update[2] = 5 << 3;
        let code = |bytes: &[u8]| match Request::parse(bytes).unwrap_err() {
            Invalid::Answered(answer) => Message::from_vec(&answer).unwrap().metadata.response_code,
            Invalid::Ignored => panic!("no answer"),
        };
        assert_eq!(code(&update), ResponseCode::NotImp);
        let cut = &request("a.", RecordType::A, None)[..14];
        assert_eq!(code(cut), ResponseCode::FormErr);
        assert_eq!(code(&[0; 12]), ResponseCode::FormErr, "no question");
    }

    #[test]
    fn answers_live_zero_seconds_and_large_ones_are_cut() {
        let few = Answer::Addresses(vec!["10.99.2.1".parse().unwrap(), "fd99::21".parse().unwrap()]);
        let answer =
            Request::parse(&request("db.", RecordType::ANY, None)).unwrap().answer(&few, Transport::Udp);
        let answer = Message::from_vec(&answer.unwrap()).unwrap();
        assert_eq!((answer.metadata.id, answer.answers.len(), answer.answers[0].ttl), (7, 2, 0));
        assert!(
            answer.metadata.authoritative
                && answer.metadata.recursion_available
                && !answer.metadata.truncation
        );

        let many = Answer::Addresses((0..=255).map(|last| IpAddr::from([10, 99, 2, last])).collect());
        for (payload, transport, cut) in [
            (None, Transport::Udp, true),
            (Some(1232), Transport::Udp, true),
            (Some(4096), Transport::Udp, true),
            (None, Transport::Tcp, false),
        ] {
            let request = Request::parse(&request("many.", RecordType::A, payload)).unwrap();
            let bytes = request.answer(&many, transport).unwrap();
            let answer = Message::from_vec(&bytes).unwrap();
            assert_eq!(
                (answer.metadata.truncation, answer.answers.is_empty()),
                (cut, cut),
                "{payload:?} {transport:?}"
            );
            assert!(transport == Transport::Tcp || bytes.len() <= usize::from(payload.unwrap_or(512)));
        }
    }

    #[test]
    fn only_the_answer_to_this_question_is_taken() {
        let asked = request("Host1.test.", RecordType::A, Some(1232));
        let mut answer = request("hOST1.test.", RecordType::A, None);
        answer[2] |= 0x80;
        assert!(is_answer(&answer, &asked, 7));
        assert!(!is_answer(&answer, &asked, 8) && !is_answer(&asked, &asked, 7));
        let mut other = request("host2.test.", RecordType::A, None);
        other[2] |= 0x80;
        assert!(!is_answer(&other, &asked, 7) && !is_answer(&answer[..14], &asked, 7));
        set_id(&mut answer, 0x1234);
        assert_eq!(answer[..2], [0x12, 0x34]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64), id in proptest::num::u16::ANY) {
            let _ = Request::parse(&bytes);
            let _ = is_answer(&bytes, &bytes, id);
        }
    }
}
