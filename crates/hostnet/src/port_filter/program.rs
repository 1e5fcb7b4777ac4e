//! Assembles programs in classic BPF (linux/filter.h), with labels instead of offsets. Pure.
//!
//! The kernel compiles them to machine code. They have no loops and no memory except sixteen words, so the kernel
//! verifies them without limits that differ between its releases.

/// Result of a program that drops the frame: `TC_ACT_SHOT`.
pub(super) const DROP: u32 = 2;
/// Result of a program that lets the next filter decide; after the last one the frame passes: `TC_ACT_UNSPEC`.
pub(super) const CONTINUE: u32 = u32::MAX;

/// Length of an assembled instruction in bytes (`struct sock_filter`).
pub(super) const INSTRUCTION: usize = 8;

/// Largest program, in instructions: the kernel accepts 4096, and a dump must fit in one netlink message of 32 KiB.
pub(super) const MAX_INSTRUCTIONS: usize = 2048;

/// `SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT`: the kernel keeps the tag outside of the frame.
const VLAN_TAG_PRESENT: u32 = 0xffff_f000 + 48;

/// A place in a program. Jumps go forward only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Width of a load.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    Byte,
    Half,
    Word,
}

/// Where a load reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    /// Bytes from the Ethernet header.
    Frame(u32),
    /// Bytes from X.
    FromX(u32),
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Plain(u16, u32),
    Jump { code: u16, k: u32, target: Label },
    Goto(Label),
    Here(Label),
}

/// A program under construction. `A` and `X` are the registers of classic BPF.
#[derive(Debug, Default)]
pub(super) struct Program {
    ops: Vec<Op>,
    labels: usize,
}

impl Program {
    /// A new label, to be placed once with [`Program::here`].
    pub(super) fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    /// Places a label.
    pub(super) fn here(&mut self, label: Label) {
        self.ops.push(Op::Here(label));
    }

    /// Jumps.
    pub(super) fn goto(&mut self, label: Label) {
        self.ops.push(Op::Goto(label));
    }

    /// Jumps if A equals `k`.
    pub(super) fn if_equal(&mut self, k: u32, target: Label) {
        self.ops.push(Op::Jump { code: 0x15, k, target });
    }

    /// Jumps if A is greater than `k`.
    pub(super) fn if_greater(&mut self, k: u32, target: Label) {
        self.ops.push(Op::Jump { code: 0x25, k, target });
    }

    /// Jumps if A is `k` or greater.
    pub(super) fn if_at_least(&mut self, k: u32, target: Label) {
        self.ops.push(Op::Jump { code: 0x35, k, target });
    }

    /// Jumps if A and `k` have a common bit.
    pub(super) fn if_any_bit(&mut self, k: u32, target: Label) {
        self.ops.push(Op::Jump { code: 0x45, k, target });
    }

    /// Jumps unless A equals `k`.
    pub(super) fn unless_equal(&mut self, k: u32, target: Label) {
        let equal = self.label();
        self.if_equal(k, equal);
        self.goto(target);
        self.here(equal);
    }

    /// Jumps unless A is `k` or greater.
    pub(super) fn unless_at_least(&mut self, k: u32, target: Label) {
        let enough = self.label();
        self.if_at_least(k, enough);
        self.goto(target);
        self.here(enough);
    }

    /// Loads A from the frame. A load behind its end would end the program and let the frame pass: check the length.
    pub(super) fn load(&mut self, width: Width, at: At) {
        let size = match width {
            Width::Word => 0x00,
            Width::Half => 0x08,
            Width::Byte => 0x10,
        };
        match at {
            At::Frame(offset) => self.plain(0x20 | size, offset),
            At::FromX(offset) => self.plain(0x40 | size, offset),
        }
    }

    /// Loads whether the frame had a VLAN tag.
    pub(super) fn load_vlan_tag_present(&mut self) {
        self.plain(0x20, VLAN_TAG_PRESENT);
    }

    /// Loads the length of the frame.
    pub(super) fn load_length(&mut self) {
        self.plain(0x80, 0);
    }

    /// Jumps to `otherwise` unless the frame has this many bytes from X. Changes A.
    pub(super) fn need_from_x(&mut self, bytes: u32, otherwise: Label) {
        self.plain(STORE_X, SAVED_X);
        self.txa();
        self.add(bytes);
        self.store(SCRATCH);
        self.plain(LOAD_X, SCRATCH);
        self.load_length();
        let enough = self.label();
        self.ops.push(Op::Jump { code: IF_AT_LEAST_X, k: 0, target: enough });
        self.goto(otherwise);
        self.here(enough);
        self.plain(LOAD_X, SAVED_X);
    }

    /// Sets X to a constant.
    pub(super) fn set_x(&mut self, k: u32) {
        self.plain(0x01, k);
    }

    /// Sets X to the length of the IPv4 header.
    pub(super) fn set_x_to_ipv4_header(&mut self) {
        self.plain(0xb1, 14);
    }

    /// Sets A to a constant.
    pub(super) fn set(&mut self, k: u32) {
        self.plain(0x00, k);
    }

    /// Adds a constant to A.
    pub(super) fn add(&mut self, k: u32) {
        self.plain(0x04, k);
    }

    /// Adds X to A.
    pub(super) fn add_x(&mut self) {
        self.plain(0x0c, 0);
    }

    /// Shifts A to the left.
    pub(super) fn shift_left(&mut self, bits: u32) {
        self.plain(0x64, bits);
    }

    /// Keeps the bits of `k` in A.
    pub(super) fn mask(&mut self, k: u32) {
        self.plain(0x54, k);
    }

    /// Copies A to X.
    pub(super) fn tax(&mut self) {
        self.plain(0x07, 0);
    }

    /// Copies X to A.
    pub(super) fn txa(&mut self) {
        self.plain(0x87, 0);
    }

    /// Stores A in a word of memory (0 to 13).
    pub(super) fn store(&mut self, word: u32) {
        self.plain(0x02, word);
    }

    /// Loads A from a word of memory. The kernel refuses a program that may load a word before it is stored.
    pub(super) fn recall(&mut self, word: u32) {
        self.plain(0x60, word);
    }

    /// Ends the program.
    pub(super) fn finish(&mut self, result: u32) {
        self.plain(0x06, result);
    }

    /// Number of instructions.
    pub(super) fn len(&self) -> usize {
        self.ops.iter().map(size).sum()
    }

    fn plain(&mut self, code: u16, k: u32) {
        self.ops.push(Op::Plain(code, k));
    }

    /// The instructions as the kernel reads them.
    pub(super) fn assemble(&self) -> Vec<u8> {
        let mut places = vec![0; self.labels];
        let mut position = 0;
        for op in &self.ops {
            if let Op::Here(Label(label)) = op
                && let Some(place) = places.get_mut(*label)
            {
                *place = position;
            }
            position += size(op);
        }
        let mut code = Vec::with_capacity(position * INSTRUCTION);
        for op in &self.ops {
            let next = code.len() / INSTRUCTION;
            let distance = |label: Label, after: usize| {
                let place = places.get(label.0).copied().unwrap_or_default();
                u32::try_from(place.saturating_sub(next + after)).unwrap_or_default()
            };
            match *op {
                Op::Plain(opcode, k) => emit(&mut code, opcode, [0, 0], k),
                Op::Goto(target) => emit(&mut code, JUMP, [0, 0], distance(target, 1)),
                // offsets of conditional jumps have 8 bits
                Op::Jump { code: opcode, k, target } => {
                    emit(&mut code, opcode, [0, 1], k);
                    emit(&mut code, JUMP, [0, 0], distance(target, 2));
                }
                Op::Here(_) => {}
            }
        }
        code
    }
}

/// `ja k`.
const JUMP: u16 = 0x05;

const STORE_X: u16 = 0x03;
const LOAD_X: u16 = 0x61;
/// `jge x`.
const IF_AT_LEAST_X: u16 = 0x3d;

/// Words of memory that [`Program::need_from_x`] uses.
const SCRATCH: u32 = 14;
const SAVED_X: u32 = 15;

fn size(op: &Op) -> usize {
    match op {
        Op::Plain(..) | Op::Goto(_) => 1,
        Op::Jump { .. } => 2,
        Op::Here(_) => 0,
    }
}

fn emit(to: &mut Vec<u8>, code: u16, [jt, jf]: [u8; 2], k: u32) {
    to.extend(code.to_ne_bytes());
    to.extend([jt, jf]);
    to.extend(k.to_ne_bytes());
}
