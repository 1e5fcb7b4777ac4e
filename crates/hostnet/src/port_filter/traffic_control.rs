//! Sets filters of ports, and reads them and the number of dropped frames.

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;

use inventory::IfName;
use nix::libc::{EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP};
use rtnetlink::packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_EXCL, Nla as _};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::tc::{
    TcAttribute, TcBpfFlags, TcFilterBpf, TcFilterBpfOption, TcHandle, TcMessage, TcOption, TcStats2,
};

use super::program::INSTRUCTION;
use super::{Direction, PortFilter};
use crate::error::NetError;
use crate::kernel::Kernel;
use crate::link::is_errno;

/// `TCA_BPF_OPS_LEN` and `TCA_BPF_OPS` of linux/pkt_cls.h.
const OPS_LEN: u16 = 4;
const OPS: u16 = 5;

/// `ETH_P_ALL` in network byte order.
const ALL_PROTOCOLS: u16 = 0x0003_u16.to_be();

/// The queueing discipline that runs filters on received and sent frames, without a queue.
const CLSACT: &str = "clsact";

/// Priorities of our filters, in their order. Filters of others with a greater number come after.
const PRIORITIES: RangeInclusive<u16> = 100..=199;

const DIRECTIONS: [Direction; 2] = [Direction::Sent, Direction::Received];

impl Direction {
    /// What the container sends, its host end receives.
    fn parent(self) -> TcHandle {
        let minor = match self {
            Self::Sent => TcHandle::MIN_INGRESS,
            Self::Received => TcHandle::MIN_EGRESS,
        };
        TcHandle { major: u16::MAX, minor }
    }
}

/// The filters of a port as the kernel has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Programs of ours by direction and priority.
    programs: BTreeMap<(Direction, u16), Vec<u8>>,
}

impl Installed {
    /// Whether the port has exactly this filter.
    pub fn matches(&self, filter: &PortFilter) -> bool {
        self.programs == wanted(filter)
    }

    /// Whether the port has no filter of ours.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }
}

fn wanted(filter: &PortFilter) -> BTreeMap<(Direction, u16), Vec<u8>> {
    let of = |direction| {
        let numbered = PRIORITIES.zip(filter.programs(direction));
        numbered.map(move |(priority, program)| ((direction, priority), program))
    };
    DIRECTIONS.into_iter().flat_map(of).collect()
}

impl Kernel {
    /// Sets the filter of a port. A program replaces the one before it at once: no frame passes in between.
    ///
    /// # Errors
    /// The port does not exist, or the kernel lacks a module.
    pub async fn set_filter(&self, port: &IfName, filter: &PortFilter) -> Result<(), NetError> {
        let index = self.index(port).await?;
        let failed = |source: io::Error| match source.raw_os_error() {
            Some(ENODEV) => NetError::Missing { device: port.clone() },
            // the second: a kernel without traffic control
            Some(ENOENT | EOPNOTSUPP) => NetError::NoTrafficControl { device: port.clone(), source },
            _ => NetError::Filter { device: port.clone(), source },
        };
        let wanted = wanted(filter);
        if !wanted.is_empty() {
            self.enable_filters(index).await.map_err(failed)?;
        }
        for (key, program) in &wanted {
            let message = RouteNetlinkMessage::NewTrafficFilter(bpf(index, *key, program));
            self.change(message, NLM_F_CREATE).await.map_err(failed)?;
        }
        let installed = self.installed_filter(index).await.map_err(failed)?;
        for key in installed.programs.into_keys().filter(|key| !wanted.contains_key(key)) {
            match self.change(RouteNetlinkMessage::DelTrafficFilter(filter_message(index, key)), 0).await {
                Err(error) if !is_errno(&error, ENOENT) => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    }

    async fn enable_filters(&self, index: u32) -> io::Result<()> {
        let message = RouteNetlinkMessage::NewQueueDiscipline(clsact(index));
        match self.change(message, NLM_F_CREATE | NLM_F_EXCL).await {
            Err(error) if !is_errno(&error, EEXIST) => Err(error),
            _ => Ok(()),
        }
    }

    /// The filters of some interfaces by index. An interface that does not exist has none.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub async fn installed_filters(&self, indexes: &[u32]) -> Result<BTreeMap<u32, Installed>, NetError> {
        let mut all = BTreeMap::new();
        for index in indexes.iter().copied() {
            let installed = self.installed_filter(index).await;
            all.insert(index, installed.map_err(|source| NetError::List { what: "filters", source })?);
        }
        Ok(all)
    }

    async fn installed_filter(&self, index: u32) -> io::Result<Installed> {
        let mut programs = BTreeMap::new();
        for direction in DIRECTIONS {
            let mut message = TcMessage::with_index(signed(index));
            message.header.parent = direction.parent();
            let filters = match self.dump(RouteNetlinkMessage::GetTrafficFilter(message)).await {
                Ok(filters) => filters,
                // no queueing discipline for filters, or no such interface
                Err(error) if [EINVAL, ENODEV, EOPNOTSUPP].iter().any(|code| is_errno(&error, *code)) => {
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            let numbered = filters.into_iter().filter_map(program);
            programs.extend(numbered.map(|(priority, program)| ((direction, priority), program)));
        }
        Ok(Installed { programs })
    }

    /// How many frames the filters of each interface dropped, by index.
    ///
    /// # Errors
    /// The kernel did not answer.
    pub async fn dropped_frames(&self) -> Result<BTreeMap<u32, u64>, NetError> {
        let all = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
        let dumped = self.dump(all).await;
        let disciplines = dumped.map_err(|source| NetError::List { what: "filters", source })?;
        Ok(disciplines.into_iter().filter_map(dropped).collect())
    }
}

fn clsact(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(signed(index));
    message.header.parent = TcHandle::CLSACT;
    message.header.handle = TcHandle { major: u16::MAX, minor: 0 };
    message.attributes.push(TcAttribute::Kind(CLSACT.to_owned()));
    message
}

fn filter_message(index: u32, (direction, priority): (Direction, u16)) -> TcMessage {
    let mut message = TcMessage::with_index(signed(index));
    message.header.parent = direction.parent();
    message.header.info = TcHandle { major: priority, minor: ALL_PROTOCOLS }.into();
    message.attributes.push(TcAttribute::Kind(TcFilterBpf::KIND.to_owned()));
    message
}

/// The message that creates or replaces a program. Its handle makes it replace the program, not add one.
fn bpf(index: u32, key: (Direction, u16), program: &[u8]) -> TcMessage {
    let mut message = filter_message(index, key);
    message.header.handle = TcHandle::from(1);
    let length = u16::try_from(program.len() / INSTRUCTION).unwrap_or(u16::MAX);
    message.attributes.push(TcAttribute::Options(vec![
        TcOption::Bpf(TcFilterBpfOption::Other(DefaultNla::new(OPS_LEN, length.to_ne_bytes().to_vec()))),
        TcOption::Bpf(TcFilterBpfOption::Other(DefaultNla::new(OPS, program.to_vec()))),
        TcOption::Bpf(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction)),
    ]));
    message
}

/// Priority and program of a filter of ours.
fn program(message: RouteNetlinkMessage) -> Option<(u16, Vec<u8>)> {
    let RouteNetlinkMessage::NewTrafficFilter(message) = message else { return None };
    let priority = TcHandle::from(message.header.info).major;
    let ours = PRIORITIES.contains(&priority) && message.header.handle != TcHandle::UNSPEC;
    let options = message.attributes.into_iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    });
    let code = options.into_iter().flatten().find_map(|option| match option {
        TcOption::Bpf(TcFilterBpfOption::Other(other)) if other.kind() == OPS => {
            let mut code = vec![0; other.value_len()];
            other.emit_value(&mut code);
            Some(code)
        }
        _ => None,
    });
    // a filter of another kind is replaced
    ours.then(|| (priority, code.unwrap_or_default()))
}

fn dropped(message: RouteNetlinkMessage) -> Option<(u32, u64)> {
    let RouteNetlinkMessage::NewQueueDiscipline(message) = message else { return None };
    let index = u32::try_from(message.header.index).ok()?;
    let mut is_clsact = false;
    let mut drops = None;
    for attribute in message.attributes {
        match attribute {
            TcAttribute::Kind(kind) => is_clsact = kind == CLSACT,
            TcAttribute::Stats2(stats) => {
                drops = stats.into_iter().find_map(|stats| match stats {
                    TcStats2::Queue(queue) => Some(u64::from(queue.drops)),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    is_clsact.then_some((index, drops?))
}

/// The kernel's indexes are positive.
fn signed(index: u32) -> i32 {
    i32::try_from(index).unwrap_or_default()
}
