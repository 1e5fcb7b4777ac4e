//! How Open vSwitch refused.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use inventory::IfName;
use ovsdb::{RemoteError, RowError};
use thiserror::Error;

/// An operation that Open vSwitch did not do.
#[derive(Debug, Error)]
pub enum SwitchError {
    /// The text names no database.
    #[error("the address of Open vSwitch's database can not be used")]
    Remote {
        /// Why.
        #[source]
        source: RemoteError,
    },
    /// ovsdb-server does not answer, or refused. Nothing was changed, or everything.
    #[error("Open vSwitch's database: cannot {what}")]
    Database {
        /// What was to be done, with bridge and port.
        what: String,
        /// Why.
        #[source]
        source: Box<ovsdb::Error>,
    },
    /// The database is not as ovs-vswitchd.conf.db(5) has it.
    #[error("Open vSwitch's database is of a release that is not understood")]
    Schema {
        /// The column.
        #[source]
        source: RowError,
    },
    /// The database has no row in its table `Open_vSwitch`.
    #[error("Open vSwitch's database is empty: restart Open vSwitch, its start script fills it")]
    Empty,
    /// There is no such bridge.
    #[error("Open vSwitch has no bridge {bridge}")]
    NoBridge {
        /// Its name.
        bridge: IfName,
    },
    /// There is no such port.
    #[error("Open vSwitch has no port {port}")]
    NoPort {
        /// Its name.
        port: IfName,
    },
    /// A name has another meaning already, and is left alone.
    #[error("{name} is {what} in Open vSwitch already: remove it there first, or take another name")]
    Taken {
        /// The name.
        name: IfName,
        /// What has it, such as `a port of bridge br1`.
        what: String,
    },
    /// Others changed the same again and again.
    #[error("cannot {what}: somebody else changes the same all the time")]
    Contended {
        /// What was to be done.
        what: String,
        /// How the last try failed.
        #[source]
        source: Box<ovsdb::Error>,
    },
    /// The database took it; `Open_vSwitch.cur_cfg` did not move (ovs-vswitchd.conf.db(5)).
    #[error(
        "cannot {what}: ovs-vswitchd has not taken it within {} s; does it run? systemctl status openvswitch-switch",
        waited.as_secs_f32()
    )]
    NotApplied {
        /// What was to be done.
        what: String,
        /// How long was waited.
        waited: Duration,
    },
    /// `Interface.error`: the database has it, and ovs-vswitchd could not make it so.
    #[error("ovs-vswitchd cannot use interface {interface} of bridge {bridge}: {said}")]
    Interface {
        /// The bridge.
        bridge: IfName,
        /// The interface.
        interface: String,
        /// ovs-vswitchd's words.
        said: String,
    },
    /// The address was not announced.
    #[error("cannot announce {address} through port {port} of bridge {bridge}")]
    Announce {
        /// The address.
        address: IpAddr,
        /// The port.
        port: IfName,
        /// The bridge.
        bridge: IfName,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SwitchError {
    /// Whether ovsdb-server was not reached at all.
    pub fn is_absence(&self) -> bool {
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
