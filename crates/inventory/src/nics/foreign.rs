//! Entries that do not belong to interfaces of the operating system. They are ignored and do not stop the others.

use thiserror::Error;

use super::{NicKind, Nics};
use crate::cell::CellError;

/// Ignored entry. The message names the row and how to confirm that this is intended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IgnoredEntry {
    /// Unknown type in `nictypes`.
    #[error("{cell}; {nic} is not configured; set nictypes.{nic}=unused if this is intended")]
    Type {
        /// The entry.
        cell: CellError,
        /// The interface.
        nic: String,
    },
    /// Invalid value of an interface that does not belong to the operating system.
    #[error("{cell}; {nic} is not configured")]
    Value {
        /// The entry.
        cell: CellError,
        /// The interface.
        nic: String,
    },
    /// No type, and a common name of a service processor's interface.
    #[error(
        "nictypes.{nic} of {node} is empty and {nic} is a common name of a service processor's interface: it is not configured; set nictypes.{nic}=bmc, or Ethernet"
    )]
    Untyped {
        /// The node.
        node: String,
        /// The interface.
        nic: String,
    },
}

/// Common names of a service processor's interface, from vendors and xCAT's examples. A number may follow.
const SERVICE_PROCESSORS: [&str; 7] = ["ipmi", "bmc", "ilo", "idrac", "drac", "imm", "xcc"];

impl Nics {
    /// Whether the interface does not belong to the operating system, judged by `nictypes` and its name.
    pub(super) fn is_foreign(&self, name: &str) -> bool {
        match self.get(name).and_then(|nic| nic.kind) {
            Some(kind) => matches!(kind, NicKind::Bmc | NicKind::Unused | NicKind::Unknown),
            None => is_service_processor(name),
        }
    }

    /// Ignores interfaces without type and upper device whose name is common for service processors.
    pub(super) fn pass_over_untyped(&mut self, node: &str) {
        let below: Vec<_> = self.all.iter().flat_map(|nic| nic.devices.iter().cloned()).collect();
        for nic in &mut self.all {
            let plain = nic.kind.is_none() && nic.devices.is_empty() && !below.contains(&nic.name);
            if plain && is_service_processor(nic.name.as_str()) {
                nic.kind = Some(NicKind::Bmc);
                let (node, nic) = (node.to_owned(), nic.name.to_string());
                self.ignored.push(IgnoredEntry::Untyped { node, nic });
            }
        }
    }
}

fn is_service_processor(name: &str) -> bool {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    SERVICE_PROCESSORS.contains(&word.as_str())
}
