//! Frames that come out of a container's port without the container: the announcement of its address.
//!
//! From the bridge's internal port it would be wrong twice: that port is in the host's VLAN, and the switch would learn
//! that the container is behind it, so that the container's frames would go to the host. The container's end is in the
//! container by then, where netd may not go. So ovs-vswitchd is asked to take the frame as if it had come in through the
//! container's port (OpenFlow `packet_out` with that `in_port`, action `NORMAL`): VLAN and learning are those of the port.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inventory::{IfName, MacAddr};
use ovsdb::{Condition, OperationResult, Transaction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::openflow::{Answer, first, inject};
use super::{Switch, SwitchError};
use crate::{arp, ndp};

/// How long ovs-vswitchd may take to send a frame.
const SEND: Duration = Duration::from_secs(2);

impl Switch {
    /// Tells the neighbours in a port's VLAN that an address is now at this Ethernet address, behind this port. As
    /// [`crate::arp::announce`] and [`crate::ndp::announce`].
    ///
    /// # Errors
    /// [`SwitchError::NoPort`], ovs-vswitchd does not answer, or the database.
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
        let number = self.number(port).await?;
        let request = inject(number, &frame).ok_or_else(|| {
            failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{number} is no port of OpenFlow 1.0"),
            ))
        })?;
        let socket = self.openflow(bridge).map_err(failed)?;
        let done = timeout(SEND, send(&socket, &request)).await;
        done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)
    }

    /// Where ovs-vswitchd listens for OpenFlow of a bridge (ovs-vswitchd(8), `RUNDIR/BRIDGE.mgmt`).
    fn openflow(&self, bridge: &IfName) -> io::Result<PathBuf> {
        let remote = || io::Error::new(io::ErrorKind::Unsupported, "the switch is not on this machine");
        Ok(self.rundir.as_ref().ok_or_else(remote)?.join(format!("{bridge}.mgmt")))
    }

    async fn number(&self, port: &IfName) -> Result<i64, SwitchError> {
        let of = [Condition::equal("name", port.as_str())];
        let told = self.client.transact(Transaction::new().select("Interface", of, ["ofport"])).await;
        let told =
            told.map_err(|source| SwitchError::database(format!("read the number of {port}"), source))?;
        let row = told.first().map(OperationResult::rows).unwrap_or_default().first();
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
