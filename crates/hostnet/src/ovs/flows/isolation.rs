//! The flows of an isolated network. Pure. See `port_filter`, whose programs do the same on a Linux bridge.
//!
//! The addresses of the network's containers are prefixes in flows that all its ports share: a port adds flows for its
//! own links only.

use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::field::{IPV4, IPV6, Pattern, TCP};
use super::filter::PASSED;
use super::{Action, Field, Flow, Purpose, Register};
use crate::port_filter::{AddressSet, Isolation};

/// Values of the registers, see `filter`. The last three bytes are the number of the network.
const EXAMINE: u32 = 0x6500_0000;
/// A packet to a listed address of the receiver.
const LISTED: u32 = 0x6600_0000;
const NETWORK: u32 = 0x00ff_ffff;
/// The other container is one of the network without a link.
const BLOCKED: u32 = 0x7864_0003;

/// Priorities: the sender's flows decide before the receiver's.
const SENT: u16 = 65000;
const RECEIVED: u16 = 64900;
/// Within each, the order of decisions.
const OPENING: u16 = 36;
const LINKED: u16 = 34;
const LINK_MESSAGE: u16 = 32;
const GROUP: u16 = 31;
const ADDRESS: u16 = 30;
const MEMBER: u16 = 20;
const OTHERWISE: u16 = 10;
/// A frame that the receiver's flows have not examined.
const BEGIN: u16 = 50;

const ICMPV6: u8 = 58;
/// Multicast listeners, routers and neighbours.
const LINK_MESSAGES: [u8; 9] = [130, 131, 132, 133, 134, 135, 136, 137, 143];

/// Whose frames are examined: those that a container sends, or those that it receives.
#[derive(Debug, Clone, Copy)]
enum Direction {
    Sent,
    Received,
}

impl Direction {
    fn register(self) -> Register {
        match self {
            Self::Sent => Register::Sender,
            Self::Received => Register::Receiver,
        }
    }
}

/// Where the sender's flows send a frame for this examination.
pub(super) fn examine(isolation: &Isolation) -> Action {
    Action::Mark(Register::Sender, EXAMINE | isolation.network & NETWORK)
}

/// The flows of one port with this OpenFlow number.
pub(super) fn port_flows(isolation: &Isolation, number: u32) -> Vec<Flow> {
    let mut flows = Builder { isolation, number, direction: Direction::Sent }.sent();
    flows.extend(Builder { isolation, number, direction: Direction::Received }.received());
    flows
}

/// The flows that all ports of a network share.
pub fn network_flows(isolation: &Isolation) -> Vec<Flow> {
    let network = isolation.network & NETWORK;
    let mut flows = Vec::new();
    for (direction, stage, base) in
        [(Direction::Sent, EXAMINE, SENT), (Direction::Received, LISTED, RECEIVED)]
    {
        let here = Field::register(direction.register(), stage | network);
        for prefix in isolation.members.prefixes() {
            let mut fields = vec![here.clone()];
            fields.extend(other_end(direction, prefix));
            flows.push(Flow {
                purpose: Purpose::Filter,
                priority: base + MEMBER,
                fields,
                action: Action::Mark(direction.register(), BLOCKED),
            });
        }
        let passed = Action::Mark(direction.register(), PASSED);
        flows.push(Flow {
            purpose: Purpose::Filter,
            priority: base + OTHERWISE,
            fields: vec![here],
            action: passed,
        });
    }
    flows
}

/// The address of the other container: where a frame goes to, or comes from.
fn other_end(direction: Direction, prefix: IpNet) -> [Field; 2] {
    match (direction, prefix) {
        (Direction::Sent, IpNet::V4(net)) => [Field::eth_type(IPV4), Field::ipv4_dst_in(net)],
        (Direction::Received, IpNet::V4(net)) => [Field::eth_type(IPV4), Field::ipv4_src_in(net)],
        (Direction::Sent, IpNet::V6(net)) => [Field::eth_type(IPV6), Field::ipv6_dst(&in_prefix(net))],
        (Direction::Received, IpNet::V6(net)) => [Field::eth_type(IPV6), Field::ipv6_src(&in_prefix(net))],
    }
}

fn in_prefix(net: ipnet::Ipv6Net) -> Pattern {
    Pattern::masked(net.network().octets(), net.netmask().octets())
}

struct Builder<'a> {
    isolation: &'a Isolation,
    number: u32,
    direction: Direction,
}

impl Builder<'_> {
    fn base(&self) -> u16 {
        match self.direction {
            Direction::Sent => SENT,
            Direction::Received => RECEIVED,
        }
    }

    /// A flow for frames of this port: those that it sent, or those to its MAC.
    fn flow(&self, order: u16, stage: u32, fields: impl IntoIterator<Item = Field>, action: Action) -> Flow {
        let port = match self.direction {
            Direction::Sent => Field::in_port(self.number),
            Direction::Received => Field::eth_dst(self.isolation.mac),
        };
        let first = [port, Field::register(self.direction.register(), stage)];
        let fields = first.into_iter().chain(fields).collect();
        Flow { purpose: Purpose::Filter, priority: self.base() + order, fields, action }
    }

    fn examined(&self, order: u16, fields: impl IntoIterator<Item = Field>, action: Action) -> Flow {
        self.flow(order, EXAMINE | self.isolation.network & NETWORK, fields, action)
    }

    fn pass(&self) -> Action {
        Action::Mark(self.direction.register(), PASSED)
    }

    /// Links of the container, and of others to it. `replies`: the containers to which, or from which, a connection must
    /// not be opened.
    fn links(&self, linked: [&AddressSet; 2], replies: &AddressSet) -> Vec<Flow> {
        let mut flows = Vec::new();
        for prefix in linked.into_iter().flat_map(AddressSet::prefixes) {
            flows.push(self.examined(LINKED, other_end(self.direction, prefix), self.pass()));
        }
        for prefix in replies.prefixes() {
            let [kind, address] = other_end(self.direction, prefix);
            let tcp = [kind, address, Field::ip_proto(TCP)];
            let opening = tcp.iter().cloned().chain([Field::tcp_opening()]);
            flows.push(self.examined(OPENING, opening, Action::Drop));
            // the switch does not read the flags of a fragment
            let fragment = tcp.into_iter().chain([Field::any_fragment()]);
            flows.push(self.examined(OPENING, fragment, Action::Drop));
        }
        flows
    }

    fn sent(&self) -> Vec<Flow> {
        let Isolation { targets, consumers, broadcasts, .. } = self.isolation;
        let mut flows = self.links([targets, consumers], &consumers.without(targets));
        let groups = [net4(Ipv4Addr::new(224, 0, 0, 0), 4), net4(Ipv4Addr::BROADCAST, 32)];
        for group in groups.into_iter().chain(broadcasts.iter().map(|broadcast| net4(*broadcast, 32))) {
            let fields = [Field::eth_type(IPV4), Field::ipv4_dst_in(group)];
            flows.push(self.examined(GROUP, fields, Action::Drop));
        }
        for addresses in [Pattern::multicast(), Pattern::link_local()] {
            let fields = [Field::eth_type(IPV6), Field::ipv6_dst(&addresses)];
            flows.extend(LINK_MESSAGES.map(|kind| {
                let message = [Field::ip_proto(ICMPV6), Field::icmpv6_type(kind)];
                self.examined(LINK_MESSAGE, fields.iter().cloned().chain(message), self.pass())
            }));
            flows.push(self.examined(GROUP, fields, Action::Drop));
        }
        flows.push(self.flow(OTHERWISE, BLOCKED, [], Action::Drop));
        flows
    }

    fn received(&self) -> Vec<Flow> {
        let Isolation { targets, consumers, network, own, .. } = self.isolation;
        let begin = Action::Mark(self.direction.register(), EXAMINE | network & NETWORK);
        let listed = Action::Mark(self.direction.register(), LISTED | network & NETWORK);
        let mut flows = self.links([targets, consumers], &targets.without(consumers));
        flows.push(self.flow(BEGIN, 0, [], begin));
        flows.extend(LINK_MESSAGES.map(|kind| {
            let message = [Field::eth_type(IPV6), Field::ip_proto(ICMPV6), Field::icmpv6_type(kind)];
            self.examined(LINK_MESSAGE, message, self.pass())
        }));
        flows.push(self.examined(ADDRESS, [Field::eth_type(IPV4)], listed.clone()));
        for address in own.prefixes() {
            if let IpNet::V6(net) = address {
                let fields = [Field::eth_type(IPV6), Field::ipv6_dst(&in_prefix(net))];
                flows.push(self.examined(ADDRESS, fields, listed.clone()));
            }
        }
        flows.push(self.examined(MEMBER, [Field::eth_type(IPV6)], Action::Drop));
        flows.push(self.examined(OTHERWISE, [], self.pass()));
        flows.push(self.flow(OTHERWISE, BLOCKED, [], Action::Drop));
        flows
    }
}

fn net4(address: Ipv4Addr, length: u8) -> ipnet::Ipv4Net {
    ipnet::Ipv4Net::new_assert(address, length)
}
