//! Being told that the switch changed, without being told what: whoever hears of it looks again.

use ovsdb::{Monitor, MonitorRequest};

use super::{Switch, SwitchError};

/// The changes of the switch from when this was opened on: bridges, ports, their VLANs, and whether ovs-vswitchd could
/// use an interface. Goes on over restarts of ovsdb-server, and tells of what changed meanwhile.
#[derive(Debug)]
pub struct Watch {
    monitor: Monitor,
}

impl Switch {
    /// Begins to watch.
    ///
    /// # Errors
    /// The database does not answer, or has no such tables.
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
            // not its statistics, which change every five seconds
            MonitorRequest::table("Interface").columns(["name", "ofport", "error"]),
        ];
        let monitor = self.client.monitor(tables).await.map_err(failed)?;
        Ok(Watch { monitor })
    }
}

impl Watch {
    /// Waits until something changed since this last returned.
    ///
    /// # Errors
    /// The database can not be watched any more.
    pub async fn changed(&mut self) -> Result<(), SwitchError> {
        self.monitor.changed().await.map(drop).map_err(failed)
    }
}

fn failed(source: ovsdb::Error) -> SwitchError {
    SwitchError::database("watch it", source)
}
