//! The parts of the engine's answers that we use.

use std::collections::HashMap;

use bollard::container::LogOutput;
use std::net::IpAddr;

use bollard::models::{ContainerSummary, EndpointSettings, MountPoint};

use super::{ContainerId, NetworkId, VolumeName};

/// A container of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct Container {
    /// Its ID.
    pub(crate) id: ContainerId,
    /// Its name, without Docker's slash.
    pub(crate) name: String,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub(crate) state: String,
    /// `Up 2 hours`.
    pub(crate) status: String,
    /// Its image reference.
    pub(crate) image: String,
    /// Its command line.
    pub(crate) command: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) labels: HashMap<String, String>,
    /// Its anonymous volumes with their mount points.
    pub(crate) anonymous: Vec<(VolumeName, String)>,
    /// Its networks, by name.
    pub(crate) networks: Vec<Attached>,
}

/// A container's attachment to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attached {
    /// The network's name when the container was connected.
    pub(crate) network: String,
    /// Network of its last start; another one may now have this name.
    pub(crate) id: Option<NetworkId>,
    /// Requested addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// Its endpoint, while it runs.
    pub(crate) endpoint: Option<String>,
}

impl Attached {
    fn listed((network, settings): (String, EndpointSettings)) -> Self {
        let EndpointSettings { ipam_config, network_id, endpoint_id, .. } = settings;
        let asked = ipam_config.unwrap_or_default();
        let address = |text: Option<String>| text?.parse().ok();
        Self {
            network,
            id: network_id.as_deref().and_then(NetworkId::new),
            addresses: [asked.ipv4_address, asked.ipv6_address].into_iter().filter_map(address).collect(),
            endpoint: endpoint_id.filter(|id| !id.is_empty()),
        }
    }
}

impl Container {
    pub(super) fn listed(summary: ContainerSummary) -> Option<Self> {
        let ContainerSummary {
            id,
            names,
            state,
            status,
            image,
            command,
            created,
            labels,
            mounts,
            network_settings,
            ..
        } = summary;
        let own =
            |name: &String| name.strip_prefix('/').filter(|name| !name.contains('/')).map(str::to_owned);
        // names with two slashes are aliases of other containers (Docker's old links)
        let name = names.iter().flatten().find_map(own).unwrap_or_default();
        Some(Self {
            id: ContainerId::new(&id?, &name)?,
            name,
            state: state.map(|state| state.to_string()).unwrap_or_default(),
            status: status.unwrap_or_default(),
            image: image.unwrap_or_default(),
            command: command.unwrap_or_default(),
            created: created.unwrap_or_default(),
            labels: labels.unwrap_or_default(),
            anonymous: mounts.into_iter().flatten().filter_map(anonymous).collect(),
            networks: sorted(network_settings.and_then(|of| of.networks).unwrap_or_default()),
        })
    }
}

fn sorted(networks: HashMap<String, EndpointSettings>) -> Vec<Attached> {
    let mut all: Vec<Attached> = networks.into_iter().map(Attached::listed).collect();
    all.sort_by(|one, other| one.network.cmp(&other.network));
    all
}

/// Docker names anonymous volumes with 64 hexadecimal digits (moby volume/service, `stringid.GenerateRandomID`).
fn anonymous(mount: MountPoint) -> Option<(VolumeName, String)> {
    let (name, place) = (mount.name?, mount.destination?);
    let is_random = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_random.then(|| (VolumeName::new(name), place))
}

/// Data of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct About {
    /// Its release.
    pub(crate) version: String,
    /// The newest version of its API.
    pub(crate) api: String,
    /// Its data directory.
    pub(crate) root: String,
}

/// A chunk of a container's log: any number of bytes, not a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogPiece {
    /// Whether it is standard error.
    pub(crate) from_stderr: bool,
    pub(crate) bytes: Vec<u8>,
}

impl From<LogOutput> for LogPiece {
    fn from(output: LogOutput) -> Self {
        let from_stderr = matches!(output, LogOutput::StdErr { .. });
        Self { from_stderr, bytes: output.into_bytes().to_vec() }
    }
}
