//! How an endpoint is plugged into its network: one file a fabric.

mod flat;

use hostnet::{Kernel, NetError};
use inventory::Fabric;
use thiserror::Error;

use crate::refusal::Refusal;
use crate::state::Endpoint;

/// An endpoint was not plugged in; nothing of it is left.
#[derive(Debug, Error)]
pub(crate) enum AttachError {
    /// The host is not what the tables say.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The kernel said no.
    #[error("cannot plug {node} into {network}")]
    Kernel {
        node: String,
        network: String,
        #[source]
        source: NetError,
    },
}

/// Makes the endpoint's pair and plugs its host end in.
pub(crate) async fn attach(fabric: Fabric, kernel: &Kernel, endpoint: &Endpoint) -> Result<(), AttachError> {
    match fabric {
        Fabric::Flat => flat::attach(kernel, endpoint).await,
        Fabric::Ovs => {
            let (bridge, network) = (endpoint.bridge.clone(), endpoint.on.clone());
            Err(Refusal::NoBridge { bridge, network }.into())
        }
    }
}
