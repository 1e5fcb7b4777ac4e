//! Messages of OpenFlow 1.3 (ONF TS-006) with the extensions of Open vSwitch (openflow/nicira-ext.h). No I/O.

use super::{Field, Flow, OWNER_MASK, Purpose, action};

/// Version 1.3, the first with masked fields of IPv6 and ARP. Open vSwitch supports it since 2.3 by default.
const VERSION: u8 = 4;
const HELLO: u8 = 0;
/// Version 1.0, and its numbers for requests and replies of statistics.
const VERSION_1_0: u8 = 1;
const STATISTICS_REQUEST_1_0: u8 = 16;
pub(super) const STATISTICS_REPLY_1_0: u8 = 17;
const ECHO_REPLY: u8 = 3;
pub(super) const ECHO_REQUEST: u8 = 2;
const FLOW_MOD: u8 = 14;
const MULTIPART_REQUEST: u8 = 18;
const BARRIER_REQUEST: u8 = 20;
pub(super) const ERROR: u8 = 1;
pub(super) const MULTIPART_REPLY: u8 = 19;
pub(super) const BARRIER_REPLY: u8 = 21;

pub(super) const HEADER: usize = 8;
/// Transaction ID of our requests.
pub(super) const XID: u32 = 7;

const ADD: u8 = 0;
const DELETE: u8 = 3;
/// `OFPTT_ALL`, `OFPP_ANY`, `OFPG_ANY`, `OFP_NO_BUFFER`.
const ALL_TABLES: u8 = 0xff;
const ANY: u32 = u32::MAX;
/// `OFPMP_FLOW`.
const FLOW_STATISTICS: u16 = 1;
/// Extensions of Open vSwitch.
pub(super) const EXPERIMENTER: u16 = 0xffff;
pub(super) const NICIRA: u32 = 0x0000_2320;
/// `NXST_FLOW_MONITOR`, its flags for removed and modified flows, and no port.
const FLOW_MONITOR: u32 = 2;
const REMOVED_OR_MODIFIED: u16 = 1 << 2 | 1 << 3;
const NO_PORT: u16 = 0xffff;

/// The first message, which offers this version only: otherwise the switch would choose an earlier one.
pub(super) fn hello() -> Vec<u8> {
    // OFPHET_VERSIONBITMAP, 8 bytes long
    message(HELLO, &[&[0, 1, 0, 8][..], &(1_u32 << VERSION).to_be_bytes()].concat())
}

/// Asks for an answer after all requests before it.
pub(super) fn barrier() -> Vec<u8> {
    message(BARRIER_REQUEST, &[])
}

/// Adds a flow, or replaces the one with equal match and priority.
pub(super) fn add(flow: &Flow) -> Vec<u8> {
    let instructions = action::instructions(&flow.action);
    let [cookie, no_mask] = [flow.cookie(), 0];
    let change = FlowMod { cookie, mask: no_mask, table: 0, command: ADD, priority: flow.priority };
    message(FLOW_MOD, &[change.head(), matches(&flow.fields), instructions].concat())
}

/// Removes the flow with a cookie.
pub(super) fn delete(cookie: u64) -> Vec<u8> {
    let change = FlowMod { cookie, mask: u64::MAX, table: ALL_TABLES, command: DELETE, priority: 0 };
    message(FLOW_MOD, &[change.head(), matches(&[])].concat())
}

/// Removes the filter flows for frames from a port.
pub(super) fn delete_port(number: u32) -> Vec<u8> {
    message(FLOW_MOD, &[all_of(Purpose::Filter).head(), matches(&[Field::in_port(number)])].concat())
}

/// Removes all our flows for one purpose.
pub(super) fn delete_all(purpose: Purpose) -> Vec<u8> {
    message(FLOW_MOD, &[all_of(purpose).head(), matches(&[])].concat())
}

fn all_of(purpose: Purpose) -> FlowMod {
    FlowMod { cookie: purpose.cookie(), mask: OWNER_MASK, table: ALL_TABLES, command: DELETE, priority: 0 }
}

/// Asks for our flows for one purpose.
pub(super) fn list(purpose: Purpose) -> Vec<u8> {
    let mut body = FLOW_STATISTICS.to_be_bytes().to_vec();
    body.extend([0; 6]);
    body.extend([ALL_TABLES, 0, 0, 0]);
    body.extend(ANY.to_be_bytes());
    body.extend(ANY.to_be_bytes());
    body.extend([0; 4]);
    body.extend(purpose.cookie().to_be_bytes());
    body.extend(OWNER_MASK.to_be_bytes());
    body.extend(matches(&[]));
    message(MULTIPART_REQUEST, &body)
}

/// Begins a connection and asks for notifications of removed and modified flows. In OpenFlow 1.0, where all releases of
/// Open vSwitch have the same form of it.
pub(super) fn monitor() -> Vec<u8> {
    let mut body = EXPERIMENTER.to_be_bytes().to_vec();
    body.extend([0; 2]);
    body.extend(NICIRA.to_be_bytes());
    body.extend(FLOW_MONITOR.to_be_bytes());
    // padding, and its number among those of this connection
    body.extend([0; 8]);
    body.extend(REMOVED_OR_MODIFIED.to_be_bytes());
    body.extend(NO_PORT.to_be_bytes());
    // all flows of all tables
    body.extend([0, 0, ALL_TABLES, 0, 0, 0, 0, 0]);
    [message_of(VERSION_1_0, HELLO, &[]), message_of(VERSION_1_0, STATISTICS_REQUEST_1_0, &body)].concat()
}

/// Without replies the switch ends the connection.
pub(super) fn echo_reply(xid: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut reply = message_of(VERSION_1_0, ECHO_REPLY, body);
    if let Some(place) = reply.get_mut(4..HEADER) {
        place.copy_from_slice(&xid);
    }
    reply
}

/// What distinguishes a flow from others.
pub(super) fn content(flow: &Flow) -> Vec<u8> {
    let action = action::instructions(&flow.action);
    [flow.priority.to_be_bytes().to_vec(), matches(&flow.fields), action].concat()
}

struct FlowMod {
    cookie: u64,
    mask: u64,
    table: u8,
    command: u8,
    priority: u16,
}

impl FlowMod {
    fn head(&self) -> Vec<u8> {
        let mut head = self.cookie.to_be_bytes().to_vec();
        head.extend(self.mask.to_be_bytes());
        head.extend([self.table, self.command]);
        // no timeouts
        head.extend([0; 4]);
        head.extend(self.priority.to_be_bytes());
        // no buffer, any port, any group
        for any in [ANY; 3] {
            head.extend(any.to_be_bytes());
        }
        // no flags
        head.extend([0; 4]);
        head
    }
}

/// A match, padded to 8 bytes.
fn matches(fields: &[Field]) -> Vec<u8> {
    let encoded: Vec<u8> = fields.iter().flat_map(Field::encode).collect();
    let length = 4 + encoded.len();
    // OFPMT_OXM
    let mut all = 1_u16.to_be_bytes().to_vec();
    all.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    all.extend(encoded);
    all.resize(length.next_multiple_of(8), 0);
    all
}

impl Field {
    pub(super) fn encode(&self) -> Vec<u8> {
        let length = self.value.len() + self.mask.as_ref().map_or(0, Vec::len);
        let mut field = self.class.to_be_bytes().to_vec();
        field.push(self.number << 1 | u8::from(self.mask.is_some()));
        field.push(u8::try_from(length).unwrap_or(u8::MAX));
        field.extend(&self.value);
        field.extend(self.mask.iter().flatten());
        field
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    message_of(VERSION, kind, body)
}

fn message_of(version: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![version, kind];
    message.extend(u16::try_from(HEADER + body.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend(XID.to_be_bytes());
    message.extend(body);
    message
}

/// Cookie and count of frames of each flow in a multipart reply.
pub(super) fn statistics(body: &[u8]) -> Vec<(u64, u64)> {
    let mut counts = Vec::new();
    let mut rest = body.get(8..).unwrap_or_default();
    while let Some(length) = rest.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes))) {
        let number = |at: usize| rest.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let (Some(cookie), Some(frames)) = (number(24), number(32)) else { break };
        counts.push((cookie, frames));
        // a length below that of an entry would be parsed forever
        rest = rest.get(length.max(HEADER)..).unwrap_or_default();
    }
    counts
}
