//! Errors of Open vSwitch.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use inventory::IfName;
use ovsdb::{RemoteError, RowError};
use thiserror::Error;

/// An operation that Open vSwitch did not execute.
#[derive(Debug, Error)]
pub enum SwitchError {
    /// The address of the database is invalid.
    #[error("invalid address of Open vSwitch's database")]
    Remote {
        /// Cause.
        #[source]
        source: RemoteError,
    },
    /// ovsdb-server did not answer, or refused. The operation was executed completely or not at all.
    #[error("Open vSwitch: cannot {what}")]
    Database {
        /// The operation, with bridge and port.
        what: String,
        /// Cause.
        #[source]
        source: Box<ovsdb::Error>,
    },
    /// The schema differs from ovs-vswitchd.conf.db(5).
    #[error("Open vSwitch's database has an unsupported schema")]
    Schema {
        /// Cause.
        #[source]
        source: RowError,
    },
    /// The table `Open_vSwitch` has no row.
    #[error("Open vSwitch's database is empty: restart Open vSwitch, its start script fills it")]
    Empty,
    /// The bridge does not exist.
    #[error("Open vSwitch has no bridge {bridge}")]
    NoBridge {
        /// Its name.
        bridge: IfName,
    },
    /// Flows could not be read or changed.
    #[error("cannot change the flows of bridge {bridge}")]
    Flows {
        /// The bridge.
        bridge: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The port does not exist.
    #[error("Open vSwitch has no port {port}")]
    NoPort {
        /// Its name.
        port: IfName,
    },
    /// The name is already used for something else, which is not changed.
    #[error("{name} is already {what} in Open vSwitch: remove it there first, or use another name")]
    Taken {
        /// The name.
        name: IfName,
        /// Its user, such as `a port of bridge br1`.
        what: String,
    },
    /// Another program changed the same configuration during each attempt.
    #[error("cannot {what}: another program keeps changing the same configuration")]
    Contended {
        /// The operation.
        what: String,
        /// Cause of the last failure.
        #[source]
        source: Box<ovsdb::Error>,
    },
    /// The change is in the database, but `Open_vSwitch.cur_cfg` did not change (ovs-vswitchd.conf.db(5)).
    #[error(
        "cannot {what}: ovs-vswitchd did not apply it within {} s; check that it runs: systemctl status openvswitch-switch",
        waited.as_secs_f32()
    )]
    NotApplied {
        /// The operation.
        what: String,
        /// Time limit.
        waited: Duration,
    },
    /// `Interface.error`: ovs-vswitchd cannot apply the configuration of an interface.
    #[error("ovs-vswitchd cannot use interface {interface} of bridge {bridge}: {error}")]
    Interface {
        /// The bridge.
        bridge: IfName,
        /// The interface.
        interface: String,
        /// Error of ovs-vswitchd.
        error: String,
    },
    /// An address was not announced.
    #[error("cannot announce {address} through port {port} of bridge {bridge}")]
    Announce {
        /// The address.
        address: IpAddr,
        /// The port.
        port: IfName,
        /// The bridge.
        bridge: IfName,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl SwitchError {
    /// Whether ovs-vswitchd answered that it does not support what was requested.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Flows { source, .. } if source.kind() == io::ErrorKind::Other)
    }

    /// Whether ovsdb-server could not be reached.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Database { source, .. } => matches!(**source, ovsdb::Error::Unreachable { .. }),
            _ => false,
        }
    }
}

impl SwitchError {
    pub(super) fn database(what: impl Into<String>, source: ovsdb::Error) -> Self {
        Self::Database { what: what.into(), source: Box::new(source) }
    }
}

impl From<RowError> for SwitchError {
    fn from(source: RowError) -> Self {
        Self::Schema { source }
    }
}
