//! Notifications that flows of a bridge were removed, or that ovs-vswitchd, which forgets them, was restarted.

use std::io;

use inventory::IfName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::connection::{Message, read};
use super::message;
use crate::ovs::{Switch, SwitchError};

/// A connection to ovs-vswitchd that notifies of removed flows.
#[derive(Debug)]
pub struct FlowWatch {
    bridge: IfName,
    stream: UnixStream,
}

impl Switch {
    /// Starts to watch. Observe the flows once after this.
    ///
    /// # Errors
    /// ovs-vswitchd does not run, or does not have the bridge yet.
    pub async fn watch_flows(&self, bridge: &IfName) -> Result<FlowWatch, SwitchError> {
        let failed = |source| SwitchError::Flows { bridge: bridge.clone(), source };
        let socket = self.openflow(bridge).map_err(failed)?;
        let open = async {
            let mut stream = UnixStream::connect(socket).await?;
            stream.write_all(&message::monitor()).await?;
            Ok(FlowWatch { bridge: bridge.clone(), stream })
        };
        open.await.map_err(failed)
    }
}

impl FlowWatch {
    /// Waits until flows were removed or changed.
    ///
    /// # Errors
    /// The connection ended: ovs-vswitchd was stopped, or removed the bridge.
    pub async fn changed(&mut self) -> Result<(), SwitchError> {
        let changed = self.next().await;
        changed.map_err(|source| SwitchError::Flows { bridge: self.bridge.clone(), source })
    }

    async fn next(&mut self) -> io::Result<()> {
        loop {
            match read(&mut self.stream).await? {
                Message { kind: message::ECHO_REQUEST, body, xid } => {
                    self.stream.write_all(&message::echo_reply(xid, &body)).await?;
                }
                // the first one, without content, confirms the request
                Message { kind: message::STATISTICS_REPLY_1_0, body, .. } if body.len() > MONITOR_REPLY => {
                    return Ok(());
                }
                _ => {}
            }
        }
    }
}

/// Length of a reply without content: the heads of a multipart message and of Open vSwitch's extension.
const MONITOR_REPLY: usize = 16;
