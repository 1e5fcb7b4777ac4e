//! The flows of published ports. Pure. The switch translates addresses itself, so the container sees its clients'.
//!
//! A packet to a port of the host gets the container's address and MAC before the host would receive it. An answer of the
//! container gets the host's address. Its source MAC remains the container's, as on a Linux bridge: the switch learns
//! from these frames where the container is.
//!
//! Only connections that began this way are translated. A container that sends from its published port is no exception:
//! without such a connection its packets stay as they are. Each container has a zone for its connections, which depends on
//! its ports, so connections to a former container with the port do not count.
//!
//! A client that uses one of its own ports for both, the container's port and the host's, gets all answers from the host.
//!
//! What these flows do not translate reaches the host, whose rules (`publish`) lead it to the container: requests of
//! the host itself, of the container to itself, fragments, SCTP, and TCP connections that began there.

use std::net::IpAddr;

use inventory::{MacAddr, PortRun, Protocol, PublishedPort, port_runs};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::field::{IPV4, IPV6, Pattern, TCP, UDP};
use super::{Action, Field, Flow, Operation, Purpose, Register, Target, Track};

/// Values of [`Register::Published`].
const REPLY: u32 = 0x7864_0001;
const REQUEST: u32 = 0x7864_0002;
const ERROR: u32 = 0x7864_0003;
const DONE: u32 = 0x7864_0004;

/// Priorities: after the filters of senders, before those of receivers.
const FROM_CONTAINER: u16 = 64981;
const OWN: u16 = 64980;
const OPENING: u16 = 64979;
const TO_HOST: u16 = 64978;
const TRANSLATED: u16 = 64977;
const OTHERWISE: u16 = 64976;

/// Bits of the state of a connection (`NX_CT_STATE`).
const NEW: u32 = 0x01;
const RELATED: u32 = 0x04;
const IS_REPLY: u32 = 0x08;
const INVALID: u32 = 0x10;
const TRACKED: u32 = 0x20;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Errors about a packet: unreachable, too big, time exceeded.
const ERRORS_V4: [u8; 2] = [3, 11];
const ERRORS_V6: [u8; 3] = [1, 2, 3];

/// The ports of a container, and the interface of the host that publishes them on the container's Ethernet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedPorts {
    /// MAC of the container.
    pub mac: MacAddr,
    /// Its address.
    pub address: IpAddr,
    /// The clients that the container can answer; `None`: all.
    pub clients: Option<IpNet>,
    /// Its ports.
    pub ports: Vec<PublishedPort>,
    /// Where they are published.
    pub host: HostPort,
}

/// The interface of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Its MAC.
    pub mac: MacAddr,
    /// Its addresses of the container's family.
    pub addresses: Vec<IpAddr>,
    /// VLAN of its network.
    pub vlan: Option<u16>,
}

/// The flows of all published ports of a bridge. None if nothing is published.
pub fn publish_flows(published: &[SwitchedPorts]) -> Vec<Flow> {
    let published: Vec<&SwitchedPorts> = published.iter().filter(|on| on.runs().next().is_some()).collect();
    let mut flows: Vec<Flow> = published.iter().flat_map(|on| on.flows()).collect();
    for on in &published {
        // equal ones are one flow
        flows.extend(on.errors_to_host(&published));
    }
    if !published.is_empty() {
        let at = |stage| vec![Field::register(Register::Published, stage)];
        flows.push(flow(OTHERWISE, at(REPLY), pass()));
        flows.push(flow(OTHERWISE, at(REQUEST), pass()));
        flows.push(flow(OTHERWISE, at(ERROR), Action::Drop));
    }
    let mut seen = std::collections::BTreeSet::new();
    flows.retain(|flow| seen.insert(flow.cookie()));
    flows
}

fn flow(priority: u16, fields: Vec<Field>, action: Action) -> Flow {
    Flow { purpose: Purpose::Publish, priority, fields, action }
}

/// The frame goes its way.
fn pass() -> Action {
    Action::Mark(Register::Published, DONE)
}

impl SwitchedPorts {
    fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    fn runs(&self) -> impl Iterator<Item = PortRun> {
        let ports = self.ports.iter().filter(|port| protocol(port).is_some());
        port_runs(ports.copied()).into_iter()
    }

    /// Zone of its connections, of which two containers of a host practically never have the same. Others than those that
    /// people choose.
    fn zone(&self) -> u16 {
        let digest = Sha256::digest(format!("{} {:?}", self.address, self.ports));
        0x8000 | digest.first_chunk().map(|bytes| u16::from_be_bytes(*bytes)).unwrap_or_default()
    }

    fn track(&self, stage: u32, to: Option<Target>) -> Vec<Operation> {
        let track = Track { zone: self.zone(), to };
        vec![Operation::Load(Register::Published, stage), Operation::Track(track)]
    }

    fn ip(&self) -> Field {
        Field::eth_type(if self.is_v4() { IPV4 } else { IPV6 })
    }

    fn flows(&self) -> Vec<Flow> {
        let mut flows = self.answers();
        flows.push(flow(OWN, vec![self.sent(), Field::eth_dst(self.host.mac), stage(0)], pass()));
        flows.extend(self.to_host());
        flows.extend(self.translated());
        flows
    }

    fn sent(&self) -> Field {
        Field::eth_src(&Pattern::exact(self.mac.octets()))
    }

    /// Answers, their fragments, and errors about requests.
    fn answers(&self) -> Vec<Flow> {
        let from = [self.sent(), stage(0), self.ip(), source(self.address)];
        let answer = |fields: Vec<Field>| {
            let fields = [&from[..], &fields].concat();
            flow(FROM_CONTAINER, fields, Action::Perform(self.track(REPLY, None)))
        };
        let mut flows = Vec::new();
        for PortRun { first, last } in self.runs() {
            let Some(number) = protocol(&first) else { continue };
            for ports in patterns(first.container, last.container) {
                flows.push(answer(vec![Field::ip_proto(number), Field::source_port(number, &ports)]));
            }
        }
        // the switch does not read ports in fragments, and the protocol only in the first of IPv6
        flows.push(answer(vec![Field::any_fragment()]));
        flows.extend(self.errors().into_iter().map(|fields| answer(fields.to_vec())));
        flows
    }

    fn errors(&self) -> Vec<[Field; 2]> {
        if self.is_v4() {
            ERRORS_V4.map(|kind| [Field::ip_proto(ICMP), Field::icmpv4_type(kind)]).into()
        } else {
            ERRORS_V6.map(|kind| [Field::ip_proto(ICMPV6), Field::icmpv6_type(kind)]).into()
        }
    }

    /// Frames from clients on the uplink have the tag of the VLAN, frames from other containers have none.
    fn arriving(&self) -> Vec<[Field; 2]> {
        let tags = [None].into_iter().chain(self.host.vlan.map(Some));
        tags.map(|tag| [Field::eth_dst(self.host.mac), Field::vlan(tag)]).collect()
    }

    fn to_host(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        for run in self.runs() {
            let Some(number) = protocol(&run.first) else { continue };
            let at = |address: &&IpAddr| {
                run.first.address.is_none_or(|only| only.is_unspecified() || only == **address)
            };
            for address in self.host.addresses.iter().filter(at) {
                for arriving in self.arriving() {
                    let mut fields = [&arriving[..], &[stage(0), self.ip(), destination(*address)]].concat();
                    fields.extend(self.clients.map(source_in));
                    fields.push(Field::ip_proto(number));
                    for (ports, port) in targets(&run) {
                        let fields = [&fields[..], &[Field::destination_port(number, &ports)]].concat();
                        flows.extend(self.requests(number, fields, port));
                    }
                }
            }
        }
        flows
    }

    /// A new TCP connection begins with SYN. Other packets of TCP are translated if their connection is known: one that
    /// began while these flows were missing goes through the host.
    fn requests(&self, number: u8, fields: Vec<Field>, port: Option<u16>) -> Vec<Flow> {
        let begin = Action::Perform(self.track(REQUEST, Some(Target { address: self.address, port })));
        if number == UDP {
            return vec![flow(TO_HOST, fields, begin)];
        }
        let opening = [&fields[..], &[Field::tcp_opening()]].concat();
        let known = Action::Perform(self.track(REQUEST, None));
        vec![flow(OPENING, opening, begin), flow(TO_HOST, fields, known)]
    }

    /// The second look, with translated addresses.
    fn translated(&self) -> [Flow; 3] {
        let deliver = Action::Perform(vec![
            Operation::SetDestination(self.mac),
            Operation::Load(Register::Published, DONE),
            Operation::LookUpAgain,
        ]);
        let to = [self.ip(), destination(self.address)];
        let known = [stage(REQUEST), Field::connection(TRACKED, TRACKED | INVALID)];
        let error = [stage(ERROR), Field::connection(TRACKED | RELATED, TRACKED | RELATED | INVALID)];
        let state = TRACKED | IS_REPLY;
        let answer = [self.sent(), stage(REPLY), Field::connection(state, state | NEW | INVALID)];
        [
            flow(TRANSLATED, [&known[..], &to].concat(), deliver.clone()),
            flow(TRANSLATED, [&error[..], &to].concat(), deliver),
            flow(TRANSLATED, answer.to_vec(), pass()),
        ]
    }

    /// An error about an answer may be for any of the containers, for example of a router to which the answer was too
    /// big. A copy for each: the one whose connection it is gets it.
    fn errors_to_host(&self, published: &[&SwitchedPorts]) -> Vec<Flow> {
        let same_family = published.iter().filter(|on| on.is_v4() == self.is_v4());
        let mut operations: Vec<Operation> =
            same_family.map(|on| Operation::OnCopy(on.track(ERROR, None))).collect();
        operations.extend([Operation::Load(Register::Published, DONE), Operation::LookUpAgain]);
        let mut flows = Vec::new();
        for (arriving, error) in
            self.arriving().iter().flat_map(|a| self.errors().into_iter().map(move |e| (a, e)))
        {
            for address in &self.host.addresses {
                let fields = [&arriving[..], &[stage(0), self.ip(), destination(*address)], &error].concat();
                flows.push(flow(TO_HOST, fields, Action::Perform(operations.clone())));
            }
        }
        flows
    }
}

/// The protocols whose ports the switch translates; the userspace datapath does not translate SCTP.
fn protocol(port: &PublishedPort) -> Option<u8> {
    match port.protocol {
        Protocol::Tcp => Some(TCP),
        Protocol::Udp => Some(UDP),
        Protocol::Sctp => None,
    }
}

fn stage(value: u32) -> Field {
    Field::register(Register::Published, value)
}

fn source(address: IpAddr) -> Field {
    source_in(address.into())
}

fn destination(address: IpAddr) -> Field {
    match address {
        IpAddr::V4(v4) => Field::ipv4_dst(v4),
        IpAddr::V6(v6) => Field::ipv6_dst(&Pattern::exact(v6.octets())),
    }
}

fn source_in(net: IpNet) -> Field {
    match net {
        IpNet::V4(net) if net.prefix_len() == 32 => Field::ipv4_src(net.addr()),
        IpNet::V4(net) => Field::ipv4_src_in(net),
        IpNet::V6(net) if net.prefix_len() == 128 => Field::ipv6_src(&Pattern::exact(net.addr().octets())),
        IpNet::V6(net) => Field::ipv6_src(&Pattern::masked(net.network().octets(), net.netmask().octets())),
    }
}

/// The host's ports of a run, each with the container's port; `None`: the same port.
fn targets(run: &PortRun) -> Vec<(Pattern, Option<u16>)> {
    let PortRun { first, last } = run;
    if first.host == first.container {
        return patterns(first.host, last.host).into_iter().map(|ports| (ports, None)).collect();
    }
    let container = first.container..=last.container;
    (first.host..=last.host).zip(container).map(|(host, to)| (exact(host), Some(to))).collect()
}

fn exact(port: u16) -> Pattern {
    Pattern::exact(port.to_be_bytes())
}

/// A range of ports as the fewest patterns.
fn patterns(first: u16, last: u16) -> Vec<Pattern> {
    let (mut next, end) = (u32::from(first), u32::from(last));
    let mut patterns = Vec::new();
    while next <= end {
        // the largest aligned block that begins here and ends in the range
        let aligned = next.trailing_zeros().min(16);
        let bits = (0..=aligned).rev().find(|bits| next + (1 << bits) - 1 <= end).unwrap_or_default();
        let mask = u16::try_from(0xffff_u32 & !((1 << bits) - 1)).unwrap_or_default();
        let value = u16::try_from(next).unwrap_or_default();
        patterns.push(match bits {
            0 => exact(value),
            _ => Pattern::masked(value.to_be_bytes(), mask.to_be_bytes()),
        });
        next += 1 << bits;
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_fewest_patterns() {
        let masked = |value: u16, mask: u16| Pattern::masked(value.to_be_bytes(), mask.to_be_bytes());
        assert_eq!(patterns(80, 80), [exact(80)]);
        assert_eq!(patterns(7000, 7002), [masked(7000, 0xfffe), exact(7002)]);
        assert_eq!(patterns(0, u16::MAX), [masked(0, 0)]);
        assert_eq!(patterns(u16::MAX, u16::MAX), [exact(u16::MAX)]);
    }
}
