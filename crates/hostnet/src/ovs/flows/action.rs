//! Actions of OpenFlow 1.3 with the extensions of Open vSwitch (openflow/nicira-ext.h, lib/ofp-actions.c). No I/O.

use std::net::IpAddr;

use super::message::{EXPERIMENTER, NICIRA};
use super::{Action, Field, Operation, Register, Target, Track};

/// `OFPIT_APPLY_ACTIONS`.
const APPLY_ACTIONS: u16 = 4;
/// `OFPAT_SET_FIELD`.
const SET_FIELD: u16 = 25;
/// Subtypes of Open vSwitch's actions.
const LOAD_REGISTER: u16 = 7;
const RESUBMIT_TABLE: u16 = 14;
const CONNECTION_TRACKING: u16 = 35;
const NAT: u16 = 36;
const CLONE: u16 = 42;

/// `OFPP_IN_PORT` of OpenFlow 1.0.
const SAME_PORT: u16 = 0xfff8;
/// `NX_CT_F_COMMIT`.
const COMMIT: u16 = 1;
/// `NX_NAT_F_DST`, and which parts of the range are given: address and port (`NX_NAT_RANGE_*_MIN`).
const NAT_DESTINATION: u16 = 2;
const RANGE_IPV4: u16 = 1;
const RANGE_IPV6: u16 = 4;
const RANGE_PORT: u16 = 16;

/// The instructions of a flow.
pub(super) fn instructions(action: &Action) -> Vec<u8> {
    let operations = match action {
        Action::Drop => return Vec::new(),
        Action::Mark(register, value) => &vec![Operation::Load(*register, *value), Operation::LookUpAgain],
        Action::Perform(operations) => operations,
    };
    let actions: Vec<u8> = operations.iter().flat_map(encode).collect();
    let mut instruction = APPLY_ACTIONS.to_be_bytes().to_vec();
    instruction.extend(length(8 + actions.len()));
    instruction.extend([0; 4]);
    instruction.extend(actions);
    instruction
}

fn encode(operation: &Operation) -> Vec<u8> {
    match operation {
        Operation::Load(register, value) => load(*register, *value),
        Operation::SetDestination(mac) => set_field(&Field::eth_dst(*mac)),
        Operation::LookUpAgain => {
            experiment(RESUBMIT_TABLE, &[&SAME_PORT.to_be_bytes()[..], &[0; 4]].concat())
        }
        Operation::Track(track) => connection_tracking(track),
        Operation::OnCopy(operations) => {
            let inner: Vec<u8> = operations.iter().flat_map(encode).collect();
            experiment(CLONE, &[vec![0; 6], inner].concat())
        }
    }
}

fn load(register: Register, value: u32) -> Vec<u8> {
    // bits 0 to 31
    let mut body = 31_u16.to_be_bytes().to_vec();
    body.extend(Field::register_header(register));
    body.extend(u64::from(value).to_be_bytes());
    experiment(LOAD_REGISTER, &body)
}

fn connection_tracking(track: &Track) -> Vec<u8> {
    let flags = if track.to.is_some() { COMMIT } else { 0 };
    let mut body = flags.to_be_bytes().to_vec();
    // the zone is a number, not a field
    body.extend([0; 4]);
    body.extend(track.zone.to_be_bytes());
    // table 0, padding, no helper for a protocol
    body.extend([0; 6]);
    body.extend(nat(track.to));
    experiment(CONNECTION_TRACKING, &body)
}

fn nat(to: Option<Target>) -> Vec<u8> {
    let Some(Target { address, port }) = to else { return experiment(NAT, &[0; 6]) };
    let (mut range, address) = match address {
        IpAddr::V4(v4) => (RANGE_IPV4, v4.octets().to_vec()),
        IpAddr::V6(v6) => (RANGE_IPV6, v6.octets().to_vec()),
    };
    range |= port.map_or(0, |_| RANGE_PORT);
    let mut body = vec![0; 2];
    body.extend(NAT_DESTINATION.to_be_bytes());
    body.extend(range.to_be_bytes());
    body.extend(address);
    body.extend(port.into_iter().flat_map(u16::to_be_bytes));
    experiment(NAT, &body)
}

/// An action of Open vSwitch, padded to 8 bytes.
fn experiment(subtype: u16, body: &[u8]) -> Vec<u8> {
    let size = (10 + body.len()).next_multiple_of(8);
    let mut action = EXPERIMENTER.to_be_bytes().to_vec();
    action.extend(length(size));
    action.extend(NICIRA.to_be_bytes());
    action.extend(subtype.to_be_bytes());
    action.extend(body);
    action.resize(size, 0);
    action
}

fn set_field(field: &Field) -> Vec<u8> {
    let encoded = field.encode();
    let size = (4 + encoded.len()).next_multiple_of(8);
    let mut action = SET_FIELD.to_be_bytes().to_vec();
    action.extend(length(size));
    action.extend(encoded);
    action.resize(size, 0);
    action
}

/// A length in a header; all of ours are far below the limit.
fn length(size: usize) -> [u8; 2] {
    u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes()
}
