//! Notifications of changes, without details: the receiver observes the switch again.

use ovsdb::{Monitor, MonitorRequest};

use super::{Switch, SwitchError};

/// Notifications of changes of bridges, ports, VLANs and interface errors. Continues over restarts of ovsdb-server,
/// and reports what changed meanwhile.
#[derive(Debug)]
pub struct Watch {
    monitor: Monitor,
}

impl Switch {
    /// Starts to watch.
    ///
    /// # Errors
    /// The database did not answer, or lacks a table.
    pub async fn watch(&self) -> Result<Watch, SwitchError> {
        let tables = vec![
            MonitorRequest::table("Bridge").columns(["name", "ports"]),
            MonitorRequest::table("Port").columns([
                "name",
                "tag",
                "trunks",
                "vlan_mode",
                "external_ids",
                "interfaces",
            ]),
            // without statistics, which change every five seconds
            MonitorRequest::table("Interface").columns(["name", "ofport", "error"]),
        ];
        let monitor = self.client.monitor(tables).await.map_err(failed)?;
        Ok(Watch { monitor })
    }
}

impl Watch {
    /// Waits for a change since the last return.
    ///
    /// # Errors
    /// The database can no longer be watched.
    pub async fn changed(&mut self) -> Result<(), SwitchError> {
        self.monitor.changed().await.map(drop).map_err(failed)
    }
}

fn failed(source: ovsdb::Error) -> SwitchError {
    SwitchError::database("watch its configuration", source)
}
