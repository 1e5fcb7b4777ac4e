//! Interfaces that carry frames on this host, but not for this host.

use std::io;
use std::path::Path;

use inventory::IfName;

use crate::error::NetError;
use crate::kernel::Kernel;

/// What makes an interface deaf, below `/proc/sys/net` (Documentation/networking/ip-sysctl.rst). All of it goes when the
/// interface goes to another namespace: the kernel makes its settings anew there (`inetdev_event`, `addrconf_notify`).
/// * `arp_ignore` 8: no answer, for no address of this host.
/// * `rp_filter`: what has a source that is not behind this interface is dropped, and nothing is behind it.
/// * `disable_ipv6`: no router advertisement is heard, no link-local address made.
const DEAF: [(&str, &str, &str); 3] =
    [("ipv4", "arp_ignore", "8"), ("ipv4", "rp_filter", "1"), ("ipv6", "disable_ipv6", "1")];

impl Kernel {
    /// Has this host's own IP disregard what comes in through an interface without an address; packet sockets still hear
    /// it. Else the host would answer there for all its addresses (ip-sysctl.rst, `arp_ignore` 0), and forward what was
    /// sent to others.
    ///
    /// Where it is needed: a port of Open vSwitch's userspace datapath, whose frames the kernel sees too (Open vSwitch,
    /// Documentation/intro/install/userspace.rst, "Firewall Rules"); a container's end that is switched on before the
    /// container has it.
    ///
    /// # Errors
    /// [`NetError::Missing`], or the kernel refused.
    pub async fn deafen(&self, device: &IfName) -> Result<(), NetError> {
        let name = device.clone();
        // the kernel has these wait for every change of the network that is on its way
        let deafened = tokio::task::spawn_blocking(move || deafen(&name)).await;
        let failed = |error: tokio::task::JoinError| NetError::Set {
            device: device.clone(),
            property: "its deafness".to_owned(),
            source: error.into(),
        };
        deafened.map_err(failed)?
    }
}

fn deafen(device: &IfName) -> Result<(), NetError> {
    for (family, setting, value) in DEAF {
        let settings = Path::new("/proc/sys/net").join(family).join("conf").join(device.as_str());
        match std::fs::write(settings.join(setting), value) {
            // a kernel without IPv6
            Err(error) if family == "ipv6" && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(NetError::Missing { device: device.clone() });
            }
            Err(source) => {
                let property = format!("{setting} {value}");
                return Err(NetError::Set { device: device.clone(), property, source });
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
