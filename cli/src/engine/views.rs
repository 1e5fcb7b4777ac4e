//! What the engine says, in the few words that we need.

use std::collections::HashMap;

use bollard::container::LogOutput;
use bollard::models::{ContainerSummary, MountPoint, NetworkInspect};
use ipnet::IpNet;

/// A container of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Container {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// Its name, without Docker's slash.
    pub(crate) name: String,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub(crate) state: String,
    /// `Up 2 hours`.
    pub(crate) status: String,
    /// Its image as it was asked for.
    pub(crate) image: String,
    /// Its command line.
    pub(crate) command: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// Its labels.
    pub(crate) labels: HashMap<String, String>,
    /// Its volumes that have no name of their own, each with its place in the container.
    pub(crate) anonymous: Vec<(String, String)>,
}

impl From<ContainerSummary> for Container {
    fn from(summary: ContainerSummary) -> Self {
        let ContainerSummary { id, names, state, status, image, command, created, labels, mounts, .. } =
            summary;
        let own =
            |name: &String| name.strip_prefix('/').filter(|name| !name.contains('/')).map(str::to_owned);
        Self {
            id: id.unwrap_or_default(),
            // a name with two slashes is what another container calls it (Docker's old links)
            name: names.iter().flatten().find_map(own).unwrap_or_default(),
            state: state.map(|state| state.to_string()).unwrap_or_default(),
            status: status.unwrap_or_default(),
            image: image.unwrap_or_default(),
            command: command.unwrap_or_default(),
            created: created.unwrap_or_default(),
            labels: labels.unwrap_or_default(),
            anonymous: mounts.into_iter().flatten().filter_map(anonymous).collect(),
        }
    }
}

/// Docker names a volume that nobody named by 64 hexadecimal digits (moby volume/service, `stringid.GenerateRandomID`).
fn anonymous(mount: MountPoint) -> Option<(String, String)> {
    let (name, place) = (mount.name?, mount.destination?);
    let is_random = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_random.then_some((name, place))
}

/// An engine as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct About {
    /// Its release.
    pub(crate) version: String,
    /// The newest version of its API.
    pub(crate) api: String,
    /// Where on its host it keeps images and containers.
    pub(crate) root: String,
}

/// A Docker network of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Network {
    /// Its network driver.
    pub(crate) driver: String,
    /// Its address driver.
    pub(crate) ipam: String,
    /// Its subnets, as far as they are any.
    pub(crate) subnets: Vec<IpNet>,
    /// Its driver's options.
    pub(crate) options: HashMap<String, String>,
}

impl From<NetworkInspect> for Network {
    fn from(inspect: NetworkInspect) -> Self {
        let ipam = inspect.ipam.unwrap_or_default();
        let subnet = |config: bollard::models::IpamConfig| config.subnet?.parse().ok();
        Self {
            driver: inspect.driver.unwrap_or_default(),
            ipam: ipam.driver.unwrap_or_default(),
            subnets: ipam.config.unwrap_or_default().into_iter().filter_map(subnet).collect(),
            options: inspect.options.unwrap_or_default(),
        }
    }
}

/// A piece of a container's log: any number of bytes, not a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogPiece {
    /// From its standard error.
    pub(crate) from_stderr: bool,
    /// What it wrote.
    pub(crate) bytes: Vec<u8>,
}

impl From<LogOutput> for LogPiece {
    fn from(output: LogOutput) -> Self {
        let from_stderr = matches!(output, LogOutput::StdErr { .. });
        Self { from_stderr, bytes: output.into_bytes().to_vec() }
    }
}
