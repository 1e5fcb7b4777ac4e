//! Observes this host's Open vSwitch.

use std::path::Path;

use hostnet::ovs::{self, Switch, SwitchError};
use inventory::{IfName, MacAddr};

/// An Open vSwitch bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OvsBridge {
    /// Its name, which is also the name of its internal port.
    pub name: IfName,
    /// Its ports, including the internal one, whose names are valid interface names.
    pub ports: Vec<IfName>,
    /// VLAN of the internal port; `None`: untagged.
    pub tag: Option<u16>,
    /// Spanning tree is enabled.
    pub stp: bool,
    /// Its configured MAC.
    pub mac: Option<MacAddr>,
    /// Requested MTU of the internal port.
    pub mtu: Option<u32>,
}

/// Socket of the database ([`ovs::REMOTE`]).
const SOCKET: &str = "/var/run/openvswitch/db.sock";

/// The bridges of a switch.
///
/// # Errors
/// The switch does not answer.
pub async fn bridges(switch: &Switch) -> Result<Vec<OvsBridge>, SwitchError> {
    let observed = switch.observe().await?;
    Ok(observed.bridges.iter().filter_map(read).collect())
}

/// Whether Open vSwitch's database is running.
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
