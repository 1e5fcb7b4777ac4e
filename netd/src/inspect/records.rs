//! The endpoint records of a container. They are read from disk, because they are needed most when no daemon runs.

use std::path::Path;

use chain::chain;
use inventory::NodeName;

use crate::state::Endpoint;
use crate::store::endpoint_records;

/// The records of a node. Errors of other records may hide one of its own, so all are reported.
pub(super) fn of(run: &Path, node: &NodeName, unknown: &mut Vec<String>) -> Vec<Endpoint> {
    let (records, errors) = endpoint_records(run);
    unknown.extend(errors.iter().map(|error| chain(error)));
    records.into_iter().filter(|record| record.node == *node).collect()
}
