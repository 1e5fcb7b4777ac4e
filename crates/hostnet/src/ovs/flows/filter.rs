//! The flows that filter what a container sends. Pure. See `port_filter`, whose program does the same on a Linux bridge.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::field::{ARP, IPV4, IPV6, Pattern, UDP};
use super::{Action, Field, Flow, Purpose, Register, isolation};
use crate::port_filter::{Identity, PortFilter};
use crate::veth::host_mac;

/// Values of [`Register::Sender`]. 0: not examined yet. Others of our flows begin with the same two bytes, so that they
/// are not those of an administrator.
pub(super) const PASSED: u32 = 0x7864_0001;
/// A neighbour message from an own address, whose content is not examined yet.
const NEIGHBOUR: u32 = 0x7864_0002;

/// Flows with a higher priority decide first.
const REFUSE: u16 = 65040;
const EXAMINE: u16 = 65030;
const PERMIT: u16 = 65020;
const OTHERWISE: u16 = 65010;

const ICMP: u8 = 1;

const ICMPV6: u8 = 58;
const ICMP_REDIRECT: u8 = 5;
/// Router advertisement, redirect, router renumbering.
const ROUTER_MESSAGES: [u8; 3] = [134, 137, 138];
/// Listener reports and router solicitation, which a host sends before it has an address.
const WITHOUT_ADDRESS: [u8; 4] = [131, 132, 133, 143];
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// The flows of a port with this OpenFlow number. None: all frames pass.
pub fn filter_flows(filter: &PortFilter, number: i64) -> Vec<Flow> {
    let number = super::port_number(number);
    let passed = match &filter.isolation {
        Some(isolation) => isolation::examine(isolation),
        None => Action::Mark(Register::Sender, PASSED),
    };
    let mut flows = match &filter.identity {
        Some(identity) => identity_flows(&Builder { identity, number, passed }),
        None => filter.isolation.iter().map(|_| unfiltered(number, passed.clone())).collect(),
    };
    flows.extend(filter.isolation.iter().flat_map(|isolation| isolation::port_flows(isolation, number)));
    flows
}

fn identity_flows(builder: &Builder<'_>) -> Vec<Flow> {
    let mut flows = builder.refused();
    flows.extend(builder.arp());
    flows.extend(builder.ipv4());
    flows.extend(builder.ipv6());
    flows.extend(builder.neighbours());
    flows.extend(builder.probes());
    flows.push(builder.flow(OTHERWISE, 0, [], Action::Drop));
    flows
}

/// All frames of a port are its own.
fn unfiltered(number: u32, passed: Action) -> Flow {
    let fields = vec![Field::in_port(number), Field::register(Register::Sender, 0)];
    Flow { purpose: Purpose::Filter, priority: OTHERWISE, fields, action: passed }
}

struct Builder<'a> {
    identity: &'a Identity,
    number: u32,
    /// What happens to frames of its own.
    passed: Action,
}

impl Builder<'_> {
    fn flow(
        &self,
        priority: u16,
        stage: u32,
        fields: impl IntoIterator<Item = Field>,
        action: Action,
    ) -> Flow {
        let first = [Field::in_port(self.number), Field::register(Register::Sender, stage)];
        Flow { purpose: Purpose::Filter, priority, fields: first.into_iter().chain(fields).collect(), action }
    }

    fn permit(&self, fields: impl IntoIterator<Item = Field>) -> Flow {
        self.flow(PERMIT, 0, fields, self.passed.clone())
    }

    /// MACs that the container may use.
    fn macs(&self) -> Vec<Pattern> {
        let own = Pattern::exact(self.identity.mac.octets());
        let virtual_macs = [1, 2]
            .map(|family| Pattern::masked([0, 0, 0x5e, 0, family, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0]));
        let shares = !self.identity.further.is_empty();
        [own].into_iter().chain(virtual_macs.into_iter().filter(|_| shares)).collect()
    }

    fn v4_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.identity.all().filter_map(|address| match address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        })
    }

    /// Its addresses, and all with its interface identifier.
    fn v6_addresses(&self) -> Vec<Pattern> {
        let listed = self.identity.all().filter_map(|address| match address {
            IpAddr::V6(v6) => Some(Pattern::exact(v6.octets())),
            IpAddr::V4(_) => None,
        });
        let identifier = [[0; 8], self.identity.interface_id()].concat();
        let derived = Pattern::masked(identifier, [[0; 8], [0xff; 8]].concat());
        listed.chain([derived]).collect()
    }

    fn refused(&self) -> Vec<Flow> {
        let v4 = |number| [Field::eth_type(IPV4), Field::ip_proto(number)];
        let v6 = |number| [Field::eth_type(IPV6), Field::ip_proto(number)];
        let mut refused = vec![
            vec![Field::any_vlan()],
            [&v4(UDP)[..], &[Field::udp_src(67)]].concat(),
            [&v4(UDP)[..], &[Field::udp_dst(68)]].concat(),
            [&v6(UDP)[..], &[Field::udp_src(547)]].concat(),
            [&v6(UDP)[..], &[Field::udp_dst(546)]].concat(),
            [&v4(ICMP)[..], &[Field::icmpv4_type(ICMP_REDIRECT)]].concat(),
        ];
        refused.extend(ROUTER_MESSAGES.map(|kind| [&v6(ICMPV6)[..], &[Field::icmpv6_type(kind)]].concat()));
        refused.extend(Self::hidden());
        refused.into_iter().map(|fields| self.flow(REFUSE, 0, fields, Action::Drop)).collect()
    }

    /// Fragments between addresses of the link and to all hosts: the switch does not read ports and types in fragments, also
    /// not in the first one. DHCPv6 and router messages use these addresses.
    fn hidden() -> Vec<Vec<Field>> {
        let v6 = |address| vec![Field::eth_type(IPV6), Field::any_fragment(), address];
        vec![
            vec![
                Field::eth_type(IPV4),
                Field::any_fragment(),
                Field::ipv4_dst(Ipv4Addr::BROADCAST),
                Field::ip_proto(UDP),
            ],
            v6(Field::ipv6_src(&Pattern::link_local())),
            v6(Field::ipv6_dst(&Pattern::link_local())),
            v6(Field::ipv6_dst(&Pattern::multicast())),
        ]
    }

    fn arp(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        for (from, sender) in pairs(&self.macs()) {
            for address in self.v4_addresses() {
                let head = [Field::eth_type(ARP), Field::eth_src(from), Field::arp_sha(sender)];
                flows.push(self.permit([&head[..], &[Field::arp_sender(address)]].concat()));
                let probe = [Field::arp_sender(Ipv4Addr::UNSPECIFIED), Field::arp_target(address)];
                flows.push(self.permit([&head[..], &probe].concat()));
            }
        }
        flows
    }

    fn ipv4(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        for from in &self.macs() {
            for address in self.v4_addresses() {
                flows.push(self.permit([
                    Field::eth_type(IPV4),
                    Field::eth_src(from),
                    Field::ipv4_src(address),
                ]));
            }
        }
        flows
    }

    fn ipv6(&self) -> Vec<Flow> {
        let examine =
            |fields: Vec<Field>| self.flow(EXAMINE, 0, fields, Action::Mark(Register::Sender, NEIGHBOUR));
        let unspecified = Pattern::exact(Ipv6Addr::UNSPECIFIED.octets());
        let mut flows = Vec::new();
        for from in &self.macs() {
            let head = [Field::eth_type(IPV6), Field::eth_src(from)];
            let icmp = |kind| [Field::ip_proto(ICMPV6), Field::icmpv6_type(kind)];
            for address in &self.v6_addresses() {
                let source = [Field::ipv6_src(address)];
                flows.push(self.permit([&head[..], &source].concat()));
                for kind in [SOLICITATION, ADVERTISEMENT] {
                    flows.push(examine([&head[..], &source, &icmp(kind)].concat()));
                }
                let target = [Field::nd_target(address)];
                let detection = [&head[..], &[Field::ipv6_src(&unspecified)], &icmp(SOLICITATION), &target];
                flows.push(self.permit(detection.concat()));
            }
            for kind in WITHOUT_ADDRESS {
                flows.push(self.permit([&head[..], &[Field::ipv6_src(&unspecified)], &icmp(kind)].concat()));
            }
        }
        flows
    }

    /// The second look at neighbour messages: target and link-layer address.
    fn neighbours(&self) -> Vec<Flow> {
        let stage = |priority, fields: Vec<Field>, action| self.flow(priority, NEIGHBOUR, fields, action);
        let head = |kind| [Field::eth_type(IPV6), Field::ip_proto(ICMPV6), Field::icmpv6_type(kind)];
        let mut flows = vec![stage(OTHERWISE, Vec::new(), Action::Drop)];
        // the field is 0 where the message has no such option
        for mac in self.macs().iter().chain([&Pattern::exact([0; 6])]) {
            flows.push(stage(
                PERMIT,
                [&head(SOLICITATION)[..], &[Field::nd_sll(mac)]].concat(),
                self.passed.clone(),
            ));
            for target in &self.v6_addresses() {
                let about = [Field::nd_target(target), Field::nd_tll(mac)];
                flows.push(stage(PERMIT, [&head(ADVERTISEMENT)[..], &about].concat(), self.passed.clone()));
            }
        }
        flows
    }

    /// netd's own probes for the container's addresses come from the container end, with the MAC of the host end.
    fn probes(&self) -> Vec<Flow> {
        let mac = Pattern::exact(host_mac(self.identity.mac).octets());
        let probe = |address| match address {
            IpAddr::V4(v4) => vec![
                Field::eth_type(ARP),
                Field::eth_src(&mac),
                Field::arp_sha(&mac),
                Field::arp_sender(Ipv4Addr::UNSPECIFIED),
                Field::arp_target(v4),
            ],
            IpAddr::V6(v6) => vec![
                Field::eth_type(IPV6),
                Field::eth_src(&mac),
                Field::ipv6_src(&Pattern::exact(Ipv6Addr::UNSPECIFIED.octets())),
                Field::ip_proto(ICMPV6),
                Field::icmpv6_type(SOLICITATION),
                Field::nd_target(&Pattern::exact(v6.octets())),
            ],
        };
        self.identity.addresses.iter().map(|address| self.permit(probe(*address))).collect()
    }
}

fn pairs(macs: &[Pattern]) -> impl Iterator<Item = (&Pattern, &Pattern)> {
    macs.iter().flat_map(|first| macs.iter().map(move |second| (first, second)))
}
