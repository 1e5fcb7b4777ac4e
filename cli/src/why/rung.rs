//! One check of the ladder.

use serde::Serialize;

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layer {
    Table,
    Link,
    Host,
    Snapshot,
    Netd,
    Container,
    Interface,
    Route,
    Antispoof,
    Port,
    Bridge,
    Uplink,
    Fdb,
    Firewall,
    Neighbour,
    Address,
    Fabric,
    Mtu,
    Name,
    Publish,
    Service,
    Probe,
}

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Result {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Wrong,
    /// The facts are missing.
    Unknown,
}

/// Which packets are lost if a check has the result [`Result::Wrong`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Loses {
    /// None: running containers do not notice it.
    None,
    /// Perhaps all: the cause if no other check explains a loss. Its result is [`Result::Unknown`].
    Perhaps,
    /// Packets that are longer than the smallest MTU.
    Long,
    /// All.
    All,
    /// All, even if the probe was answered: the answer comes from another machine, or no program can use it.
    Trust,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rung {
    pub(crate) layer: Layer,
    /// The node or host that was checked.
    pub(crate) at: String,
    /// What should be, and which row says so.
    pub(crate) should: String,
    /// What is.
    pub(crate) is: String,
    pub(crate) result: Result,
    pub(crate) loses: Loses,
    /// Command that corrects it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

impl Layer {
    /// Its name in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Link => "link",
            Self::Host => "host",
            Self::Snapshot => "snapshot",
            Self::Netd => "netd",
            Self::Container => "container",
            Self::Interface => "interface",
            Self::Route => "route",
            Self::Antispoof => "antispoof",
            Self::Port => "port",
            Self::Bridge => "bridge",
            Self::Uplink => "uplink",
            Self::Fdb => "fdb",
            Self::Firewall => "firewall",
            Self::Neighbour => "neighbour",
            Self::Address => "address",
            Self::Fabric => "fabric",
            Self::Mtu => "mtu",
            Self::Name => "name",
            Self::Publish => "publish",
            Self::Service => "service",
            Self::Probe => "probe",
        }
    }
}

/// A check before its result is known.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    layer: Layer,
    at: String,
    should: String,
}

impl Check {
    /// A check of a layer at a node or host.
    pub(crate) fn new(layer: Layer, at: &str, should: impl Into<String>) -> Self {
        Self { layer, at: at.to_owned(), should: should.into() }
    }

    pub(crate) fn ok(self, is: impl Into<String>) -> Rung {
        self.ended(Result::Ok, is.into(), Loses::None)
    }

    /// Wrong: all packets of the path are lost.
    pub(crate) fn wrong(self, is: impl Into<String>) -> Rung {
        self.ended(Result::Wrong, is.into(), Loses::All)
    }

    pub(crate) fn unknown(self, is: impl Into<String>) -> Rung {
        self.ended(Result::Unknown, is.into(), Loses::None)
    }

    fn ended(self, result: Result, is: String, loses: Loses) -> Rung {
        let Self { layer, at, should } = self;
        Rung { layer, at, should, is, result, loses, fix: None }
    }
}

impl Rung {
    /// Sets which packets are lost.
    pub(crate) fn loses(self, loses: Loses) -> Self {
        Self { loses, ..self }
    }

    /// Sets the command that corrects it.
    pub(crate) fn fix(self, command: impl Into<String>) -> Self {
        Self { fix: Some(command.into()), ..self }
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.result == Result::Wrong
    }
}

/// A command on a host.
pub(crate) fn on_host(host: &str, command: &str) -> String {
    format!("ssh {host} {command}")
}
