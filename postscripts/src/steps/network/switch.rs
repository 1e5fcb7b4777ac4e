//! This machine's Open vSwitch, as far as the network step looks at it.

use std::path::Path;

use hostnet::ovs::{self, Switch, SwitchError};
use inventory::{IfName, MacAddr};

/// An Open vSwitch bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OvsBridge {
    /// Its name, and that of its internal port.
    pub name: IfName,
    /// Its ports, the internal one too, as far as they are interfaces that the tables could name.
    pub ports: Vec<IfName>,
    /// The VLAN of the internal port; `None`: untagged.
    pub tag: Option<u16>,
    /// Spanning tree is on.
    pub stp: bool,
    /// The Ethernet address that it was given.
    pub mac: Option<MacAddr>,
    /// The MTU of the internal port that was asked for.
    pub mtu: Option<u32>,
}

/// Where the database's socket is ([`ovs::REMOTE`]).
const SOCKET: &str = "/var/run/openvswitch/db.sock";

/// The bridges of a switch.
///
/// # Errors
/// It does not answer.
pub async fn bridges(switch: &Switch) -> Result<Vec<OvsBridge>, SwitchError> {
    let observed = switch.observe().await?;
    Ok(observed.bridges.iter().filter_map(read).collect())
}

/// Whether the database of Open vSwitch is there to be asked.
pub fn is_installed() -> bool {
    Path::new(SOCKET).exists()
}

fn read(bridge: &ovs::Bridge) -> Option<OvsBridge> {
    let internal = bridge.port(&bridge.name);
    let request =
        internal.and_then(|port| port.interfaces.first()).and_then(|interface| interface.mtu_request);
    Some(OvsBridge {
        name: bridge.name.parse().ok()?,
        ports: bridge.ports.iter().filter_map(|port| port.name.parse().ok()).collect(),
        tag: internal.and_then(|port| port.tag),
        stp: bridge.stp,
        mac: bridge.hwaddr,
        mtu: request.and_then(|mtu| u32::try_from(mtu).ok()),
    })
}
