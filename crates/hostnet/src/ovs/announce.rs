//! Announces a container's address through its port.
//!
//! The bridge's internal port cannot be used: it is in the host's VLAN, and the switch would learn that the
//! container is behind it and send the container's frames to the host. The container end is already in the
//! container, where netd may not run code. So ovs-vswitchd is asked to handle the frame as if it had arrived
//! on the container's port (OpenFlow `packet_out` with this `in_port` and the action `NORMAL`): VLAN and MAC
//! learning are those of the port. container's port (OpenFlow `packet_out` with that `in_port`, action
//! `NORMAL`): VLAN and learning are those of the port.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inventory::{IfName, MacAddr};
use ovsdb::{Condition, OperationResult, Transaction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::openflow::{Answer, first, packet_out};
use super::{Switch, SwitchError};
use crate::{arp, ndp};

/// Time limit for sending a frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

impl Switch {
    /// Announces an address to the neighbours in a port's VLAN. See [`crate::arp::announce`] and
    /// [`crate::ndp::announce`].
    ///
    /// # Errors
    /// [`SwitchError::NoPort`], ovs-vswitchd did not answer, or the database failed.
    pub async fn announce(
        &self,
        bridge: &IfName,
        port: &IfName,
        address: IpAddr,
        mac: MacAddr,
    ) -> Result<(), SwitchError> {
        let failed =
            |source| SwitchError::Announce { address, port: port.clone(), bridge: bridge.clone(), source };
        let frame = match address {
            IpAddr::V4(v4) => arp::announcement(v4, mac),
            IpAddr::V6(v6) => ndp::announcement(v6, mac),
        };
        let number = self.ofport(port).await?;
        let request = packet_out(number, &frame).ok_or_else(|| {
            failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("OpenFlow 1.0 does not support port number {number}"),
            ))
        })?;
        let socket = self.openflow(bridge).map_err(failed)?;
        let done = timeout(SEND_TIMEOUT, send(&socket, &request)).await;
        done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)
    }

    /// The OpenFlow socket of a bridge (ovs-vswitchd(8), `RUNDIR/BRIDGE.mgmt`).
    pub(super) fn openflow(&self, bridge: &IfName) -> io::Result<PathBuf> {
        let remote = || io::Error::new(io::ErrorKind::Unsupported, "the switch is not on this host");
        Ok(self.rundir.as_ref().ok_or_else(remote)?.join(format!("{bridge}.mgmt")))
    }

    async fn ofport(&self, port: &IfName) -> Result<i64, SwitchError> {
        let of = [Condition::equal("name", port.as_str())];
        let read = self.client.transact(Transaction::new().select("Interface", of, ["ofport"])).await;
        let failed =
            |source| SwitchError::database(format!("read the OpenFlow number of port {port}"), source);
        let read = read.map_err(failed)?;
        let row = read.first().map(OperationResult::rows).unwrap_or_default().first();
        let number = row.map(|row| row.optional_integer("ofport")).transpose()?.flatten();
        number.filter(|number| *number >= 0).ok_or_else(|| SwitchError::NoPort { port: port.clone() })
    }
}

async fn send(socket: &Path, request: &[u8]) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(request).await?;
    let mut read = Vec::new();
    loop {
        while let Some((answer, length)) = first(&read) {
            match answer {
                Answer::Done => return Ok(()),
                Answer::Refused(kind, code) => {
                    return Err(io::Error::other(format!(
                        "ovs-vswitchd refused: OpenFlow error {kind}.{code}"
                    )));
                }
                Answer::Other => drop(read.drain(..length)),
            }
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
