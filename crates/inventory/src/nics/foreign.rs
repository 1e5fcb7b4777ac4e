//! Entries that are of no interface of the operating system: one of them must not keep the others from their plan.

use thiserror::Error;

use super::{NicKind, Nics};
use crate::cell::CellError;

/// An entry that nothing is made of. The message names the row, and how to say that it is meant so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IgnoredEntry {
    /// `nictypes` has a type that we do not know.
    #[error("{cell}; {nic} is not configured; set nictypes.{nic}=unused if this is intended")]
    Type {
        /// The entry.
        cell: CellError,
        /// The interface.
        nic: String,
    },
    /// A value that is wrong, of an interface that is not the operating system's.
    #[error("{cell}; {nic} is not configured")]
    Value {
        /// The entry.
        cell: CellError,
        /// The interface.
        nic: String,
    },
    /// No type, and the name of a service processor.
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

/// What vendors and xCAT's examples call the network interface of a service processor; a number may follow.
const SERVICE_PROCESSORS: [&str; 7] = ["ipmi", "bmc", "ilo", "idrac", "drac", "imm", "xcc"];

impl Nics {
    /// Whether the entries of that interface are not ours to configure, as far as `nictypes` and the name say.
    pub(super) fn is_foreign(&self, name: &str) -> bool {
        match self.get(name).and_then(|nic| nic.kind) {
            Some(kind) => matches!(kind, NicKind::Bmc | NicKind::Unused | NicKind::Unknown),
            None => is_service_processor(name),
        }
    }

    /// Takes interfaces without a type for service processors where their name says so and nothing stands on them.
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
