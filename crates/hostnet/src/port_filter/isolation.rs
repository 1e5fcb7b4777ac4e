//! The programs of an isolated network: a container exchanges packets only with containers that it is linked to, and
//! with addresses that are not containers. Pure.
//!
//! Both ends filter: the sender by destination, the receiver by source. A router may return a packet to the network, and
//! the other host may have older tables.

use super::program::At::{Frame, FromX};
use super::program::Width::{Byte, Half, Word};
use super::program::{CONTINUE, DROP, Label, MAX_INSTRUCTIONS, Program};
use super::{AddressSet, Direction, Isolation};

const ETHERTYPE: u32 = 12;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const TCP: u32 = 6;
const ICMPV6: u32 = 58;
const HOP_BY_HOP: u32 = 0;
/// Hop-by-hop, routing and destination options.
const EXTENSIONS: [u32; 3] = [HOP_BY_HOP, 43, 60];
const FRAGMENT: u32 = 44;
/// SYN and ACK in the flags of TCP.
const SYN_ACK: u32 = 0x12;
const SYN: u32 = 0x02;
/// Types of ICMPv6 that belong to the link itself: multicast listeners, routers and neighbours.
const LINK_MESSAGES: std::ops::RangeInclusive<u32> = 130..=137;
const LISTENER_REPORT: u32 = 143;

/// Ranges in one part of a program, so that the part is smaller than [`MAX_INSTRUCTIONS`].
const RANGES: usize = 200;

/// The programs of one direction.
pub(super) fn programs(isolation: &Isolation, direction: Direction) -> Vec<Vec<u8>> {
    let mut programs = Programs { finished: Vec::new(), current: Part::default() };
    match direction {
        Direction::Sent => {
            let replies = isolation.consumers.without(&isolation.targets);
            programs.add(|part| part.refuse_groups(isolation));
            programs.sets(&replies, SENT, Verdict::RepliesOnly);
            programs.sets(&isolation.blocked(), SENT, Verdict::Drop);
        }
        Direction::Received => {
            let replies = isolation.targets.without(&isolation.consumers);
            programs.add(|part| part.refuse_unlisted(isolation));
            programs.sets(&replies, RECEIVED, Verdict::RepliesOnly);
            programs.sets(&isolation.blocked(), RECEIVED, Verdict::Drop);
        }
    }
    programs.finish()
}

/// Offsets of the other container's address: the destination of what is sent, the source of what is received.
#[derive(Debug, Clone, Copy)]
struct Offsets {
    v4: u32,
    v6: u32,
}

const SENT: Offsets = Offsets { v4: 30, v6: 38 };
const RECEIVED: Offsets = Offsets { v4: 26, v6: 22 };

/// What happens to packets to or from an address.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    /// They are dropped.
    Drop,
    /// They must not open a TCP connection.
    RepliesOnly,
}

/// Programs under construction; a part that does not fit begins a new one.
struct Programs {
    finished: Vec<Vec<u8>>,
    current: Part,
}

impl Programs {
    fn add(&mut self, emit: impl Fn(&mut Part)) {
        let mut alone = Part::default();
        emit(&mut alone);
        if self.current.program.len() + alone.program.len() > MAX_INSTRUCTIONS {
            let full = std::mem::take(&mut self.current);
            self.finished.push(full.finish());
        }
        emit(&mut self.current);
    }

    fn sets(&mut self, set: &AddressSet, at: Offsets, verdict: Verdict) {
        for ranges in set.v4().chunks(RANGES) {
            self.add(|part| part.v4(ranges, at.v4, verdict));
        }
        for ranges in by_prefix(set.v6()).chunks(RANGES) {
            self.add(|part| part.v6(ranges, at.v6, verdict));
        }
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.finished.push(self.current.finish());
        self.finished
    }
}

/// A program and its end.
struct Part {
    program: Program,
    drop: Label,
}

impl Default for Part {
    fn default() -> Self {
        let mut program = Program::default();
        let drop = program.label();
        Self { program, drop }
    }
}

impl Part {
    fn finish(mut self) -> Vec<u8> {
        self.program.finish(CONTINUE);
        self.program.here(self.drop);
        self.program.finish(DROP);
        self.program.assemble()
    }

    /// Jumps unless the frame is of this type, and drops one without a complete header.
    fn only(&mut self, ethertype: u32, length: u32, otherwise: Label) {
        self.program.load(Half, Frame(ETHERTYPE));
        self.program.unless_equal(ethertype, otherwise);
        self.program.load_length();
        self.program.unless_at_least(length, self.drop);
    }

    /// Broadcast and multicast would reach all containers. Neighbour discovery and multicast listener messages pass.
    fn refuse_groups(&mut self, isolation: &Isolation) {
        let (ipv6, done) = (self.program.label(), self.program.label());
        self.only(IPV4, 34, ipv6);
        self.program.load(Word, Frame(SENT.v4));
        self.program.if_at_least(0xe000_0000, self.drop);
        for broadcast in &isolation.broadcasts {
            self.program.if_equal((*broadcast).into(), self.drop);
        }
        self.program.goto(done);
        self.program.here(ipv6);
        self.only(IPV6, 54, done);
        let link = self.program.label();
        self.program.load(Half, Frame(SENT.v6));
        self.program.mask(0xff00);
        self.program.if_equal(0xff00, link);
        self.program.load(Half, Frame(SENT.v6));
        self.program.mask(0xffc0);
        self.program.unless_equal(0xfe80, done);
        self.program.here(link);
        self.link_messages_only(done);
        self.program.here(done);
    }

    /// IPv6 addresses that the tables do not have (link-local, from router advertisements) exchange only messages of the
    /// link.
    fn refuse_unlisted(&mut self, isolation: &Isolation) {
        let done = self.program.label();
        self.only(IPV6, 54, done);
        self.program.load(Byte, Frame(SENT.v6));
        self.program.if_equal(0xff, done);
        let own = by_prefix(isolation.own.v6());
        self.if_v6(&own, SENT.v6, done);
        self.link_messages_only(done);
        self.program.here(done);
    }

    /// Jumps if the packet is a message of the link (neighbours, routers, multicast listeners), and drops it otherwise.
    fn link_messages_only(&mut self, pass: Label) {
        let (icmp, listener) = (self.program.label(), self.program.label());
        let drop = self.drop;
        let program = &mut self.program;
        program.load(Byte, Frame(20));
        program.if_equal(ICMPV6, icmp);
        program.if_equal(HOP_BY_HOP, listener);
        program.goto(drop);
        // listener reports have a hop-by-hop header of eight bytes (RFC 3810 section 5)
        program.here(listener);
        program.load_length();
        program.unless_at_least(63, drop);
        program.load(Half, Frame(54));
        program.unless_equal(ICMPV6 << 8, drop);
        program.load(Byte, Frame(62));
        self.if_link_message(pass);
        self.program.goto(drop);
        self.program.here(icmp);
        self.program.load_length();
        self.program.unless_at_least(55, drop);
        self.program.load(Byte, Frame(54));
        self.if_link_message(pass);
        self.program.goto(drop);
    }

    fn if_link_message(&mut self, pass: Label) {
        for kind in LINK_MESSAGES.chain([LISTENER_REPORT]) {
            self.program.if_equal(kind, pass);
        }
    }

    fn v4(&mut self, ranges: &[(u32, u32)], offset: u32, verdict: Verdict) {
        let (found, done) = (self.program.label(), self.program.label());
        self.only(IPV4, 34, done);
        self.program.load(Word, Frame(offset));
        self.if_in(ranges, found, done);
        self.program.here(found);
        match verdict {
            Verdict::Drop => self.program.goto(self.drop),
            Verdict::RepliesOnly => self.v4_replies_only(done),
        }
        self.program.here(done);
    }

    fn v6(&mut self, ranges: &[Prefixed], offset: u32, verdict: Verdict) {
        let (found, done) = (self.program.label(), self.program.label());
        self.only(IPV6, 54, done);
        self.if_v6(ranges, offset, found);
        self.program.goto(done);
        self.program.here(found);
        match verdict {
            Verdict::Drop => self.program.goto(self.drop),
            Verdict::RepliesOnly => self.v6_replies_only(done),
        }
        self.program.here(done);
    }

    /// Jumps if the address there is in one of the ranges.
    fn if_v6(&mut self, ranges: &[Prefixed], offset: u32, found: Label) {
        for same in ranges.chunk_by(|one, other| one.prefix == other.prefix) {
            let next = self.program.label();
            let Some(Prefixed { prefix, .. }) = same.first() else { continue };
            for (place, word) in (offset..).step_by(4).zip(prefix) {
                self.program.load(Word, Frame(place));
                self.program.unless_equal(*word, next);
            }
            self.program.load(Word, Frame(offset + 12));
            let last_words: Vec<(u32, u32)> = same.iter().map(|range| range.last_word).collect();
            self.if_in(&last_words, found, next);
            self.program.here(next);
        }
    }

    /// Jumps to `found` if A is in one of the ranges, else to `not`: a binary search.
    fn if_in(&mut self, ranges: &[(u32, u32)], found: Label, not: Label) {
        if let (true, Some((first, _))) = (ranges.len() > 3, ranges.get(ranges.len() / 2)) {
            let (below, above) = ranges.split_at(ranges.len() / 2);
            let upper = self.program.label();
            self.program.if_at_least(*first, upper);
            self.if_in(below, found, not);
            self.program.here(upper);
            self.if_in(above, found, not);
            return;
        }
        for (first, last) in ranges {
            self.program.unless_at_least(*first, not);
            let next = self.program.label();
            self.program.if_greater(*last, next);
            self.program.goto(found);
            self.program.here(next);
        }
        self.program.goto(not);
    }

    /// Drops the first packet of a TCP connection. A fragment that begins within the header could replace the flags (RFC
    /// 3128).
    fn v4_replies_only(&mut self, pass: Label) {
        let drop = self.drop;
        let program = &mut self.program;
        program.load(Byte, Frame(23));
        program.unless_equal(TCP, pass);
        program.load(Half, Frame(20));
        program.mask(0x1fff);
        program.if_equal(1, drop);
        program.if_any_bit(0x1fff, pass);
        program.set_x_to_ipv4_header();
        program.need_from_x(14 + 14, drop);
        program.load(Byte, FromX(14 + 13));
        program.mask(SYN_ACK);
        program.if_equal(SYN, drop);
        program.goto(pass);
    }

    /// The same; extension headers and fragments could hide the flags.
    fn v6_replies_only(&mut self, pass: Label) {
        let drop = self.drop;
        let (tcp, fragment) = (self.program.label(), self.program.label());
        let program = &mut self.program;
        program.load(Byte, Frame(20));
        program.if_equal(TCP, tcp);
        program.if_equal(FRAGMENT, fragment);
        for header in EXTENSIONS {
            program.if_equal(header, drop);
        }
        program.goto(pass);
        program.here(fragment);
        program.load_length();
        program.unless_at_least(62, drop);
        program.load(Byte, Frame(54));
        program.if_equal(TCP, drop);
        for header in EXTENSIONS {
            program.if_equal(header, drop);
        }
        program.goto(pass);
        program.here(tcp);
        program.load_length();
        program.unless_at_least(54 + 14, drop);
        program.load(Byte, Frame(54 + 13));
        program.mask(SYN_ACK);
        program.if_equal(SYN, drop);
        program.goto(pass);
    }
}

/// A range of IPv6 addresses that differ in the last word only.
struct Prefixed {
    prefix: [u32; 3],
    last_word: (u32, u32),
}

fn by_prefix(ranges: &[(u128, u128)]) -> Vec<Prefixed> {
    let mut split = Vec::with_capacity(ranges.len());
    for (mut first, last) in ranges.iter().copied() {
        loop {
            let [a, b, c, from] = words(first);
            let end = (first | u128::from(u32::MAX)).min(last);
            let [.., to] = words(end);
            split.push(Prefixed { prefix: [a, b, c], last_word: (from, to) });
            if end == last {
                break;
            }
            first = end + 1;
        }
    }
    split
}

fn words(address: u128) -> [u32; 4] {
    let word = |shift: u32| u32::try_from(address >> shift & u128::from(u32::MAX)).unwrap_or_default();
    [word(96), word(64), word(32), word(0)]
}
