//! Plan of `mk` for a host: desired containers and observed engine in, steps out. Pure: no engine, no clock.

mod attachments;
mod belonging;
mod body;
mod differ;
mod holder;
mod ignored;
mod links;
mod merge;
mod network;
mod published;
mod replace;
mod settings;
mod settle;
mod survey;

use std::fmt;

use ipnet::IpNet;
use serde_json::Value;

use crate::engine::ContainerId;

pub(crate) use attachments::{Fault, Rejoin, faults_of, rejoin};
pub(crate) use belonging::{Belonging, NotOwn, belonging, is_made_from, left_aside};
pub(crate) use body::{Body, body};
pub(crate) use holder::{holder, names_endpoint};
pub(crate) use ignored::ignored;
pub(crate) use links::{LinkTarget, ports};
pub(crate) use network::is_ours;
pub(crate) use published::published;
pub(crate) use replace::{Replaced, aside, back};
pub(crate) use settle::{Desired, Observed, Plan, Verdict, Wanted, settle};
pub(crate) use survey::survey;

/// The label that says which node a container is.
pub(crate) const NODE_LABEL: &str = "xdock.node";

/// The label that says what a container was made from: the create body without this label.
pub(crate) const SPEC_LABEL: &str = "xdock.spec";

/// The label of a container with links: the entries of /etc/hosts that are from links, `NAME:ADDRESS`. netd keeps them current.
pub(crate) const LINKS_LABEL: &str = "xdock.links";

/// The first version of the API that takes several networks and a MAC address for each at create (moby 25.0).
pub(crate) const API_ENDPOINTS: crate::engine::ApiVersion = crate::engine::ApiVersion(1, 44);

/// Which container a step is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject {
    /// The one that [`Step::Create`] of the same plan makes.
    Made,
    /// One that the engine listed.
    Listed(ContainerId),
}

/// One call of a host's engine, or the wait for its netd.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// For all containers of the host that are on it.
    CreateNetwork {
        name: String,
        /// Its subnets, to be shown.
        subnets: Vec<IpNet>,
        /// POST /networks/create.
        body: Value,
    },
    /// For all containers of the host that are made from it.
    PullImage(String),
    /// Makes a node's container.
    Create {
        /// Its image, to be shown.
        image: String,
        /// Its addresses on the first network, to be shown.
        network: String,
        /// POST /containers/create.
        body: Value,
    },
    /// Puts a container on one more network.
    Connect {
        of: Subject,
        /// The network's name.
        network: String,
        /// `EndpointConfig` of POST /networks/ID/connect.
        endpoint: Value,
    },
    /// Reports what of a create body the engine did not take.
    Compare {
        of: Subject,
        /// What it was asked to be.
        body: Value,
    },
    /// Takes a container off a network.
    Disconnect {
        of: ContainerId,
        /// The network's name.
        network: String,
    },
    /// Waits until netd has the tables: it refuses what it does not know. They are on their way from the beginning, and what
    /// comes before this step needs no netd and can be rolled back.
    Tables,
    /// Gives a container another name.
    Rename {
        of: ContainerId,
        /// What it is called.
        from: String,
        /// What it will be called.
        to: String,
    },
    /// Stops a container.
    Stop {
        of: ContainerId,
        /// Its name by then.
        name: String,
    },
    /// Starts the node's container, and sees that it stays up.
    Start(Subject),
    /// Removes a container that was replaced; its volumes stay.
    Remove {
        of: ContainerId,
        /// Its name by then.
        name: String,
    },
    /// Removes the container that [`Step::Create`] made, where it made one, and what was made with it.
    Discard(String),
}

impl Step {
    /// Whether it changes anything.
    pub(crate) fn is_change(&self) -> bool {
        !matches!(self, Self::Tables | Self::Compare { .. })
    }

    /// Makes the Docker network of a row.
    pub(crate) fn create_network(network: &inventory::Network) -> Self {
        Self::CreateNetwork {
            name: network.name.to_string(),
            subnets: network.subnets.clone(),
            body: network::body(network),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateNetwork { name, subnets, .. } => {
                let subnets: Vec<String> = subnets.iter().map(IpNet::to_string).collect();
                write!(f, "create network {name} ({})", subnets.join(", "))
            }
            Self::PullImage(image) => write!(f, "pull image {image}"),
            Self::Create { image, network, .. } => write!(f, "create from {image} on {network}"),
            Self::Connect { network, .. } => write!(f, "connect to {network}"),
            Self::Compare { .. } => f.write_str("compare with what was asked for"),
            Self::Disconnect { network, .. } => write!(f, "disconnect from {network}"),
            Self::Tables => f.write_str("wait until netd has the tables"),
            Self::Rename { from, to, .. } => write!(f, "rename {from} to {to}"),
            Self::Stop { name, .. } => write!(f, "stop {name}"),
            Self::Start(_) => f.write_str("start"),
            Self::Discard(name) => write!(f, "remove {name} again"),
            Self::Remove { name, .. } => write!(f, "remove {name}, but not its volumes"),
        }
    }
}
